"""A run's health in one sentence, from its pictures, its numbers and the looks before.

The thresholds were set on trainings with 30, 300 and 2,375 handbags at 32 px and on the generators
that ship: the comment of each says what was measured on either side of it. Signals are measured in
:mod:`train.looking.signals`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from numbers import Real
from typing import Any

from torch import Tensor

from train.looking.signals import PictureSignals

EARLY = 10_000  # images shown before which nothing is held against a run
# Before this many, being all alike isn't either: learning from nothing, with augmentation and in
# batches of 128, the pictures were one blob until 8,000 images were shown.
BLOBS = 20_000
LITTLE_VARIETY = 0.4  # blobs of the first minutes have 0.1 to 0.5, later pictures 0.64 to 1.07
STRANGE = 1.8  # nearness: noise has 1.9 to 2.9, untrained generators 2.4 to 3.1, trained ones < 1.5
MANY_TWINS = 0.5  # share of pictures; three or ten over and over have 1, healthy runs up to 0.1
MANY_COPIES = 0.15  # share; unseen photos have 0.02, 30 photos learnt with augmentation up to 0.1
BETTER = 0.97  # a distance this much below an earlier one is an improvement, not chance
WORSE = 1.25
# Discriminators with batch norm are sure of 0.9 to 0.98 of the photos in runs that go well, so
# that alone says nothing.
SURE = 0.95


@dataclass(frozen=True)
class Health:
    """What a look at a run found.

    ``verdict`` is "starting", "learning", "stalled", "collapsing", "copying", "overfitting" or
    "broken". ``finding`` is what this look alone would say; the verdict changes when two looks in
    a row find something else than it says. ``title`` and ``sentence`` are for a person, the title
    to be shown first. ``signals`` are described at :meth:`HealthCheck.examine`.
    """

    verdict: str
    finding: str
    title: str
    sentence: str
    signals: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able data."""
        return asdict(self)


class HealthCheck:
    """Examines a run's pictures against its photos, whose own distances are measured once.

    Args:
        images: the photos, uint8 (N, C, S, S) with N >= 2. Of more than 16,000 a random 16,000
            are used, so memory is bounded, and a copy of one of the others goes unseen.
        seed: chooses them.
        begun: whether the run began from a trained generator.

    Raises:
        ValueError: the images are too few or of another type or shape.
    """

    def __init__(self, images: Tensor, *, seed: int = 0, begun: bool = False) -> None:
        self.count, self.begun = len(images), begun
        self._measure = PictureSignals(images, seed=seed)

    def examine(
        self,
        samples: Tensor,
        numbers: Mapping[str, Any],
        history: Sequence[Mapping[str, Any]] = (),
    ) -> Health:
        """Judge a run by its pictures, its numbers and the looks before.

        Args:
            samples: uint8 (M, C, S, S), M >= 2 (64 or more judge well), always of the same latents.
            numbers: "images_shown" and, where known, "distance" (any distance from the photos,
                lower is better), "real_sign" (mean sign of the discriminator's logits on photos)
                and other numbers of the training, which only have to be finite.
            history: the earlier looks, oldest first, each with "images_shown", "distance" and
                what :meth:`Health.to_dict` gave.

        Returns:
            Its signals are those of :class:`PictureSignals` and, where known, "sure", the share of
            photos that the discriminator takes for photos; "distance"; and "trend", the best
            distance of the latter half of the run, of its first half being 1.

        Raises:
            ValueError: the samples are too few or of another type or shape.
        """
        signals = self._measure(samples)
        shown = numbers.get("images_shown") or 0
        bad = [name for name, value in numbers.items() if _is_number(value) and not _finite(value)]
        if _finite(numbers.get("real_sign")):
            signals["sure"] = (1 + numbers["real_sign"]) / 2
        looks = [look for look in history if _finite(look.get("distance"))]
        if _finite(numbers.get("distance")):
            signals["distance"] = float(numbers["distance"])
            looks = [*looks, {"images_shown": shown, "signals": signals, **numbers}]
            signals |= _trend(looks)
        begun = any(look.get("verdict", "starting") != "starting" for look in history)
        finding = "broken" if bad else _find(signals, shown, looks, begun)
        verdict = _settle(finding, history)
        title, sentence = self._say(verdict, signals, len(samples), looks, bad)
        return Health(verdict, finding, title, sentence, signals)

    def _say(
        self,
        verdict: str,
        signals: dict[str, float],
        samples: int,
        looks: Sequence[Mapping[str, Any]],
        bad: list[str],
    ) -> tuple[str, str]:
        """A title and a sentence or two in a designer's words, with advice where there is any."""
        copies = round(signals["copies"] * samples)
        best = min(looks, key=lambda look: look["distance"])["images_shown"] if looks else 0
        moment = f"The best moment, after {_thousands(best)}, is kept."
        if not best:
            moment = "By its measure nothing came nearer to your photos than what it began from."
        if verdict == "broken":
            return "Something broke.", (
                f"The training's numbers are no longer numbers ({', '.join(bad)}), so its pictures"
                " cannot be trusted from here on. The last good save is kept."
            )
        if verdict == "starting" and self.begun:
            return "Just started.", (
                "It still draws much of what it began from; your photos come in step by step."
            )
        if verdict == "starting":
            return "Just started.", "Too early to tell: rough shapes and colours come first."
        if verdict == "collapsing":
            return "It repeats itself.", (
                "The pictures are nearly all alike. Stop, and start again from a trained"
                " generator, or with more photos."
            )
        if verdict == "copying":
            # A verdict may outlive by one look the count that led to it.
            many = f"{copies} of {samples}" if signals["copies"] >= MANY_COPIES else "Many"
            return "It copies your photos.", (
                f"{many} pictures are nearly one of your {self.count:,} photos."
                " Stop, and start again from a trained generator, or with more photos."
            )
        if verdict == "overfitting":
            return "It learns your photos by heart.", (
                f"Its pictures were better before. {moment} Stop here; with more photos it would"
                " get further."
            )
        if verdict == "stalled":
            return "No longer improving.", f"{moment} Stop here, or try with more photos."
        improving = signals.get("trend", 1) < BETTER
        return "Still improving." if improving else "Learning.", _describe(signals, copies, samples)


def _find(
    signals: Mapping[str, float], shown: int, looks: Sequence[Mapping[str, Any]], begun: bool
) -> str:
    """What these signals alone say; ``begun`` is whether the start was called over before."""
    strange = signals["nearness"] >= STRANGE
    alike = (signals["variety"] < LITTLE_VARIETY and not strange) or signals["twins"] >= MANY_TWINS
    if shown < EARLY:
        # One that started from a trained generator draws well at once.
        ready = not (strange or alike) and signals.get("trend", 1) < BETTER
        return "learning" if ready or begun else "starting"
    if alike:
        return "collapsing" if shown >= BLOBS or begun else "starting"
    if signals["copies"] >= MANY_COPIES:
        return "copying"
    if _overfits(looks):
        return "overfitting"
    return "stalled" if signals.get("trend", 0) > BETTER else "learning"


def _overfits(looks: Sequence[Mapping[str, Any]]) -> bool:
    """Sure of the photos for three looks, and the last two are clearly worse than the best."""
    sure = [(look.get("signals") or {}).get("sure", 0) for look in looks[-3:]]
    best = min((look["distance"] for look in looks), default=0)
    worse = [look["distance"] > WORSE * best for look in looks[-2:]]
    return len(sure) == 3 and min(sure) >= SURE and all(worse)


def _trend(looks: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Best of the latter half of all images shown to best of the first, two looks in each.

    Halves, because a GAN's progress slows down as it goes: each step forward takes about as long
    as everything before it.
    """
    middle = looks[-1]["images_shown"] / 2
    first = [look["distance"] for look in looks if look["images_shown"] <= middle]
    latter = [look["distance"] for look in looks if look["images_shown"] > middle]
    if min(len(first), len(latter)) < 2 or min(first) <= 0:
        return {}
    return {"trend": min(latter) / min(first)}


def _settle(finding: str, history: Sequence[Mapping[str, Any]]) -> str:
    """What was said before, until two looks in a row find something else, lest it flicker.

    The two need not agree with each other: a run that falls apart may be found to repeat itself at
    one look and to be worse than before at the next.
    """
    if not history or finding == "broken" or history[-1].get("verdict") == "broken":
        return finding
    before = history[-1].get("verdict", finding)
    return before if history[-1].get("finding", before) == before else finding


def _describe(signals: Mapping[str, float], copies: int, samples: int) -> str:
    if signals["nearness"] >= STRANGE:
        return "The pictures do not look like your photos yet."
    how = "as varied as" if signals["variety"] >= 0.85 else "a little less varied than"
    if signals["variety"] < 0.6:
        how = "much less varied than"
    copied = f"{copies} of {samples} {'is' if copies == 1 else 'are'} nearly a copy"
    return f"Pictures are {how} your photos, and {copied if copies else 'none is a copy'}."


def _thousands(shown: int) -> str:
    count = f"{shown / 1000:,.0f} thousand" if shown >= 1000 else str(shown)
    return f"{count} photos shown"


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _finite(value: Any) -> bool:
    return _is_number(value) and math.isfinite(value)
