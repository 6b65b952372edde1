"""Where the studio listens and looks: options, with environment variables as their defaults."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from studio import __version__
from studio.errors import UserError

HOME = Path(__file__).resolve().parent.parent
# Generators and trainings lie beside a clone's code; of an installed package, where it is started.
PLACE = HOME if (HOME / "pyproject.toml").is_file() else Path.cwd()


def add_version(parser: argparse.ArgumentParser) -> None:
    """Add ``--version``."""
    parser.add_argument("--version", action="version", version=f"atelier {__version__}")


def folder(text: str) -> Path:
    """An argparse type: a folder, by a path that is good from any working folder."""
    return Path(text).absolute()


def add_folders(parser: argparse.ArgumentParser) -> None:
    """Add ``--checkpoints`` and ``--runs``."""
    parser.add_argument(
        "--checkpoints",
        type=folder,
        default=os.environ.get("STUDIO_CHECKPOINTS", str(PLACE / "checkpoints")),
        metavar="DIR",
        help="generators that ship ($STUDIO_CHECKPOINTS)",
    )
    parser.add_argument(
        "--runs",
        type=folder,
        default=os.environ.get("STUDIO_RUNS", str(PLACE / "runs")),
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


def add_training(parser: argparse.ArgumentParser) -> None:
    """Add ``--training``; its password comes from the environment only.

    On a command line it could be read by everybody on the machine.

    Raises:
        UserError: $STUDIO_TRAINING is neither on nor off.
    """
    default = os.environ.get("STUDIO_TRAINING", "on")
    if default not in ("on", "off"):  # argparse looks only at what is typed
        raise UserError(f"$STUDIO_TRAINING is on or off, not {default!r}.")
    parser.add_argument(
        "--training",
        choices=("on", "off"),
        default=default,
        help="whether visitors may train ($STUDIO_TRAINING); with a password if"
        " $STUDIO_TRAINING_PASSWORD is set",
    )


def cache_folder() -> Path:
    """Where Atelier keeps what can be had again: $STUDIO_CACHE, or ~/.cache/atelier."""
    return Path(os.environ.get("STUDIO_CACHE") or "~/.cache/atelier").expanduser()


def training_password() -> str:
    """What a visitor must know to train; "" where everybody may."""
    return os.environ.get("STUDIO_TRAINING_PASSWORD", "")


def upload_limits() -> tuple[int, int]:
    """The bytes and the files that one upload of photos may hold.

    From $STUDIO_MAX_UPLOAD_MB and $STUDIO_MAX_UPLOAD_FILES.

    Raises:
        UserError: one of them is not a whole number from 1.
    """
    megabytes = _whole("STUDIO_MAX_UPLOAD_MB", "2048")
    return megabytes * 2**20, _whole("STUDIO_MAX_UPLOAD_FILES", "20000")


def _whole(name: str, default: str) -> int:
    text = os.environ.get(name, default)
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 2**31):
        raise UserError(f"${name} is a whole number from 1, not {text!r}.")
    return int(text)
