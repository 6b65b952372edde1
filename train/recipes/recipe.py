"""A recipe: the complete settings of a training, as data.

It says how to train, never on which pictures: any recipe trains on any images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from studio.words import VOCABULARIES

# Kinds of generators with an image head at every size, so that a level can be added or left away.
GROWING = ("style", "self-modulated")
# What a generator can learn from, see :mod:`train.teachers`.
TEACHERS = ("game", "likeness", "reconstruction", "styles", "flow")
# Those that teach parts of a coded generator.
OF_CODES = ("reconstruction", "styles", "flow")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training besides its images.

    A training lasts ``epochs`` passes over the images or ``steps`` updates, whichever is set.
    Numbers are logged every ``log_steps`` updates, or once an epoch when that is not set.
    ``ema_kimg`` is the half-life of the generator's average in thousands of images shown;
    ``ema_rampup`` caps it at that share of the images shown so far (both as in StyleGAN2-ADA,
    Karras et al., 2020). ``init`` names a scheme of :mod:`train.beginning.initialise`, ``augment``
    what of :mod:`train.teachers.augment` both kinds of images go through before the discriminator
    sees them, and ``freeze`` is the number of its early layers that stay as they are.

    ``learning_rate_d`` is the discriminator's where it differs. ``loss`` names one of
    :mod:`train.teachers.losses`; ``r1`` and ``r2`` weigh its gradient penalties on real and drawn
    images, which are computed every ``penalty_every`` updates, that much stronger ("lazy", Karras
    et al., 2020). ``augment_target`` lets the share of augmented pictures follow the
    discriminator's mean sign on real ones (ADA, Karras et al., 2020); without it all are.
    ``style_mixing`` is the share of drawn pictures with two styles, ``flip`` mirrors half of the
    real ones, and ``balanced`` shows all classes equally often. A ``conditional`` recipe's networks
    are told the images' classes when there are any, see :func:`for_classes`.

    ``teachers`` are what the generator learns from, of :data:`TEACHERS`, and how much each counts.
    Its rate rises over ``warm_up`` updates, and falls to nearly nothing over the share ``fall`` of
    the training that comes last.

    Where the networks are told texts, ``caption_dropout`` is the share of images whose text is left
    away, and with ``matching`` real images with another's text count as false (Reed et al., 2016).
    ``vocabulary`` says how their terms are chosen, of :data:`studio.words.VOCABULARIES`; there are
    at most as many as the networks' configuration has ``words``.

    A coded generator has ``encoders``, with the settings of :func:`studio.inversion.loading.build`.
    That of photos learns over the share ``encoder_share`` of the training, from its beginning; then
    the decoder learns on alone. Of all photos the share ``aside``, chosen by their names, is not
    learnt from but watched. Gradients longer than ``clip`` are cut to it, if it is not 0, and
    weights shrink by ``weight_decay`` times the rate (AdamW, Loshchilov and Hutter, 2019).
    """

    name: str
    title: str
    source: str
    generator: dict[str, Any]
    discriminator: dict[str, Any]
    batch: int
    learning_rate: float
    betas: tuple[float, float]
    epochs: int | None = None
    steps: int | None = None
    log_steps: int | None = None
    seed: int = 0
    init: str = "torch"
    sample_grid: tuple[int, int] = (8, 8)
    ema_kimg: float = 10.0
    ema_rampup: float = 0.05
    augment: str = ""
    freeze: int = 0
    learning_rate_d: float | None = None
    loss: str = "bce"
    r1: float = 0.0
    r2: float = 0.0
    penalty_every: int = 1
    augment_target: float | None = None
    style_mixing: float = 0.0
    flip: bool = False
    balanced: bool = False
    conditional: bool = False
    caption_dropout: float = 0.0
    matching: bool = False
    vocabulary: str = "words"
    teachers: dict[str, float] = field(default_factory=lambda: {"game": 1.0})
    warm_up: int = 0
    fall: float = 0.0
    encoders: dict[str, Any] = field(default_factory=dict)
    encoder_share: float = 0.5
    aside: float = 0.0
    clip: float = 0.0
    weight_decay: float = 0.0

    @property
    def rate_d(self) -> float:
        """The discriminator's learning rate."""
        return self.learning_rate_d or self.learning_rate

    @property
    def worded(self) -> bool:
        """Whether its generator draws by words, so that the images need captions."""
        return bool(self.generator.get("words"))

    def to_dict(self) -> dict[str, Any]:
        """The recipe as JSON-able data; :func:`from_dict` is the inverse."""
        return asdict(self)


def from_dict(values: Mapping[str, Any]) -> Recipe:
    """The recipe that :meth:`Recipe.to_dict` wrote, also after a trip through JSON.

    Raises:
        ValueError: a setting is missing or unknown.
    """
    try:
        pairs = {name: tuple(values[name]) for name in ("betas", "sample_grid")}
        recipe = Recipe(**{**values, **pairs})
        unknown = set(recipe.teachers) - set(TEACHERS)
        known = recipe.vocabulary in VOCABULARIES
    except (KeyError, TypeError) as error:
        raise ValueError(f"These are not a recipe's settings: {error}.") from error
    if unknown or not recipe.teachers:
        raise ValueError(f"A recipe's teachers are some of: {', '.join(TEACHERS)}.")
    if not known:
        raise ValueError(f"A recipe's vocabulary is one of: {', '.join(VOCABULARIES)}.")
    return recipe


def taught_by(recipe: Recipe, names: Sequence[str]) -> Recipe:
    """The recipe with other teachers, of :data:`TEACHERS`.

    Likeness alone is for a generator that a training has brought far enough to draw the right
    things, or things like them; it has numbers of its own, see docs/experiments.md, "Matched to
    photos". So has the flow alone: it learns from styles, of which a step can take many. Other
    teachers of codes leave the numbers as they are.
    """
    recipe = replace(recipe, teachers=dict.fromkeys(names, 1.0))
    if set(names) == {"flow"}:
        return replace(recipe, batch=512, ema_kimg=350.0)
    if "game" in names or set(names) & set(OF_CODES):
        return recipe
    return replace(
        recipe,
        batch=48,
        learning_rate=2e-3,
        learning_rate_d=None,
        betas=(0.5, 0.99),
        ema_kimg=3.0,
        ema_rampup=1e9,
        warm_up=30,
        fall=0.3,
        style_mixing=0.0,
        caption_dropout=0.1 if recipe.worded else 0.0,
    )


def at_size(recipe: Recipe, size: int) -> Recipe:
    """The recipe for smaller images, with the first levels of its networks.

    What it trains can be grown to the recipe's own size, see :mod:`train.beginning.transfer`: the
    first hours cost a quarter for each halving (progressive growing, Karras et al., 2018).

    Raises:
        ValueError: the networks can't be made that size.
    """
    generator, discriminator = dict(recipe.generator), dict(recipe.discriminator)
    own = _size_of(generator)
    if size == own:
        return recipe
    if generator["kind"] == "coded":
        raise ValueError(f"{recipe.name} can't be trained at {size} px; its own size is {own} px.")
    start = generator.get("start", 4)
    levels = next((n for n in range(2, 9) if start * 2 ** (n - 1) == size), 0)
    widths = generator["widths"]
    growing = generator["kind"] in GROWING and discriminator["kind"] == "dcgan"
    if not growing or not 2 <= levels <= len(widths):
        raise ValueError(f"{recipe.name} can't be trained at {size} px; its own size is {own} px.")
    less = len(widths) - levels
    generator["widths"] = widths[:levels]
    discriminator["widths"] = discriminator["widths"][less:]
    return replace(recipe, generator=generator, discriminator=discriminator)


def _size_of(generator: Mapping[str, Any]) -> int:
    """The pixels of a generator's images; the last of a DCGAN's layers has no width of its own."""
    if "image_size" in generator:
        return generator["image_size"]
    if generator["kind"] == "coded":
        return generator["code_size"] * 2 ** (len(generator["decoder_widths"]) - 1)
    doublings = len(generator["widths"]) - (generator["kind"] in GROWING)
    return generator.get("start", 4) * 2**doublings


def for_words(recipe: Recipe, terms: int) -> Recipe:
    """The recipe for captions of so many terms, if its generator draws by words."""
    if not recipe.worded:
        return recipe
    return replace(
        recipe,
        generator={**recipe.generator, "words": terms},
        discriminator={**recipe.discriminator, "words": terms},
    )


def with_vocabulary(recipe: Recipe, name: str) -> Recipe:
    """The recipe with terms chosen as ``name`` says, of :data:`studio.words.VOCABULARIES`.

    Raises:
        ValueError: its generator draws by no words, or there is no such vocabulary.
    """
    if not recipe.worded:
        raise ValueError(f"{recipe.name} draws by no words, so it has no vocabulary.")
    if name not in VOCABULARIES:
        raise ValueError(f"A vocabulary is one of: {', '.join(VOCABULARIES)}.")
    return for_words(replace(recipe, vocabulary=name), VOCABULARIES[name])


def for_classes(recipe: Recipe, classes: int) -> Recipe:
    """The recipe for images of so many classes (0: without labels), if it is conditional."""
    if not recipe.conditional:
        return recipe
    return replace(
        recipe,
        generator={**recipe.generator, "classes": classes},
        discriminator={**recipe.discriminator, "classes": classes},
    )
