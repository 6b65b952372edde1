"""The check before the start: what is in a set of photos, and what training would make of it."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from studio.errors import UserError
from studio.framing import CROP, FITS, PAD
from studio.photos import flatten
from train.data import check_words as words
from train.data.backgrounds import light_around, odd_ones, white_beside
from train.data.idx import is_idx, load_labels
from train.data.images import folder_labels
from train.data.likeness import SKETCH, originals, sketch
from train.data.reading import allocate, find, read_pictures, unwrapped
from train.data.report import Groups, Report, Source

AUTO = "auto"
# Photos whose sides differ by less than this share are called square.
SQUARE = 0.05
# Padding is for sets in which at least this share of what isn't square has white edges.
PAD_SHARE = 0.8
TURNED_SIDEWAYS = frozenset(
    (
        Image.Transpose.TRANSPOSE,
        Image.Transpose.ROTATE_90,
        Image.Transpose.ROTATE_270,
        Image.Transpose.TRANSVERSE,
    )
)


class _Seen(NamedTuple):
    """What one look at a photo keeps of it: its native size upright, and a digest of its pixels."""

    sketch: np.ndarray
    width: int
    height: int
    digest: bytes


def check(
    path: str | Path,
    *,
    size: int = 64,
    channels: int = 3,
    fit: str = AUTO,
    ground: int | None = None,
    minimum: int = 16,
    suggestion: str | None = None,
    conditional: bool | None = None,
    called: str | None = None,
    progress: bool = False,
    workers: int | None = None,
    found: Found | None = None,
) -> Report:
    """Look at every photo of ``path``, which is as for :func:`train.data.images.load_images`.

    Whatever is wrong with it is in the report. One pass reads the photos; it keeps 3 kB of each,
    in a temporary file beyond half the free memory.

    Args:
        size: pixels of the squares that training would see.
        channels: 1 or 3.
        fit: as for :func:`studio.framing.squared`, or "auto" to choose.
        ground: of the photos that the start has codes for, if it has any; as for the same.
        minimum: photos that training needs.
        suggestion: title of a generator to start from if there are few photos.
        conditional: whether training would tell categories apart, if that is known.
        called: what sentences call ``path``; itself if not given.
        found: what :func:`look_at_all` saw there, to spare looking again.

    Raises:
        ValueError: ``size``, ``channels`` or ``fit`` is out of range.
    """
    if size < 1 or channels not in (1, 3):
        raise ValueError(f"Images are at least 1 px with 1 or 3 channels, not {size}, {channels}.")
    if fit not in (AUTO, *FITS):
        raise ValueError(f"The fit is one of auto, {', '.join(FITS)}, and not {fit!r}.")
    try:
        found = found or look_at_all(find(path), size, workers, progress)
    except UserError as error:
        place = str(Path(path).expanduser())
        return _hopeless(str(error).replace(place, called) if called else str(error), fit)
    return _report(found, _Wish(size, channels, fit, ground, minimum, suggestion, conditional))


class _Wish(NamedTuple):
    """What :func:`check` was asked."""

    size: int
    channels: int
    fit: str
    ground: int | None
    minimum: int
    suggestion: str | None
    conditional: bool | None


@dataclass(frozen=True)
class Found:
    """All that one pass over the photos has seen; the readable ones in order of their names."""

    place: Path
    prefix: str
    files: int
    names: list[str]
    unreadable: list[tuple[str, str]]
    sketches: np.ndarray
    sizes: np.ndarray
    digests: list[bytes]
    labels: list[int]
    label_names: tuple[str, ...]


def look_at_all(
    place: Path, size: int, workers: int | None = None, progress: bool = False
) -> Found:
    """See every photo of a place once, as training at ``size`` pixels would.

    Raises:
        UserError: nothing there can be read.
    """
    names: list[str] = []
    unreadable: list[tuple[str, str]] = []
    sizes: list[tuple[int, int]] = []
    digests: list[bytes] = []
    with read_pictures(
        place, _look, max(size, SKETCH), workers=workers, progress=progress
    ) as reading:
        sketches = allocate((reading.count, SKETCH, SKETCH, 3), None, "Sketches of the photos")
        for name, seen in reading.results:
            if isinstance(seen, str):
                unreadable.append((name, seen))
                continue
            sketches[len(names)] = seen.sketch
            names.append(name)
            sizes.append((seen.width, seen.height))
            digests.append(seen.digest)
    prefix = unwrapped(names) if place.is_file() else ""
    from_idx = place.is_file() and is_idx(place)
    labels, label_names = load_labels(place, len(names)) if from_idx else folder_labels(names)
    return Found(
        place,
        prefix,
        reading.count,
        [name.removeprefix(prefix) for name in names],
        [(name.removeprefix(prefix), reason) for name, reason in unreadable],
        sketches[: len(names)],
        np.array(sizes, np.int64).reshape(-1, 2),
        digests,
        [] if labels is None else labels.tolist(),
        label_names,
    )


def _look(image: Image.Image, native: tuple[int, int]) -> _Seen:
    flat, turn = flatten(image)
    width, height = native[::-1] if turn in TURNED_SIDEWAYS else native
    digest = hashlib.blake2b(f"{flat.size} {turn}".encode(), digest_size=16)
    digest.update(flat.convert("RGB").tobytes())
    return _Seen(sketch(flat, turn), width, height, digest.digest())


def _report(found: Found, wish: _Wish) -> Report:
    same, alike, leave_out = _copies(found)
    shapes, fit, white = _shape(found)
    if wish.fit != AUTO:
        fit = wish.fit
    odd = [(found.names[index], reason) for index, reason in odd_ones(found.sketches)]
    sides = found.sizes.min(1) if fit == CROP else found.sizes.max(1)
    different = len(found.names) - len(leave_out)
    categories = _categories(found, leave_out)
    cut = bool((found.sizes[:, 0] != found.sizes[:, 1]).any())
    facts = words.Facts(
        files=found.files,
        images=len(found.names),
        different=different,
        minimum=wish.minimum,
        unreadable=found.unreadable,
        same=sum(len(copies) for _, copies in same),
        alike=sum(len(copies) for _, copies in alike),
        odd=len(odd),
        common_size=_common(found.sizes),
        smaller=int((sides < wish.size).sum()),
        size=wish.size,
        suggestion=wish.suggestion,
        categories=categories,
        conditional=wish.conditional,
        knows=wish.ground is not None,
    )
    reasons = words.reasons(facts)
    fit_reason = words.fit_reason(fit, shapes, white, chosen=wish.fit != AUTO, exact=not cut)
    shorter = found.sizes.min(1) if len(found.sizes) else np.zeros(1, int)
    return Report(
        usable=not reasons,
        reasons=tuple(reasons),
        files=found.files,
        images=len(found.names),
        unreadable=tuple(found.unreadable),
        same=same,
        alike=alike,
        odd=tuple(odd),
        sizes=(int(shorter.min()), round(float(np.median(shorter))), int(shorter.max())),
        common_size=facts.common_size,
        shapes=shapes,
        fit=fit,
        fit_reason=fit_reason,
        leave_out=leave_out,
        sentences=tuple(words.sentences(facts, fit_reason)),
        categories=categories,
        names=tuple(found.names),
        products=int(light_around(found.sketches).sum()),
        source=Source(found.place, found.prefix, wish.size, wish.channels, fit, wish.ground),
    )


def _copies(found: Found) -> tuple[Groups, Groups, tuple[str, ...]]:
    """Groups with the same pixels, groups that look the same, and all copies, by name.

    Of those that look the same the largest is kept, and of equals the first.
    """
    first: dict[bytes, int] = {}
    same: dict[int, list[int]] = {}
    for index, digest in enumerate(found.digests):
        kept = first.setdefault(digest, index)
        if kept != index:
            same.setdefault(kept, []).append(index)
    distinct = np.fromiter(first.values(), np.int64)
    alike: dict[int, list[int]] = {}
    if len(distinct):
        sizes = found.sizes[distinct]
        order = np.argsort(-sizes.prod(1), kind="stable")
        # Most sets have few exact copies, if any: no second set of sketches for the others.
        whole = len(distinct) == len(found.names)
        sketches = found.sketches if whole else found.sketches[distinct]
        for copy, kept in enumerate(originals(sketches, sizes[:, 0] / sizes[:, 1], order)):
            if kept != copy:
                alike.setdefault(int(distinct[kept]), []).append(int(distinct[copy]))
    copies = sorted(
        index for groups in (same, alike) for group in groups.values() for index in group
    )
    return (
        _named(same, found.names),
        _named(alike, found.names),
        tuple(found.names[index] for index in copies),
    )


def _named(groups: dict[int, list[int]], names: list[str]) -> Groups:
    return tuple(
        (names[kept], tuple(names[copy] for copy in sorted(copies)))
        for kept, copies in sorted(groups.items())
    )


def _shape(found: Found) -> tuple[dict[str, int], str, int]:
    """How many photos are square, tall and wide; the fit for them; how many have white edges.

    White edges count only where a photo that isn't square would get white beside it.
    """
    width, height = found.sizes.T
    tall, wide = height > (1 + SQUARE) * width, width > (1 + SQUARE) * height
    shapes = {
        "square": int((~tall & ~wide).sum()),
        "tall": int(tall.sum()),
        "wide": int(wide.sum()),
    }
    others = tall | wide
    white = int(white_beside(found.sketches[others], tall[others]).sum()) if others.any() else 0
    return shapes, PAD if others.any() and white >= PAD_SHARE * others.sum() else CROP, white


def _categories(found: Found, leave_out: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    """(name, number of photos) of each category; copies don't count, and one alone is none."""
    copies = frozenset(leave_out)
    labels = zip(found.names, found.labels, strict=False)  # there may be none
    counts = Counter(label for name, label in labels if name not in copies)
    if len(counts) < 2:
        return ()
    return tuple((found.label_names[label], counts[label]) for label in sorted(counts))


def _common(sizes: np.ndarray) -> tuple[int, int]:
    """The most common (width, height); the first of several."""
    counts = Counter(map(tuple, sizes.tolist()))
    return counts.most_common(1)[0][0] if counts else (0, 0)


def _hopeless(reason: str, fit: str) -> Report:
    """The report on what can't be read at all, for one reason."""
    return Report(
        usable=False,
        reasons=(reason,),
        files=0,
        images=0,
        unreadable=(),
        same=(),
        alike=(),
        odd=(),
        sizes=(0, 0, 0),
        common_size=(0, 0),
        shapes={"square": 0, "tall": 0, "wide": 0},
        fit=CROP if fit == AUTO else fit,
        fit_reason="",
        leave_out=(),
        sentences=(("bad", reason),),
        categories=(),
        products=0,
        names=(),
        source=None,
    )
