"""The shell of training: ``python -m train --help``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

from studio.errors import UserError
from train.commands import COMMANDS, DEFAULT


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the status is 0, or 1 when a sentence says what can't be done."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    # Imported only when asked for: a run that waits in the queue is to weigh little.
    named = bool(arguments) and arguments[0] in COMMANDS
    command = import_module(f"train.commands.{arguments[0] if named else DEFAULT}")
    try:
        return command.main(arguments[1:] if named else arguments)
    except UserError as error:
        print(f"train: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
