"""The measures of one generator, as a card has them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Quality:
    """How good a generator is, and how that was measured; ``docs/measures.md`` says how to read it.

    ``class_accuracy`` is None for a generator that takes no class.

    Attributes:
        features: the feature network's name; ``protocol`` is one sentence on all that was done.
        frechet: the Fréchet distance of ``samples`` generated images from ``real_images`` real
            ones, 0 is best; ``floor`` that of two halves of the real ones.
        precision: share of generated images that could be real; ``recall``: of real images that
            could be generated.
        seed: of the generated images, the subset of real ones, and the halves.
        kernel: the kernel distance, 0 is best, and its deviation from subset to subset.
        density: how real generated images are, about 1 is best; ``coverage``: share of real images
            that have a generated one near.
        diversity: of generated images, where real ones have 1.
        copies: share of generated images that are training images over again, looked for among
            ``copies_among``.
        class_accuracy: share of generated images that show what their label says, to a classifier.
        vivid: share of generated images that are vivid; ``hues`` how many hues those have. None
            where images are grey.
        psi: truncation of the generator's latents; 1 is none.
        floors: by the name of a measure, what real images get for it: of two halves of them, but
            for ``copies`` (each among all others), ``class_accuracy`` (those held out), ``vivid``
            and ``hues`` (all).
        colour_and_edges: the same pictures by plain statistics, as
            :func:`train.metrics.colour_edges.compare` gives them.
        second: by the features of a second network, with its name, floors and
            protocol; None without one.
    """

    features: str
    frechet: float
    floor: float
    precision: float
    recall: float
    samples: int
    real_images: int
    seed: int
    protocol: str
    kernel: float
    kernel_deviation: float
    density: float
    coverage: float
    diversity: float
    copies: float
    copies_among: int
    class_accuracy: float | None
    vivid: float | None
    hues: float | None
    psi: float
    floors: dict[str, float]
    colour_and_edges: dict[str, Any]
    second: dict[str, Any] | None

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON-able data, without those that could not be measured."""
        return {name: value for name, value in asdict(self).items() if value is not None}
