"""The training loop, readable top to bottom: one state, one step, and what surrounds the steps.

It knows nothing of any screen or folder; :func:`fit` tells what happens through callbacks.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from studio.generators import Generator, build
from studio.generators.base import from_uint8, to_uint8
from train import discriminators, initialise
from train.hardware import Hardware
from train.losses import discriminator_bce, generator_bce
from train.recipes import Recipe

NUMBERS = ("loss_g", "loss_d", "real_score", "fake_score")
# Batches of fresh latents from which the averaged generator's batch norm statistics are taken.
BATCH_NORM_BATCHES = 8


class Training:
    """Two networks, their optimisers and average, and everything random: one resumable state.

    Args:
        recipe: the settings.
        images: uint8 of shape (N, C, S, S) as :func:`train.data.load_images` returns them.
        hardware: where and in which precision to compute.
        seed: decides the first weights, the order of the images and every latent.

    Raises:
        ValueError: the images' shape does not fit the recipe.
    """

    def __init__(self, recipe: Recipe, images: Tensor, hardware: Hardware, seed: int) -> None:
        torch.manual_seed(seed)
        self.recipe, self.hardware, self.seed = recipe, hardware, seed
        generator: Generator = build(recipe.generator)
        discriminator = discriminators.build(recipe.discriminator)
        wanted = (generator.channels, generator.image_size, generator.image_size)
        if tuple(images.shape[1:]) != wanted:
            raise ValueError(
                f"This recipe trains on {wanted} images, not {tuple(images.shape[1:])}."
            )
        for network in (generator, discriminator):
            network.apply(initialise.SCHEMES[recipe.init])
        self.generator = hardware.place(generator)
        self.discriminator = hardware.place(discriminator)
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        self.optimiser_g = self._optimiser(self.generator)
        self.optimiser_d = self._optimiser(self.discriminator)
        # Parallel copies share these weights; on one device they are the networks themselves.
        self.parallel_g = hardware.parallel(self.generator)
        self.parallel_d = hardware.parallel(self.discriminator)

        self.images = hardware.place_images(images)
        self.batch = min(recipe.batch, len(images))
        self.steps_per_epoch = max(1, len(images) // self.batch)
        self.random = torch.Generator(hardware.device).manual_seed(seed)
        self.fixed_latents = self._latents(
            math.prod(recipe.sample_grid), torch.Generator(hardware.device).manual_seed(seed + 1)
        )
        self.step_count = 0
        self.seconds = 0.0
        self._sums = torch.zeros(len(NUMBERS) + 1, device=hardware.device)
        self._order: tuple[int, Tensor] | None = None

    @property
    def images_shown(self) -> int:
        """Real images shown to the discriminator so far."""
        return self.step_count * self.batch

    @property
    def epoch(self) -> int:
        """Whole passes over the images so far."""
        return self.step_count // self.steps_per_epoch

    def step(self) -> None:
        """Update the discriminator on a real and a drawn batch, then the generator, once each."""
        real = self._real_batch()
        latents = self._latents(self.batch, self.random)
        with self.hardware.autocast():
            fake = self.parallel_g(latents)
            real_logits = self.parallel_d(real).float()
            fake_logits = self.parallel_d(fake.detach()).float()
        loss_d = discriminator_bce(real_logits, fake_logits)
        self._descend(self.optimiser_d, loss_d)

        # Gradients of the discriminator's weights would be computed here only to be thrown away.
        self.discriminator.requires_grad_(False)
        with self.hardware.autocast():
            loss_g = generator_bce(self.parallel_d(fake).float())
        self._descend(self.optimiser_g, loss_g)
        self.discriminator.requires_grad_(True)

        self.step_count += 1
        self._update_average()
        with torch.no_grad():
            real_score, fake_score = real_logits.sigmoid().mean(), fake_logits.sigmoid().mean()
            one = torch.ones_like(loss_g)
            self._sums += torch.stack([loss_g, loss_d, real_score, fake_score, one])

    def take_numbers(self) -> dict[str, float]:
        """Means of losses and scores since the last call; scores are probabilities of real."""
        *sums, count = self._sums.tolist()
        self._sums.zero_()
        return {name: value / max(count, 1) for name, value in zip(NUMBERS, sums, strict=True)}

    def averaged_generator(self) -> Generator:
        """The EMA generator in evaluation mode, its batch norm statistics taken afresh.

        The average of running statistics belongs to no weights that ever were, so they are
        measured on the averaged weights instead; fixed latents keep that repeatable.
        """
        generator = copy.deepcopy(self.average)
        random = torch.Generator(self.hardware.device).manual_seed(self.seed + 2)
        batches = [self._latents(self.batch, random) for _ in range(BATCH_NORM_BATCHES)]
        with self.hardware.autocast():
            update_bn(batches, generator)
        return generator.eval()

    @torch.no_grad()
    def samples(self) -> Tensor:
        """The averaged generator's pictures of the fixed latents: uint8 (rows*columns, C, S, S)."""
        return to_uint8(self.averaged_generator()(self.fixed_latents), self.generator.value_range)

    def state_dict(self) -> dict[str, Any]:
        """All that a later process needs to go on exactly here, as tensors and plain values."""
        return {
            "generator": self.generator.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "average": self.average.state_dict(),
            "optimiser_g": self.optimiser_g.state_dict(),
            "optimiser_d": self.optimiser_d.state_dict(),
            "random": self.random.get_state(),
            "fixed_latents": self.fixed_latents,
            "sums": self._sums,
            "step_count": self.step_count,
            "seconds": self.seconds,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to where :meth:`state_dict` was taken, same recipe, images and seed."""
        for name in ("generator", "discriminator", "average", "optimiser_g", "optimiser_d"):
            getattr(self, name).load_state_dict(state[name])
        self.random.set_state(state["random"].cpu())
        self.fixed_latents = state["fixed_latents"].to(self.hardware.device)
        self._sums = state["sums"].to(self.hardware.device)
        self.step_count, self.seconds = state["step_count"], state["seconds"]

    def _optimiser(self, network: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(
            network.parameters(), self.recipe.learning_rate, self.recipe.betas, fused=True
        )

    def _latents(self, count: int, random: torch.Generator) -> Tensor:
        size = (count, self.generator.latent_dim)
        return torch.randn(size, generator=random, device=self.hardware.device)

    def _real_batch(self) -> Tensor:
        """The next images in this epoch's order, in the generator's value range."""
        epoch, position = divmod(self.step_count, self.steps_per_epoch)
        if self._order is None or self._order[0] != epoch:
            # From seed and epoch alone, so a resumed run needs no stored order.
            random = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
            self._order = epoch, torch.randperm(len(self.images), generator=random)
        chosen = self._order[1][position * self.batch : (position + 1) * self.batch]
        batch = self.images[chosen.to(self.images.device)].to(self.hardware.device)
        return self.hardware.lay_out(from_uint8(batch, self.generator.value_range))

    @staticmethod
    def _descend(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()

    @torch.no_grad()
    def _update_average(self) -> None:
        half_life = min(
            self.recipe.ema_kimg * 1000, max(self.images_shown * self.recipe.ema_rampup, 1e-8)
        )
        weight = 1 - 0.5 ** (self.batch / half_life)
        torch._foreach_lerp_(
            list(self.average.parameters()), list(self.generator.parameters()), weight
        )


@dataclass(frozen=True)
class Length:
    """How long to train: to ``steps`` updates, or until ``seconds`` are spent, the earlier one."""

    steps: int
    seconds: float = math.inf

    @classmethod
    def of(
        cls,
        training: Training,
        *,
        epochs: int | None = None,
        kimg: float | None = None,
        minutes: float | None = None,
    ) -> Length:
        """From what a person asked for; the recipe's own length where nothing was asked."""
        recipe = training.recipe
        if kimg is not None:
            steps = math.ceil(kimg * 1000 / training.batch)
        elif epochs is not None:
            steps = epochs * training.steps_per_epoch
        elif minutes is not None:
            steps = 2**62
        elif recipe.epochs is not None:
            steps = recipe.epochs * training.steps_per_epoch
        else:
            steps = recipe.steps or 0
        return cls(steps, math.inf if minutes is None else minutes * 60)


def fit(
    training: Training,
    length: Length,
    *,
    on_step: Callable[[], None],
    on_numbers: Callable[[dict[str, float]], None],
    stopping: Callable[[], bool],
) -> bool:
    """Train until ``length`` is reached or ``stopping()`` is true; return whether it is finished.

    ``on_step`` is called after every update, ``on_numbers`` with the means whenever the recipe
    logs (each epoch, or every ``log_steps`` updates).
    """
    every = training.recipe.log_steps or training.steps_per_epoch
    for _ in _until(training, length):
        if stopping():
            return False
        training.step()
        if training.step_count % every == 0:
            on_numbers(training.take_numbers())
        on_step()
    return True


def _until(training: Training, length: Length) -> Iterator[None]:
    before, start = training.seconds, time.monotonic()
    while training.step_count < length.steps and training.seconds < length.seconds:
        yield
        training.seconds = before + time.monotonic() - start
