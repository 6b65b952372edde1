"""Where the studio listens and looks: options, with environment variables as their defaults."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent


def add_folders(parser: argparse.ArgumentParser) -> None:
    """Add ``--checkpoints`` and ``--runs``."""
    parser.add_argument(
        "--checkpoints",
        type=Path,
        default=Path(os.environ.get("STUDIO_CHECKPOINTS", HOME / "checkpoints")),
        metavar="DIR",
        help="generators that ship ($STUDIO_CHECKPOINTS)",
    )
    parser.add_argument(
        "--runs",
        type=Path,
        default=Path(os.environ.get("STUDIO_RUNS", HOME / "runs")),
        metavar="DIR",
        help="trainings, whose generators are offered too ($STUDIO_RUNS)",
    )


def add_server(parser: argparse.ArgumentParser) -> None:
    """Add ``--host`` and ``--port``.

    Gradio's own variables count too, because a Space sets them to where it wants to be served.
    """
    host = os.environ.get("STUDIO_HOST") or os.environ.get("GRADIO_SERVER_NAME") or "127.0.0.1"
    port = os.environ.get("STUDIO_PORT") or os.environ.get("GRADIO_SERVER_PORT") or "7860"
    parser.add_argument("--host", default=host, help="address to listen on ($STUDIO_HOST)")
    parser.add_argument("--port", type=int, default=port, help="port ($STUDIO_PORT)")
