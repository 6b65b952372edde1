"""Build the page and serve it: ``python app.py`` (see ``--help``)."""

import argparse

from studio import settings
from studio.render import Renderer
from studio.ui.page import build, launch_settings


def main() -> None:
    """Read the options and serve the page until it is stopped."""
    parser = argparse.ArgumentParser(description="The Atelier studio, in a browser.")
    settings.add_server(parser)
    settings.add_folders(parser)
    options = parser.parse_args()
    renderer = Renderer(options.checkpoints, options.runs)
    build(renderer).launch(
        server_name=options.host, server_port=options.port, **launch_settings(renderer)
    )


if __name__ == "__main__":
    main()
