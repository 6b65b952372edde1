"""Learning an encoder onto the styles of a trained generator, and both on together.

Photos become codes, the styles of every level, and come back as pictures. First an encoder learns
that while the generator stays as it is; then both learn on, with pictures of codes drawn from the
prior beside them (:mod:`train.codes.priors`), so that what is drawn at random is as good as what
comes back. Those are judged by the distance and the critic of :mod:`train.teachers.likeness`.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from studio.generators.style import StyleGenerator
from train.codes import priors
from train.codes.coming_back import Differences, in_unit_range
from train.codes.encoder import Encoder, Photos
from train.codes.unsaturating import UnsaturatingTanh, has_grey_ground
from train.engine.average import Drawing
from train.teachers.critic import Critic
from train.teachers.feature_distance import FeatureDistance, Look
from train.teachers.features import Eye
from train.teachers.likeness import CRITIC_WARM_UP, MEASURED_EVERY, pull

ENCODER_BATCH = 32
# Photos that come back, draws of the prior, and of those the ones that are truncated: designers see
# such ones, so the critic does, but photos are not spread as they are.
TOGETHER_BATCH, DRAWN_BATCH, TRUNCATED_BATCH = 24, 24, 12
COMPARED_BATCH = TOGETHER_BATCH + DRAWN_BATCH - TRUNCATED_BATCH
LEAST_PSI = 0.5
RATE = 1e-3
ENCODER_BETAS, TOGETHER_BETAS = (0.9, 0.99), (0.5, 0.99)
WARM_UP = 30  # steps until the full rate
FALLING = 0.3  # of the time, at the end, in which it falls to nearly nothing
LEAST_RATE = 0.05
STYLE_WEIGHT = 0.02  # keeps styles where the generator has been drawing
SEEN_NOISE = 0.05  # of what is seen, in its deviations: few photos are not learnt by heart
# How strongly the critic and what comes back pull at the pictures, in terms of the distance's pull.
CRITIC_SHARE = 1.0
RETURN_SHARE = 3.0
FITTED_EVERY = 100  # steps, the prior
NORM_BATCHES = 32
HALF_LIFE = 3000  # pictures, of the average of the weights


@dataclass
class Length:
    """How long to learn: so many minutes, or so many photos, of which one is None."""

    minutes: float | None
    photos: int | None = None
    shown: int = 0
    start: float = field(default_factory=lambda: time.monotonic())

    @property
    def done(self) -> float:
        """The share that is over, 0..1 and beyond."""
        if self.photos is not None:
            return self.shown / self.photos
        assert self.minutes is not None, "one of the two is given"
        return (time.monotonic() - self.start) / (60 * self.minutes)

    def rate(self, step: int) -> float:
        """The share of the full rate at a step."""
        return min((step + 1) / WARM_UP, max(LEAST_RATE, (1 - self.done) / FALLING), 1.0)


Report = Callable[[int, Differences], None]


def learn_encoder(
    generator: StyleGenerator,
    encoder: Encoder,
    photos: Photos,
    eye: Eye,
    length: Length,
    *,
    seed: int,
    on_step: Report = lambda count, differences: None,
    stopping: Callable[[], bool] = lambda: False,
) -> None:
    """Teach ``encoder`` the styles by which ``generator``, which stays as it is, draws photos.

    Args:
        generator, encoder: on the hardware.
        photos: to learn from, seen by ``eye``.
        eye: sees what comes back.
        length: how long; it counts the photos shown.
        seed: decides the order of photos.
        on_step: is called with the number of photos of each step, and how far they came back.
        stopping: whether to end after the step at hand.

    Raises:
        ArithmeticError: a loss is no longer a finite number.
    """
    random = torch.Generator().manual_seed(seed)
    generator.requires_grad_(False).eval()
    encoder.requires_grad_(True).train()
    optimiser = torch.optim.Adam(encoder.parameters(), RATE, ENCODER_BETAS, fused=True)
    step = 0
    while length.done < 1 and not stopping():
        set_rate(optimiser, length.rate(step))
        pictures, seen, _ = photos.take(ENCODER_BATCH, random)
        deviations = encoder.deviations(with_noise(seen, encoder, random))
        with eye.hardware.autocast():
            back = generator.draw(encoder.centre + encoder.spread * deviations)
        back = in_unit_range(back, generator)
        with torch.no_grad():
            real = Look(pictures, eye(pictures))
        differences = Differences.between(real, Look(back, eye(back)))
        loss = differences.loss + STYLE_WEIGHT * deviations.square().mean()
        descend(optimiser, loss)
        step += 1
        length.shown += len(pictures)
        on_step(len(pictures), differences)
    encoder.requires_grad_(False).eval()


def learn_together(
    generator: StyleGenerator,
    encoder: Encoder,
    photos: Photos,
    distance: FeatureDistance,
    critic: Critic,
    length: Length,
    *,
    seed: int,
    on_step: Report = lambda count, differences: None,
    on_average: Callable[[StyleGenerator, Encoder], None] = lambda generator, encoder: None,
    stopping: Callable[[], bool] = lambda: False,
) -> tuple[StyleGenerator, Encoder]:
    """Teach both on: photos that come back, and pictures of the prior that are like photos.

    Args:
        generator: with a prior, see :func:`train.codes.priors.with_prior`; on the hardware, as
            ``encoder``. Both change.
        photos: to learn from.
        distance, critic: of :data:`COMPARED_BATCH` and of all :data:`TOGETHER_BATCH` +
            :data:`DRAWN_BATCH` pictures from the photos; the critic learns.
        length, seed, on_step, stopping: as of :func:`learn_encoder`.

    Returns:
        The averages of both, as :func:`finished` takes them.

    Raises:
        ArithmeticError: a loss is no longer a finite number.
    """
    hardware = distance.hardware
    random = torch.Generator().manual_seed(seed)
    generator.requires_grad_(True).train()
    encoder.requires_grad_(True).train()
    weights = [*generator.parameters(), *encoder.parameters()]
    optimiser = torch.optim.Adam(weights, RATE, TOGETHER_BETAS, fused=True)
    keep = get_ema_multi_avg_fn(0.5 ** ((TOGETHER_BATCH + DRAWN_BATCH) / HALF_LIFE))
    averages = [AveragedModel(each, multi_avg_fn=keep) for each in (generator, encoder)]
    mean_generator, mean_encoder = (each.module for each in averages)
    assert isinstance(mean_generator, StyleGenerator) and isinstance(mean_encoder, Encoder)
    prior = generator.prior
    assert prior is not None, "see with_prior"
    if generator.output == "tanh" and has_grey_ground(photos.images):
        generator.finish = UnsaturatingTanh()
    step, blame_weight, return_weight = 0, 0.0, 0.0
    while length.done < 1 and not stopping():
        set_rate(optimiser, length.rate(step))
        if step % FITTED_EVERY == 0 and step:
            priors.refit(prior, encoder, photos)
        pictures, seen, told = photos.take(TOGETHER_BATCH, random)
        deviations = encoder.deviations(with_noise(seen, encoder, random))
        latents = torch.randn(DRAWN_BATCH, generator.latent_dim, generator=random)
        # Each part of a prior is affine in z: what is truncated is what a shorter z draws.
        psi = LEAST_PSI + (1 - LEAST_PSI) * torch.rand(TRUNCATED_BATCH, 1, generator=random)
        whole = latents[-TRUNCATED_BATCH:]
        latents[-TRUNCATED_BATCH:] = torch.lerp(prior.middle(whole), whole, psi)
        asked = of_some(photos, DRAWN_BATCH, random)
        styles = generator.map(latents.to(hardware.device), asked)
        styles = torch.cat([encoder.centre + encoder.spread * deviations, styles])
        with hardware.autocast():
            drawn = generator.draw(styles)
        drawn = in_unit_range(drawn, generator)
        everything = None if told is None or asked is None else torch.cat([told, asked])
        # Photos are seen moved as what comes back of them.
        moves = distance.moves(drawn)
        look = distance.look(drawn, moves)
        with torch.no_grad():
            real = distance.look(pictures, moves[: len(pictures)])
        differences = Differences.between(real, look.first(len(pictures)))
        compared = None if everything is None else everything[:COMPARED_BATCH]
        far = distance(look.first(COMPARED_BATCH), compared)
        blame = critic.blame(look, everything)
        if step % MEASURED_EVERY == 0:
            wanted = pull(far, drawn).item()
            blamed = CRITIC_SHARE * wanted / max(pull(blame, drawn).item(), 1e-12)
            returned = RETURN_SHARE * wanted / max(pull(differences.loss, drawn).item(), 1e-12)
            blame_weight = (blame_weight + blamed) / 2 if step else blamed
            return_weight = (return_weight + returned) / 2 if step else returned
        loss = (
            far
            + min(step / CRITIC_WARM_UP, 1.0) * blame_weight * blame
            + return_weight * differences.loss
            + STYLE_WEIGHT * deviations.square().mean()
        )
        descend(optimiser, loss)
        for average, network in zip(averages, (generator, encoder), strict=True):
            average.update_parameters(network)
        critic.learn(look, everything, real, told)
        step += 1
        length.shown += len(pictures)
        on_step(len(pictures), differences)
        on_average(mean_generator, mean_encoder)
    return mean_generator, mean_encoder


def finished(
    generator: StyleGenerator, encoder: Encoder, photos: Photos, *, seed: int, **form: int
) -> tuple[StyleGenerator, Encoder]:
    """Copies to keep, with a prior of the codes there are now, and batch norm statistics of theirs.

    ``form`` are the prior's components and parts, see :func:`train.codes.priors.fitted`. Half of
    the statistics' pictures are of photos' codes and half of the prior's, as in training.
    """
    encoder = copy.deepcopy(encoder).requires_grad_(False).eval()
    generator = priors.with_prior(generator, priors.of_photos(encoder, photos, **form)).to(
        photos.hardware.device
    )
    random = torch.Generator().manual_seed(seed)
    batches = []
    for _ in range(NORM_BATCHES):
        _, seen, _ = photos.take(TOGETHER_BATCH, random)
        latents = torch.randn(DRAWN_BATCH, generator.latent_dim, generator=random)
        told = of_some(photos, DRAWN_BATCH, random)
        styles = generator.map(latents.to(photos.hardware.device), told)
        batches.append(torch.cat([encoder(seen), styles]))
    generator = photos.hardware.place(generator).train()
    with photos.hardware.autocast():
        update_bn(range(NORM_BATCHES), DrawingStyles(generator, batches))
    return generator.requires_grad_(False).eval(), encoder


class DrawingStyles(Drawing):
    """A generator as a module from the number of a batch of styles to its pictures."""

    def __init__(self, generator: StyleGenerator, styles: list[Tensor]) -> None:
        super().__init__(generator, styles, None)

    def forward(self, index: int) -> Tensor:
        return self.generator.draw(self.latents[index])


def of_some(photos: Photos, count: int, random: torch.Generator) -> Tensor | None:
    """What random photos are told: (count, …), or None."""
    if photos.condition is None:
        return None
    chosen = torch.randint(len(photos.condition), (count,), generator=random)
    return photos.condition[chosen].to(photos.hardware.device)


def with_noise(seen: Tensor, encoder: Encoder, random: torch.Generator) -> Tensor:
    """What is seen of photos, a little off."""
    noise = torch.randn(seen.shape, generator=random).to(seen.device)
    return seen + SEEN_NOISE * encoder.deviation * noise


def set_rate(optimiser: torch.optim.Optimizer, share: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = RATE * share


def descend(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step down a loss.

    Raises:
        ArithmeticError: it is no finite number.
    """
    if not loss.item() < float("inf"):
        raise ArithmeticError("The differences are no longer finite numbers.")
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()
