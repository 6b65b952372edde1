"""``python -m train check PATH``: what is in a set of photos, and whether training can start."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from studio.framing import FITS
from train.data.check import AUTO, check
from train.data.report import Report

LISTED = 20


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = argparse.ArgumentParser(
        prog="python -m train check",
        description="Look at photos before training: how many can be used, copies, odd ones out."
        " The exit status is 0 if training can start, or 1, with the reasons.",
    )
    result.add_argument("path", metavar="PATH", help="a folder or zip of photos, or an idx file")
    result.add_argument("--json", action="store_true", help="print all that was found as JSON")
    result.add_argument("--size", type=pixels, default=64, help="pixels training would see (64)")
    result.add_argument(
        "--fit", choices=(AUTO, *FITS), default=AUTO, help="how photos become square (auto)"
    )
    return result


def pixels(text: str) -> int:
    """A size in pixels, for argparse."""
    value = int(text)
    if not 1 <= value <= 4096:
        raise argparse.ArgumentTypeError("must be 1 to 4096 pixels")
    return value


def main(arguments: Sequence[str]) -> int:
    """Print what was found; the status tells whether it can be used."""
    options = parser().parse_args(arguments)
    progress = not options.json and sys.stderr.isatty()
    report = check(options.path, size=options.size, fit=options.fit, progress=progress)
    if options.json:
        print(json.dumps(report.to_dict(), indent=2))
    else:
        print_safely("\n".join(lines(report)))
    return 0 if report.usable else 1


def lines(report: Report) -> list[str]:
    """The sentences, and under them the names that they speak of."""
    result = [text for _, text in report.sentences]
    lists = {
        "Can't be used": [f"{name}: {reason}" for name, reason in report.unreadable],
        "Exact copies": [f"{', '.join(copies)}: of {kept}" for kept, copies in report.same],
        "Saved again or resized": [
            f"{', '.join(copies)}: of {kept}" for kept, copies in report.alike
        ],
        "Unlike the rest": [f"{name}: {reason}" for name, reason in report.odd],
    }
    for title, entries in lists.items():
        if entries:
            result += ["", f"{title}:", *(f"  {entry}" for entry in entries[:LISTED])]
        if len(entries) > LISTED:
            result.append(f"  and {len(entries) - LISTED:,} more (--json has them all)")
    return result


def print_safely(text: str) -> None:
    """Print text with the names of files, which the terminal's encoding may not have."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding))
