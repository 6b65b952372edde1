"""Build the page and serve it: ``python app.py`` (see ``--help``)."""

import argparse
import os
import sys
from contextlib import suppress

if os.environ.get("SPACES_ZERO_GPU"):
    with suppress(ImportError):
        import spaces  # noqa: F401 - on a Space that lends its GPU, it must come before torch

from studio import settings
from studio.errors import UserError
from studio.render import Renderer
from studio.ui.page import build, launch_settings
from studio.ui.training import Access
from train.page.service import Service
from train.page.uploads import Limits


def main() -> int:
    """Read the options and serve the page until it is stopped."""
    parser = argparse.ArgumentParser(description="The Atelier studio, in a browser.")
    settings.add_version(parser)
    try:
        settings.add_server(parser)
        settings.add_folders(parser)
        settings.add_training(parser)
        options = parser.parse_args()
        access = Access(options.training == "on", settings.training_password())
        limits, guarded = Limits(*settings.upload_limits()), bool(access.password)
        training = Service(options.runs, options.checkpoints, limits, guarded=guarded)
    except UserError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    renderer = Renderer(options.checkpoints, options.runs)
    build(renderer, training, access).launch(
        server_name=options.host,
        server_port=options.port,
        **launch_settings(renderer, training, access),
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
