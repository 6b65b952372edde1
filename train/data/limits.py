"""How much is read from a stranger's zip or folder: settings, as environment variables."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

from studio.errors import UserError


@dataclass(frozen=True)
class Limits:
    """What is read from a zip, and from a folder's file, at most.

    Args:
        members: files in a zip ($STUDIO_MAX_ZIP_FILES).
        total_bytes: all of a zip's files unpacked ($STUDIO_MAX_ZIP_GB, in 2**30 bytes).
        member_bytes: one file of a zip, unpacked; it is read as a whole ($STUDIO_MAX_IMAGE_MB, in
            2**20 bytes).
        folder_file_bytes: one file of a folder (eight times as much as one of a zip).
        ratio: times its size that a file, or a zip as a whole, may unpack to
            ($STUDIO_MAX_ZIP_RATIO). Deflate tops out near 1030, on constant bytes; photographs,
            even as BMP on plain white, stay well below 100.
    """

    members: int = 500_000
    total_bytes: int = 64 * 2**30
    member_bytes: int = 64 * 2**20
    folder_file_bytes: int = 512 * 2**20
    ratio: float = 200.0


def limits() -> Limits:
    """The limits, with the environment's values where it has any.

    Raises:
        UserError: a variable's value is no number above 0.
    """
    default = Limits()
    member_bytes = int(_setting("STUDIO_MAX_IMAGE_MB", default.member_bytes, 2**20))
    return Limits(
        members=int(_setting("STUDIO_MAX_ZIP_FILES", default.members)),
        total_bytes=int(_setting("STUDIO_MAX_ZIP_GB", default.total_bytes, 2**30)),
        member_bytes=member_bytes,
        folder_file_bytes=default.folder_file_bytes // default.member_bytes * member_bytes,
        ratio=_setting("STUDIO_MAX_ZIP_RATIO", default.ratio),
    )


def _setting(name: str, default: float, unit: int = 1) -> float:
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    try:
        value = float(text) * unit
    except ValueError:
        value = math.nan
    # Written so that NaN fails too. A limit below one byte or one file lets nothing through.
    if not 1 <= value < math.inf:
        raise UserError(
            f"The setting {name} is {text[:40]!r}; it must be a number above 0, such as "
            f"{default / unit:g}."
        )
    return value
