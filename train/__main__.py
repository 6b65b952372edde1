"""The shell of training: ``python -m train --help``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from train.commands import UserError, evaluate, start_or_resume

COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {"evaluate": evaluate.main}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the status is 0, or 1 when a sentence says what can't be done."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    command = COMMANDS.get(arguments[0]) if arguments else None
    try:
        return command(arguments[1:]) if command else start_or_resume.main(arguments)
    except UserError as error:
        print(f"train: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
