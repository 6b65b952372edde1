"""The photos that can be trained on from the page: uploads and sample sets, and what is in them."""

from __future__ import annotations

import base64
import threading
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from studio import pictures
from studio.errors import UserError
from studio.framing import FITS
from train.data.captions import remarks
from train.data.check import AUTO, Found, check, look_at_all
from train.data.reading import find
from train.data.report import Report
from train.data.samples import sample_sets
from train.page.uploads import Uploads
from train.recipes.modern import WORDS
from train.recipes.starting import Shape

SAMPLE = "sample:"
CHECKS_KEPT = 8
LICENCE = "the photos' owner decides"
# Photos that training needs, as train.data.images.load_images has it.
LEAST = 16


@dataclass(frozen=True)
class Source:
    """Where photos lie, what they are called, and who decides on their use.

    ``totals`` changes with whatever is added to them; ``notice`` is a sentence that whatever is
    learnt from them has to carry, or "".
    """

    place: str
    name: str
    licence: str = LICENCE
    notice: str = ""
    totals: tuple[int, int] = (0, 0)


@dataclass
class _Looked:
    """A report, and what a page is shown of it once somebody asked."""

    report: Report
    shown: dict[str, Any] | None = None


class Photos:
    """Finds photos by the id that the page has for them, and remembers what was found in them."""

    def __init__(self, uploads: Uploads) -> None:
        self.uploads = uploads
        self._looked: OrderedDict[tuple[Any, ...], _Looked] = OrderedDict()
        # The last photos that were read: another fit or start does not change what is in them.
        self._seen: tuple[tuple[Any, ...], Found | None] = ((), None)
        # Looking takes seconds and all cores, so two who ask share one look.
        self._one = threading.Lock()

    def sample_sets(self) -> list[dict[str, Any]]:
        """The sets that ship, for a page: name, title and number of images of each."""
        return [
            {"name": each.name, "title": each.title, "images": each.images}
            for each in sample_sets().values()
        ]

    def drawn_by(self, data: Any) -> str:
        """The generator that drew a sample set; "" for photos."""
        name = data.removeprefix(SAMPLE) if isinstance(data, str) else ""
        found = sample_sets().get(name) if data != name else None
        return found.drawn_by if found else ""

    def find(self, data: Any) -> Source:
        """The photos with the id ``data``.

        Raises:
            UserError: there are none.
        """
        if isinstance(data, str) and data.startswith(SAMPLE):
            found = sample_sets().get(data.removeprefix(SAMPLE))
            if found is None:
                raise UserError("There is no such sample set.")
            place, notice = str(found.path.resolve()), f"{found.licence}."
            return Source(place, found.title, found.licence, notice)
        place = str(self.uploads.path(data).resolve())
        return Source(place, self.uploads.name(data), totals=self.uploads.totals(data))

    def shown(
        self,
        data: Any,
        shape: Shape,
        fit: str,
        suggestion: str = "",
        conditional: bool = False,
        ground: int | None = None,
    ) -> dict[str, Any]:
        """What is in some photos, for a page, if training sees them so.

        ``conditional`` is whether it would tell categories apart; ``fit`` and ``ground`` are as for
        :func:`train.data.check.check`.

        Raises:
            UserError: there are no such photos, or no such fit.
        """
        if fit not in (AUTO, *FITS):
            raise UserError(f"The fit is one of {AUTO}, {', '.join(FITS)}, and not {fit!r}.")
        wish = (shape, fit, suggestion, conditional, ground)
        key = (*self._key(data), *wish)
        with self._one:
            found = self._looked.get(key) or _Looked(self._look(data, *wish))
            if found.shown is None:
                found.shown = _shown(found.report, shape)
            self._keep(key, found)
        return found.shown

    def captions(self, data: Any, shape: Shape, *, wanted: bool) -> list[tuple[str, str]]:
        """What to say of the photos' captions, as (kind, text).

        Raises:
            UserError: there are no such photos.
        """
        report, source = self.report(data, shape), self.find(data)
        if not report.usable:
            return []
        said = remarks(Path(source.place), report.names, wanted=wanted, offer=WORDS.title)
        return [(kind, text.replace(source.place, source.name)) for kind, text in said]

    def report(self, data: Any, shape: Shape) -> Report:
        """What is in some photos, in whichever shape and fit somebody has looked at them.

        What is readable and what is a copy is the same in all.

        Raises:
            UserError: there are no such photos.
        """
        place = self._key(data)
        with self._one:
            for key, found in self._looked.items():
                if key[: len(place)] == place:
                    return found.report
            wish = (shape, AUTO, "", False, None)
            found = _Looked(self._look(data, *wish))
            self._keep((*place, *wish), found)
        return found.report

    def _key(self, data: Any) -> tuple[Any, ...]:
        source = self.find(data)
        return source.place, source.totals

    def _look(
        self,
        data: Any,
        shape: Shape,
        fit: str,
        suggestion: str,
        conditional: bool,
        ground: int | None,
    ) -> Report:
        source, key = self.find(data), self._key(data)
        if self._seen[0] != key:
            with suppress(UserError):  # which the check says in a sentence
                self._seen = key, look_at_all(find(source.place), shape.size)
        return check(
            source.place,
            found=self._seen[1] if self._seen[0] == key else None,
            size=shape.size,
            channels=shape.channels,
            fit=fit,
            ground=ground,
            minimum=LEAST,
            suggestion=suggestion or None,
            conditional=conditional,
            called=source.name + Path(source.place).suffix,
        )

    def _keep(self, key: tuple[Any, ...], found: _Looked) -> None:
        self._looked[key] = found
        self._looked.move_to_end(key)
        while len(self._looked) > CHECKS_KEPT:
            self._looked.popitem(last=False)


def _shown(report: Report, shape: Shape) -> dict[str, Any]:
    thumbnails = report.thumbnails(report.examples())
    return {
        **report.to_dict(),
        "preview": _png(report.preview()),
        "preview_size": shape.size,
        "thumbnails": {name: _png(each) for name, each in thumbnails.items()},
    }


def with_remarks(shown: dict[str, Any], said: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """What is shown of photos, with more to say of them; what is bad of it means no training.

    It comes after the first sentence, which counts them: a page shows the first few only.
    """
    bad = [text for kind, text in said if kind == "bad"]
    sentences = [{"kind": kind, "text": text} for kind, text in said]
    if not bad:
        found = shown["sentences"]
        return {**shown, "sentences": [*found[:1], *sentences, *found[1:]]}
    kept = [each for each in shown["sentences"] if each["kind"] != "good"]
    return {
        **shown,
        "usable": False,
        "reasons": [*shown["reasons"], *bad],
        "sentences": [*sentences, *kept],
    }


def left(report: Report, leave_out: tuple[str, ...]) -> tuple[tuple[str, ...], int]:
    """The names to leave out that are there, and the number of images without them.

    Raises:
        UserError: too few would be left.
    """
    known = set(report.names)
    names = tuple(name for name in leave_out if name in known)
    count = len(known) - len(names)
    if count < LEAST:
        raise UserError(f"Only {count} photos would be left, and training needs at least {LEAST}.")
    return names, count


def _png(image: Image.Image) -> str:
    return base64.b64encode(pictures.to_png(image)).decode()
