"""A training: two networks and all that surrounds them as one resumable state, and one step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from studio.generators import Generator, build
from train import discriminators
from train.beginning.transfer import freeze_early_layers, take_over
from train.devices.distributed import Processes
from train.devices.hardware import Hardware
from train.engine import initialise
from train.engine.average import Average
from train.engine.batches import Batches
from train.engine.means import Means
from train.engine.mixing import mixed
from train.recipes import Recipe
from train.teachers import augment
from train.teachers.losses import LOSSES, gradient_penalty

# A point of the curves is a mean over about so many images: one in a few seconds on two cores.
TICK_IMAGES = 500


class Training:
    """Two networks, their optimisers and average, and everything random: one resumable state.

    Args:
        recipe: the settings.
        images: uint8 of shape (N, C, S, S) as :func:`train.data.images.load_images` returns them.
        hardware: where and in which precision to compute.
        seed: decides the first weights, the order of the images and every latent.
        processes: this process's place when several share each batch.
        condition: of each image, for a recipe whose generator takes one: int64 labels (N,), or
            texts as vectors (N, words).

    Raises:
        ValueError: the images' shape does not fit the recipe.
        train.devices.distributed.ProcessesError: the batch can't be shared equally.
    """

    def __init__(
        self,
        recipe: Recipe,
        images: Tensor,
        hardware: Hardware,
        seed: int,
        processes: Processes | None = None,
        condition: Tensor | None = None,
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
        self.batch = min(recipe.batch, len(images))
        self.batches = Batches(
            images,
            _checked(generator, condition),
            size=self.batch,
            seed=seed,
            balanced=recipe.balanced,
            hardware=hardware,
        )
        self.share = self.processes.share(self.batch)
        self.loss = LOSSES[recipe.loss]
        self.augmentations = augment.parse(recipe.augment)
        self.augment_share = 1.0 if recipe.augment_target is None else 0.0
        self.steps_per_epoch = len(images) // self.batch

        for network in (generator, discriminator):
            network.apply(initialise.SCHEMES[recipe.init])
        freeze_early_layers(discriminator, recipe.freeze)
        self.average = Average(generator, recipe, self.batches, hardware, seed)
        self.generator = hardware.place(self.processes.synchronise(generator))
        self.discriminator = hardware.place(self.processes.synchronise(discriminator))
        self.learning_d = [each for each in self.discriminator.parameters() if each.requires_grad]
        self.optimiser_g = self._optimiser(list(self.generator.parameters()))
        self.optimiser_d = self._optimiser(self.learning_d, recipe.rate_d)

        self.random = torch.Generator(hardware.device).manual_seed(seed)
        self.step_count = self.images_shown = 0
        self.seconds = 0.0
        self.means, self.tick_means = Means(hardware.device), Means(hardware.device)

    def start_from(self, generator: Mapping[str, Tensor], discriminator: Mapping[str, Tensor]):
        """Take over what fits of trained weights before the first step; either may be empty."""
        take_over(self.generator, generator)
        take_over(self.discriminator, discriminator)
        self.average.network.load_state_dict(self.generator.state_dict())

    def step(self) -> None:
        """Update the discriminator on a real and a drawn batch, then the generator, once each."""
        real, told = self.batches.take(self.share, self.average.network.value_range)
        real = self._flipped(real)
        told = self._some_dropped(told)
        with self.hardware.autocast():
            fake = self._fakes(told)
        with torch.no_grad():
            real_seen = self._see(real)
        fake_seen = self._see(fake)
        detached = fake_seen.detach()
        penalised = self._penalties_due
        real_seen.requires_grad_(penalised and self.recipe.r1 > 0)
        detached.requires_grad_(penalised and self.recipe.r2 > 0)
        real_logits, wrong_logits = self._judge_real(real_seen, told)
        fake_logits = self._judge(detached, told)
        false_logits = torch.cat([fake_logits, wrong_logits])
        loss_d = self.loss.discriminator(real_logits, false_logits)
        penalty = torch.zeros((), device=real.device)
        for images, logits, weight in (
            (real_seen, real_logits, self.recipe.r1),
            (detached, fake_logits, self.recipe.r2),
        ):
            if penalised and weight > 0:
                strength = weight * self.recipe.penalty_every
                penalty = penalty + strength * gradient_penalty(images, logits)
        self._descend(self.optimiser_d, self.learning_d, loss_d + penalty)

        # Gradients of the discriminator's weights would be computed here only to be thrown away.
        self._let_discriminator_learn(False)
        with torch.no_grad():
            paired = [self._judge(real_seen, told)] if self.loss.paired else []
        loss_g = self.loss.generator(self._judge(fake_seen, told), *paired)
        self._descend(self.optimiser_g, list(self.generator.parameters()), loss_g)
        self._let_discriminator_learn(True)

        self.step_count += 1
        self.images_shown += self.batch
        self.average.update(self.generator, self.images_shown)
        with torch.no_grad():
            real_score, fake_score = real_logits.sigmoid().mean(), fake_logits.sigmoid().mean()
            numbers = [loss_g, loss_d, real_score, fake_score, real_logits.sign().mean()]
            for means in (self.means, self.tick_means):
                means.add(torch.stack(numbers))

    def adapt(self, real_sign: float) -> None:
        """Augment more if the discriminator is too sure of the real images, and else less."""
        if self.recipe.augment_target is not None:
            shown = max(1, round(TICK_IMAGES / self.batch)) * self.batch
            sure = real_sign > self.recipe.augment_target
            self.augment_share = augment.adapted(self.augment_share, shown, more=sure)

    @property
    def epoch(self) -> int:
        """Passes over the images that are complete."""
        return self.batches.epoch

    @property
    def images(self) -> Tensor:
        """All real images, uint8 (N, C, S, S)."""
        return self.batches.images

    @property
    def at_epoch_end(self) -> bool:
        """Whether the last step was the last of its pass over the images."""
        return self.batches.position == 0 and self.epoch > 0

    @property
    def at_tick(self) -> bool:
        """Whether a point of the curves is due."""
        return self.step_count % max(1, round(TICK_IMAGES / self.batch)) == 0

    def is_finite(self) -> bool:
        """Whether every weight is a finite number."""
        weights = [*self.generator.parameters(), *self.discriminator.parameters()]
        return bool(torch.stack([each.detach().isfinite().all() for each in weights]).all())

    def state_dict(self) -> dict[str, Any]:
        """All that a later process needs to go on exactly here, as tensors and plain values."""
        return {
            "generator": self.generator.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "average": self.average.network.state_dict(),
            "optimiser_g": self.optimiser_g.state_dict(),
            "optimiser_d": self.optimiser_d.state_dict(),
            "random": self.random.get_state(),
            "fixed_latents": self.average.fixed_latents,
            "means": self.means.sums,
            "tick_means": self.tick_means.sums,
            "step_count": self.step_count,
            "images_shown": self.images_shown,
            "epoch": self.batches.epoch,
            "position": self.batches.position,
            "augment_share": self.augment_share,
            "seconds": self.seconds,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to where :meth:`state_dict` was taken, same images and seed.

        The recipe's batch and learning rate may have changed since.
        """
        for name in ("generator", "discriminator", "optimiser_g", "optimiser_d"):
            getattr(self, name).load_state_dict(state[name])
        self.average.network.load_state_dict(state["average"])
        rates = self.recipe.learning_rate, self.recipe.rate_d
        for optimiser, rate in zip((self.optimiser_g, self.optimiser_d), rates, strict=True):
            for group in optimiser.param_groups:
                group["lr"] = rate
        self.random.set_state(state["random"].cpu())
        self.average.fixed_latents = state["fixed_latents"].to(self.hardware.device)
        for means, name in ((self.means, "means"), (self.tick_means, "tick_means")):
            means.sums = state[name].to(self.hardware.device)
        self.step_count, self.images_shown = state["step_count"], state["images_shown"]
        self.batches.epoch, self.batches.position = state["epoch"], state["position"]
        self.augment_share = state.get("augment_share", self.augment_share)
        self.seconds = state["seconds"]

    def _optimiser(
        self, parameters: list[nn.Parameter], rate: float | None = None
    ) -> torch.optim.Optimizer:
        rate = rate or self.recipe.learning_rate
        return torch.optim.Adam(parameters, rate, self.recipe.betas, fused=True)

    def _latents(self, count: int, random: torch.Generator) -> Tensor:
        size = (count, self.average.network.latent_dim)
        return torch.randn(size, generator=random, device=self.hardware.device)

    def _see(self, images: Tensor) -> Tensor:
        """What the discriminator is shown of images: they are augmented if the recipe says so."""
        return augment.augment(
            images,
            self.augmentations,
            self.random,
            value_range=self.average.network.value_range,
            probability=self.augment_share,
            share=self.share,
            total=self.batch,
        )

    def _judge_real(self, seen: Tensor, told: Tensor | None) -> tuple[Tensor, Tensor]:
        """Logits of real images with their own condition and, if those are to match, with others.

        A real image with another's words is as false as a drawn one (Reed et al., 2016). The second
        are fewer where neighbours in the batch have the same words, and none without ``matching``.
        """
        if not self.recipe.matching or told is None:
            logits = self._judge(seen, told)
            return logits, logits[:0]
        others = told.roll(1, 0)
        own, wrong = self._judge(seen, torch.stack([told, others]))
        return own, wrong[(told != others).flatten(1).any(1)]

    def _judge(self, seen: Tensor, told: Tensor | None) -> Tensor:
        """The discriminator's logits (b,) on what it is shown and told."""
        condition = {} if told is None else {"condition": told}
        with self.hardware.autocast():
            return self.discriminator(seen, **condition).float()

    def _let_discriminator_learn(self, wanted: bool) -> None:
        for each in self.learning_d:
            each.requires_grad_(wanted)

    @property
    def _penalties_due(self) -> bool:
        recipe = self.recipe
        return max(recipe.r1, recipe.r2) > 0 and self.step_count % recipe.penalty_every == 0

    def _flipped(self, images: Tensor) -> Tensor:
        """Real images (b, C, S, S), half of them mirrored if the recipe says so."""
        if not self.recipe.flip:
            return images
        draws = torch.rand(self.batch, generator=self.random, device=images.device)[self.share]
        return torch.where(draws[:, None, None, None] < 0.5, images.flip(3), images)

    def _some_dropped(self, told: Tensor | None) -> Tensor | None:
        """Conditions (b, words), some of them zeros: no text, which is learnt along with texts.

        So a text's style can be told from what any design has, and be followed more closely than
        it was learnt (Ho and Salimans, 2022, do so with noise; here it is done in w).
        """
        if not self.recipe.caption_dropout or told is None or not told.is_floating_point():
            return told
        draws = torch.rand(self.batch, generator=self.random, device=told.device)[self.share]
        return told * (draws >= self.recipe.caption_dropout)[:, None]

    def _fakes(self, told: Tensor | None) -> Tensor:
        """This process's share of a batch drawn from fresh latents, some with two styles."""
        generator, share = self.generator, self.share
        styles = generator.map(self._latents(self.batch, self.random)[share], told)
        if self.recipe.style_mixing:
            others = generator.map(self._latents(self.batch, self.random)[share], told)
            draws = torch.rand((2, self.batch), generator=self.random, device=others.device)
            mixing = self.recipe.style_mixing
            both = generator.per_layer(styles), generator.per_layer(others)
            styles = mixed(*both, draws[:, share], mixing)
        return generator.draw(styles)

    def _descend(
        self, optimiser: torch.optim.Optimizer, learning: list[nn.Parameter], loss: Tensor
    ) -> None:
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.processes.average_gradients(learning)
        optimiser.step()


def _checked(generator: Generator, condition: Tensor | None) -> Tensor | None:
    """The images' condition, if the generator takes one and this is it.

    Raises:
        ValueError: it takes another.
    """
    if generator.words:
        vectors = condition is not None and condition.shape[1:] == (generator.words,)
        if not vectors:
            raise ValueError(f"This recipe needs a text's {generator.words} values for each image.")
        return condition
    if not generator.classes:
        return None
    if condition is None or condition.dim() != 1 or int(condition.max()) >= generator.classes:
        raise ValueError(f"This recipe needs a label below {generator.classes} for each image.")
    return condition
