"""Recipes: named, complete settings of a training, as data.

The four here are published systems and keep their published numbers, so that their results can be
made again. A recipe says how to train, never on which pictures: any recipe trains on any images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training besides its images.

    A training lasts ``epochs`` passes over the images or ``steps`` updates, whichever is set.
    Numbers are logged every ``log_steps`` updates, or once an epoch when that is not set.
    ``ema_kimg`` is the half-life of the generator's average in thousands of images shown;
    ``ema_rampup`` caps it at that share of the images shown so far (both as in StyleGAN2-ADA,
    Karras et al., 2020). ``init`` names a scheme of :mod:`train.initialise`, ``augment`` what of
    :mod:`train.augment` both kinds of images go through before the discriminator sees them, and
    ``freeze`` is the number of its early layers that stay as they are.

    ``learning_rate_d`` is the discriminator's where it differs. ``loss`` names one of :mod:`train.losses`; ``r1`` and ``r2`` weigh its gradient penalties on
    real and drawn images, which are computed every ``penalty_every`` updates, that much stronger
    ("lazy", Karras et al., 2020). ``augment_target`` lets the share of augmented pictures follow
    the discriminator's mean sign on real ones (ADA, Karras et al., 2020); without it all are.
    ``style_mixing`` is the share of drawn pictures with two styles, ``flip`` mirrors half of the
    real ones, and ``balanced`` shows all classes equally often. A ``conditional`` recipe's
    networks are told the images' classes when there are any, see :func:`for_classes`.
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

    @property
    def rate_d(self) -> float:
        """The discriminator's learning rate."""
        return self.learning_rate_d or self.learning_rate

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
        return Recipe(**{**values, **pairs})
    except (KeyError, TypeError) as error:
        raise ValueError(f"These are not a recipe's settings: {error}.") from error


def for_classes(recipe: Recipe, classes: int) -> Recipe:
    """The recipe for images of so many classes (0: without labels), if it is conditional."""
    if not recipe.conditional:
        return recipe
    return replace(
        recipe,
        generator={**recipe.generator, "classes": classes},
        discriminator={**recipe.discriminator, "classes": classes},
    )


FASHION_MNIST_MLP = Recipe(
    name="fashion-mnist-mlp",
    title="Fashion-MNIST, dense layers",
    source="MLP GAN on Fashion-MNIST in the manner of Goodfellow et al., 2014, first in Keras",
    generator={
        "kind": "mlp",
        "latent_dim": 100,
        "widths": [256, 512, 1024],
        "image_size": 28,
        "channels": 1,
        "output": "tanh",
    },
    discriminator={"kind": "mlp", "widths": [512, 256], "image_size": 28, "channels": 1},
    batch=32,
    learning_rate=2e-4,
    betas=(0.5, 0.999),
    steps=5_000,
    log_steps=1_000,
    sample_grid=(5, 10),
)

FASHION_MNIST_DCGAN = Recipe(
    name="fashion-mnist-dcgan",
    title="Fashion-MNIST, convolutions",
    source="Convolutional GAN on Fashion-MNIST in the manner of Radford et al., 2015",
    generator={
        "kind": "dcgan",
        "latent_dim": 100,
        "widths": [128, 64],
        "start": 7,
        "channels": 1,
        "output": "sigmoid",
    },
    discriminator={"kind": "dcgan", "widths": [64, 128], "end": 7, "channels": 1},
    batch=128,
    learning_rate=2e-4,
    betas=(0.5, 0.999),
    epochs=20,
    sample_grid=(5, 10),
)

DEEPFASHION_DCGAN = Recipe(
    name="deepfashion-dcgan",
    title="DeepFashion",
    source="DCGAN on DeepFashion garments, after PyTorch's DCGAN tutorial (Radford et al., 2015)",
    generator={
        "kind": "dcgan",
        "latent_dim": 100,
        "widths": [512, 256, 128, 64],
        "start": 4,
        "channels": 3,
        "output": "tanh",
    },
    discriminator={"kind": "dcgan", "widths": [64, 128, 256, 512], "end": 4, "channels": 3},
    batch=128,
    learning_rate=2e-4,
    betas=(0.5, 0.999),
    epochs=40,
    seed=999,
    init="dcgan",
)

HANDBAGS_DCGAN = Recipe(
    name="handbags-dcgan",
    title="Handbags",
    source="DCGAN on 740 handbag photos (Radford et al., 2015); the code's rate of 0.0003, not"
    " the report's 0.003",
    generator={
        "kind": "dcgan",
        "latent_dim": 128,
        "widths": [512, 256, 128, 64],
        "start": 4,
        "channels": 3,
        "output": "tanh",
    },
    discriminator={
        "kind": "dcgan",
        "widths": [64, 128, 256, 512],
        "end": 4,
        "channels": 3,
        "norm_first": True,
    },
    batch=128,
    learning_rate=3e-4,
    betas=(0.5, 0.999),
    epochs=50,
)

# CANDIDATES
_S64 = {"kind": "style", "latent_dim": 128, "style_dim": 256, "widths": [256, 128, 96, 64, 32]}
_STYLE_D = {"kind": "style", "widths": [48, 96, 192, 256], "image_size": 64, "patch": 2}
_BASE = dict(
    title="x",
    source="y",
    batch=32,
    epochs=10000,
    betas=(0.0, 0.99),
    conditional=True,
    flip=True,
    augment="color,translation,cutout",
    style_mixing=0.5,
    sample_grid=(8, 8),
)
_SKIP64 = {"kind": "skip", "latent_dim": 128, "widths": [256, 128, 96, 64, 32]}
_PLAIN = {**_BASE, "conditional": False, "style_mixing": 0.0}
CANDIDATES = [
    Recipe(name="proj-a", generator=_S64, learning_rate=1e-3, learning_rate_d=5e-4, loss="hinge",
        discriminator={"kind": "projected", "widths": [32, 64, 128, 256], "size": 128},
        **{**_BASE, "batch": 16}),
    Recipe(
        name="skip-hinge",
        generator=_SKIP64,
        discriminator=_STYLE_D,
        learning_rate=2e-4,
        learning_rate_d=1e-3,
        loss="hinge",
        r1=1.0,
        penalty_every=16,
        **_PLAIN,
    ),
    Recipe(
        name="skip-proj",
        generator=_SKIP64,
        learning_rate=2e-4,
        loss="hinge",
        discriminator={"kind": "projected", "widths": [32, 64, 128, 256], "size": 128},
        **_PLAIN,
    ),
    Recipe(
        name="style-r1",
        generator=_S64,
        discriminator=_STYLE_D,
        learning_rate=2e-3,
        r1=0.2,
        penalty_every=16,
        **_BASE,
    ),
    Recipe(
        name="style-r3",
        generator=_S64,
        discriminator=_STYLE_D,
        learning_rate=2e-3,
        loss="relativistic",
        r1=0.5,
        r2=0.5,
        penalty_every=4,
        **_BASE,
    ),
    Recipe(
        name="proj128",
        generator=_S64,
        learning_rate=2e-3,
        learning_rate_d=2e-4,
        loss="hinge",
        discriminator={"kind": "projected", "widths": [32, 64, 128, 256], "size": 128},
        **_BASE,
    ),
    Recipe(
        name="proj64",
        generator=_S64,
        learning_rate=2e-3,
        learning_rate_d=2e-4,
        loss="hinge",
        discriminator={"kind": "projected", "widths": [32, 64, 128, 256], "size": 64},
        **_BASE,
    ),
]

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        *CANDIDATES,
        HANDBAGS_DCGAN,
        DEEPFASHION_DCGAN,
        FASHION_MNIST_DCGAN,
        FASHION_MNIST_MLP,
    )
}


def get(name: str) -> Recipe:
    """The recipe called ``name``.

    Raises:
        ValueError: there is none; the message lists those there are.
    """
    try:
        return RECIPES[name]
    except KeyError:
        raise ValueError(
            f"There is no recipe {name!r}. Choose one of: {', '.join(RECIPES)}."
        ) from None
