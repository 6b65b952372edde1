"""The training loop, readable top to bottom: one state, one step, and what surrounds the steps.

It knows nothing of any screen or folder; :func:`fit` tells what happens through callbacks.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from studio.generators import Generator, build
from studio.generators.base import from_uint8, to_uint8
from train import augment, discriminators, initialise
from train.distributed import Processes
from train.hardware import Hardware
from train.length import Length
from train.losses import discriminator_bce, generator_bce
from train.means import Means
from train.recipes import Recipe
from train.transfer import freeze_early_layers

# Batches of fresh latents from which the averaged generator's batch norm statistics are taken.
BATCH_NORM_BATCHES = 8
# A point of the curves is a mean over about so many images: one in a few seconds on two cores.
TICK_IMAGES = 500


class Diverged(ArithmeticError):
    """The networks' numbers are no longer finite; only an earlier save helps."""


class Training:
    """Two networks, their optimisers and average, and everything random: one resumable state.

    Args:
        recipe: the settings.
        images: uint8 of shape (N, C, S, S) as :func:`train.data.images.load_images` returns them.
        hardware: where and in which precision to compute.
        seed: decides the first weights, the order of the images and every latent.
        processes: this process's place when several share each batch.

    Raises:
        ValueError: the images' shape does not fit the recipe.
        train.distributed.ProcessesError: the batch can't be shared equally.
    """

    def __init__(
        self,
        recipe: Recipe,
        images: Tensor,
        hardware: Hardware,
        seed: int,
        processes: Processes | None = None,
    ) -> None:
        torch.manual_seed(seed)
        self.recipe, self.hardware, self.seed = recipe, hardware, seed
        self.processes = processes or Processes()
        generator: Generator = build(recipe.generator)
        discriminator = discriminators.build(recipe.discriminator)
        wanted = (generator.channels, generator.image_size, generator.image_size)
        if tuple(images.shape[1:]) != wanted:
            raise ValueError(
                f"This recipe trains on {wanted} images, not {tuple(images.shape[1:])}."
            )
        self.images = hardware.place_images(images)
        self.batch = min(recipe.batch, len(images))
        self.share = self.processes.share(self.batch)
        self.augmentations = augment.parse(recipe.augment)
        self.steps_per_epoch = len(images) // self.batch

        for network in (generator, discriminator):
            network.apply(initialise.SCHEMES[recipe.init])
        freeze_early_layers(discriminator, recipe.freeze)
        self.average = hardware.place(copy.deepcopy(generator)).requires_grad_(False)
        self.generator = hardware.place(self.processes.synchronise(generator))
        self.discriminator = hardware.place(self.processes.synchronise(discriminator))
        self.learning_d = [each for each in self.discriminator.parameters() if each.requires_grad]
        self.optimiser_g = self._optimiser(list(self.generator.parameters()))
        self.optimiser_d = self._optimiser(self.learning_d)

        self.random = torch.Generator(hardware.device).manual_seed(seed)
        self.fixed_latents = self._latents(
            math.prod(recipe.sample_grid), torch.Generator(hardware.device).manual_seed(seed + 1)
        )
        self.step_count = self.images_shown = self.epoch = self._position = 0
        self.seconds = 0.0
        self.means, self.tick_means = Means(hardware.device), Means(hardware.device)
        self._order: tuple[int, Tensor] | None = None

    def start_from(self, generator: Mapping[str, Tensor], discriminator: Mapping[str, Tensor]):
        """Take over trained weights before the first step; either may be empty, to start anew."""
        for network, weights in (
            (self.generator, generator),
            (self.average, generator),
            (self.discriminator, discriminator),
        ):
            if weights:
                network.load_state_dict(weights)

    def step(self) -> None:
        """Update the discriminator on a real and a drawn batch, then the generator, once each."""
        real = self._real_batch()
        latents = self._latents(self.batch, self.random)[self.share]
        with self.hardware.autocast():
            fake = self.generator(latents)
        real_logits, fake_logits = self._judge(real), self._judge(fake.detach())
        loss_d = discriminator_bce(real_logits, fake_logits)
        self._descend(self.optimiser_d, self.learning_d, loss_d)

        # Gradients of the discriminator's weights would be computed here only to be thrown away.
        self._let_discriminator_learn(False)
        loss_g = generator_bce(self._judge(fake))
        self._descend(self.optimiser_g, list(self.generator.parameters()), loss_g)
        self._let_discriminator_learn(True)

        self._count()
        self._update_average()
        with torch.no_grad():
            real_score, fake_score = real_logits.sigmoid().mean(), fake_logits.sigmoid().mean()
            numbers = [loss_g, loss_d, real_score, fake_score, real_logits.sign().mean()]
            for means in (self.means, self.tick_means):
                means.add(torch.stack(numbers))

    @property
    def at_epoch_end(self) -> bool:
        """Whether the last step was the last of its pass over the images."""
        return self._position == 0 and self.epoch > 0

    @property
    def at_tick(self) -> bool:
        """Whether a point of the curves is due."""
        return self.step_count % max(1, round(TICK_IMAGES / self.batch)) == 0

    def averaged_generator(self, batches: int = BATCH_NORM_BATCHES) -> Generator:
        """The EMA generator in evaluation mode, its batch norm statistics taken afresh.

        The average of running statistics belongs to no weights that ever were, so they are
        measured on the averaged weights instead, on some ``batches`` of latents that are the same
        each time: fewer are quicker and as good for a look.
        """
        generator = copy.deepcopy(self.average)
        random = torch.Generator(self.hardware.device).manual_seed(self.seed + 2)
        latents = [self._latents(self.batch, random) for _ in range(batches)]
        with self.hardware.autocast():
            update_bn(latents, generator)
        return generator.eval()

    @torch.no_grad()
    def samples(self, generator: Generator | None = None) -> Tensor:
        """Pictures of the fixed latents by the averaged generator: uint8 (rows*columns, C, S, S).

        ``generator`` is :meth:`averaged_generator`'s, to spare making it again.
        """
        generator = generator or self.averaged_generator()
        return to_uint8(generator(self.fixed_latents), generator.value_range)

    @torch.no_grad()
    def draw(self, generator: Generator, count: int) -> Tensor:
        """``count`` pictures of latents that are the same each time: uint8 (count, C, S, S)."""
        random = torch.Generator(self.hardware.device).manual_seed(self.seed + 3)
        with self.hardware.autocast():
            pictures = [generator(z) for z in self._latents(count, random).split(self.batch)]
        return torch.cat([to_uint8(each, generator.value_range) for each in pictures])

    def is_finite(self) -> bool:
        """Whether every weight is a finite number."""
        weights = [*self.generator.parameters(), *self.discriminator.parameters()]
        return bool(torch.stack([each.detach().isfinite().all() for each in weights]).all())

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
            "means": self.means.sums,
            "tick_means": self.tick_means.sums,
            "step_count": self.step_count,
            "images_shown": self.images_shown,
            "epoch": self.epoch,
            "position": self._position,
            "seconds": self.seconds,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to where :meth:`state_dict` was taken, same images and seed.

        The recipe's batch and learning rate may have changed since.
        """
        for name in ("generator", "discriminator", "average", "optimiser_g", "optimiser_d"):
            getattr(self, name).load_state_dict(state[name])
        for optimiser in (self.optimiser_g, self.optimiser_d):
            for group in optimiser.param_groups:
                group["lr"] = self.recipe.learning_rate
        self.random.set_state(state["random"].cpu())
        self.fixed_latents = state["fixed_latents"].to(self.hardware.device)
        for means, name in ((self.means, "means"), (self.tick_means, "tick_means")):
            means.sums = state[name].to(self.hardware.device)
        self.step_count, self.images_shown = state["step_count"], state["images_shown"]
        self.epoch, self._position = state["epoch"], state["position"]
        self.seconds = state["seconds"]

    def _optimiser(self, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        recipe = self.recipe
        return torch.optim.Adam(parameters, recipe.learning_rate, recipe.betas, fused=True)

    def _latents(self, count: int, random: torch.Generator) -> Tensor:
        size = (count, self.average.latent_dim)
        return torch.randn(size, generator=random, device=self.hardware.device)

    def _judge(self, images: Tensor) -> Tensor:
        """The discriminator's logits (b,) on images, which are augmented if the recipe says so."""
        seen = augment.augment(
            images,
            self.augmentations,
            self.random,
            value_range=self.average.value_range,
            share=self.share,
            total=self.batch,
        )
        with self.hardware.autocast():
            return self.discriminator(seen).float()

    def _let_discriminator_learn(self, wanted: bool) -> None:
        for each in self.learning_d:
            each.requires_grad_(wanted)

    def _real_batch(self) -> Tensor:
        """This process's share of the next images of this epoch, in the generator's range."""
        if self._order is None or self._order[0] != self.epoch:
            # From seed and epoch alone, so a resumed run needs no stored order.
            random = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
            self._order = self.epoch, torch.randperm(len(self.images), generator=random)
        # After a change of batch in the middle of an epoch, the last batch may reach back a little.
        start = min(self._position, len(self.images) - self.batch)
        chosen = self._order[1][start : start + self.batch][self.share]
        batch = self.images[chosen.to(self.images.device)].to(self.hardware.device)
        return self.hardware.lay_out(from_uint8(batch, self.average.value_range))

    def _count(self) -> None:
        self.step_count += 1
        self.images_shown += self.batch
        self._position += self.batch
        if self._position + self.batch > len(self.images):
            self.epoch += 1
            self._position = 0

    def _descend(
        self, optimiser: torch.optim.Optimizer, learning: list[nn.Parameter], loss: Tensor
    ) -> None:
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.processes.average_gradients(learning)
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


def fit(
    training: Training,
    length: Length,
    *,
    on_step: Callable[[], None],
    on_tick: Callable[[dict[str, float]], None],
    on_numbers: Callable[[dict[str, float]], None],
    stopping: Callable[[], bool],
) -> bool:
    """Train until ``length`` is reached or ``stopping()`` is true; return whether it is finished.

    ``on_step`` is called after every update, ``on_tick`` with means of some hundred images,
    and ``on_numbers`` with those of an epoch, or of ``log_steps`` updates when the recipe says so.

    Raises:
        Diverged: a number is no longer finite.
    """
    every = training.recipe.log_steps
    for _ in _until(training, length):
        if stopping():
            return False
        training.step()
        if training.at_tick:
            numbers = training.tick_means.take(training.processes)
            if not all(map(math.isfinite, numbers.values())):
                raise Diverged("The losses are no longer finite numbers.")
            on_tick(numbers)
        if training.step_count % every == 0 if every else training.at_epoch_end:
            on_numbers(training.means.take(training.processes))
        on_step()
    return True


def _until(training: Training, length: Length) -> Iterator[None]:
    before, start = training.seconds, time.monotonic()
    alone = training.processes.count == 1
    while training.images_shown < length.images:
        # Several processes must end at the same step, and to agree at each one would cost time.
        if length.seconds < math.inf and (alone or training.at_tick):
            spent = training.processes.agree(training.seconds, training.hardware.device)
            if spent >= length.seconds:
                return
        yield
        training.seconds = before + time.monotonic() - start
