"""A training: a generator, its teachers and all that surrounds them as one resumable state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from studio.generators import Generator, build
from studio.generators.coded import CodedGenerator
from train import discriminators
from train.beginning import initialise
from train.beginning.transfer import take_over
from train.devices.distributed import Processes
from train.devices.hardware import Hardware
from train.engine.average import Average
from train.engine.batches import Batches, checked
from train.engine.encoders import Encoders
from train.engine.means import Means
from train.engine.source import Source
from train.recipes import Recipe
from train.teachers.base import Setup, with_rate
from train.teachers.codes import Codes, leave_untaught
from train.teachers.kinds import KINDS

FORMAT = 2  # of the state; 1 knew only the game
# A point of the curves is a mean over about so many images: one in a few seconds on two cores.
TICK_IMAGES = 500
LEAST_TICK_STEPS = 10  # of a coded generator: one of its flow takes milliseconds
LEAST_RATE = 0.05  # of the full one, where it falls


class Training:
    """A generator, its optimiser, average and teachers, and everything random.

    Args:
        recipe: the settings, which name the teachers.
        images: uint8 of shape (N, C, S, S) as :func:`train.data.images.load_images` returns them.
        hardware: where and in which precision to compute.
        seed: decides the first weights, the order of the images and every latent.
        processes: this process's place when several share each batch.
        condition: of each image, for a recipe whose generator takes one: int64 labels (N,), or
            texts as vectors (N, words).
        feature_weights: a file of weights for teachers that see by a pretrained network; None for
            this computer's, or to download them.
        sharp: of each image, bool (N,), whether it shows more than one of half the size would.
        aside: of each image, bool (N,), whether it is watched instead of learnt from.

    Raises:
        ValueError: the images' shape does not fit the recipe, or a teacher not the generator.
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
        feature_weights: str | None = None,
        sharp: Tensor | None = None,
        aside: Tensor | None = None,
    ) -> None:
        torch.manual_seed(seed)
        self.recipe, self.hardware, self.seed = recipe, hardware, seed
        self.processes = processes or Processes()
        generator: Generator = build(recipe.generator)
        wanted = (generator.channels, generator.image_size, generator.image_size)
        if tuple(images.shape[1:]) != wanted:
            raise ValueError(
                f"This recipe trains on {wanted} images, not {tuple(images.shape[1:])}."
            )
        count = len(images) if aside is None else int((~aside).sum())
        self.batch = min(recipe.batch, count)
        self.batches = Batches(
            images,
            checked(generator, condition),
            size=self.batch,
            seed=seed,
            balanced=recipe.balanced,
            hardware=hardware,
            aside=aside,
        )
        self.share = self.processes.share(self.batch)
        self.steps_per_epoch = count // self.batch
        self.random = torch.Generator(hardware.device).manual_seed(seed)
        self.encoders: Encoders | None = None
        codes = None
        if isinstance(generator, CodedGenerator):
            self.encoders = Encoders(recipe, generator, hardware, self.processes, self.batch)
            codes = Codes(images, self.encoders, mirrored=recipe.flip)
        self.source = Source(recipe, self.batches, self.share, self.random, hardware)
        setup = Setup(
            recipe=recipe,
            generator=generator,
            images=images,
            condition=self.batches.condition,
            batch=self.batch,
            share=self.share,
            hardware=hardware,
            processes=self.processes,
            random=self.random,
            seed=seed,
            feature_weights=feature_weights,
            encoders=self.encoders,
            codes=codes,
            sharp=sharp,
            aside=aside,
        )
        self.teachers = {name: KINDS[name](setup) for name in recipe.teachers}
        generator.apply(initialise.SCHEMES[recipe.init])
        for teacher in self.teachers.values():
            teacher.begin()
        leave_untaught(generator, recipe.teachers)
        self.average = Average(generator, recipe, self.batches, hardware, seed)
        self.generator = hardware.place(self.processes.synchronise(generator))
        self.setup = setup
        self.optimiser = setup.optimiser(self.generator.parameters(), recipe.learning_rate)
        self._kept: nn.Module | None = None

        self.step_count = self.images_shown = 0
        self.seconds = 0.0
        names = [name for teacher in self.teachers.values() for name in teacher.NUMBERS]
        self.means, self.tick_means = (Means(names, hardware.device) for _ in range(2))

    def start_from(
        self,
        generator: Mapping[str, Tensor],
        discriminator: Mapping[str, Tensor],
        encoders: Mapping[str, Tensor] | None = None,
    ) -> None:
        """Take over what fits of trained weights before the first step; each may be empty.

        A discriminator that no teacher needs is kept as it is, for a game that may follow.
        """
        take_over(self.generator, generator)
        self.average.network.load_state_dict(self.generator.state_dict())
        if self.encoders and encoders:
            self.encoders.take_over(encoders)
        if "game" in self.teachers:
            take_over(self.teachers["game"].networks["discriminator"], discriminator)
        elif discriminator:
            with torch.random.fork_rng(devices=[]):
                self._kept = discriminators.build(self.recipe.discriminator).eval()
            take_over(self._kept, discriminator)

    def prepare(
        self,
        folder: Path | None = None,
        on_photos: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        """Let the teachers look at the photos, before the first step or :meth:`load_state_dict`.

        Args:
            folder: where they keep what they find, so that nobody looks twice.
            on_photos: is called with how many were looked at so far, and of how many.

        Raises:
            UserError: what a teacher needs can't be had here.
        """
        for teacher in self.teachers.values():
            teacher.prepare(folder, on_photos)
        # A teacher may have measured what the generator keeps beside its weights.
        pairs = zip(self.average.network.buffers(), self.generator.buffers(), strict=True)
        for average, own in pairs:
            average.copy_(own)

    def step(self, done: float = 0.0) -> None:
        """One update of the generator by what its teachers say of a batch.

        Args:
            done: the share of the training that is over, 0..1, by which rates may fall.
        """
        batch = self.source.take(
            self.generator,
            self.teachers.values(),
            step=self.step_count,
            done=done,
            rate=self._share_of_rate(done),
            shown=self.images_shown + self.batch,
        )
        weights = self.recipe.teachers
        lessons = [weights[name] * each.lesson(batch) for name, each in self.teachers.items()]
        with_rate(self.optimiser, self.recipe.learning_rate * batch.rate)
        loss = sum(lessons[1:], lessons[0])
        self.setup.descend(self.optimiser, list(self.generator.parameters()), loss)
        numbers = torch.cat([each.settle(batch) for each in self.teachers.values()])
        self.step_count += 1
        self.images_shown += self.batch
        self.average.update(self.generator, self.images_shown)
        for means in (self.means, self.tick_means):
            means.add(numbers)

    def adapt(self, numbers: Mapping[str, float]) -> None:
        """Let the teachers follow the curves, given means since the tick before."""
        for teacher in self.teachers.values():
            teacher.adapt(numbers, self._tick_steps * self.batch)

    @property
    def judged(self) -> bool:
        """Whether what it draws at random is worth looking at: some teacher has it learn that."""
        return any(name != "reconstruction" for name in self.recipe.teachers)

    def watched(self, generator: Generator | None = None) -> Tensor:
        """Pictures that show a person how far it is: uint8 (n, C, S, S), the same ones each time.

        ``generator`` is :meth:`Average.generator`'s, to spare making it again.
        """
        generator = generator or self.average.generator()
        if not self.judged:
            for teacher in self.teachers.values():
                found = teacher.watched(generator)
                if found is not None:
                    return found
        return self.average.samples(generator)

    @property
    def discriminator(self) -> nn.Module | None:
        """That of the game or, without one, what the training began with, if anything."""
        game = self.teachers.get("game")
        return game.networks["discriminator"] if game else self._kept

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
        return self.step_count % self._tick_steps == 0

    @property
    def _tick_steps(self) -> int:
        least = LEAST_TICK_STEPS if self.encoders else 1
        return max(least, round(TICK_IMAGES / self.batch))

    def is_finite(self) -> bool:
        """Whether every weight is a finite number."""
        networks: list[nn.Module] = [self.generator]
        networks += [each for t in self.teachers.values() for each in t.networks.values()]
        networks += self.encoders.networks.values() if self.encoders else ()
        weights = [each for network in networks for each in network.parameters()]
        return bool(torch.stack([each.detach().isfinite().all() for each in weights]).all())

    def state_dict(self) -> dict[str, Any]:
        """All that a later process needs to go on exactly here, as tensors and plain values."""
        encoders = {"encoders": self.encoders.state_dict()} if self.encoders else {}
        return {
            "format": FORMAT,
            **encoders,
            "generator": self.generator.state_dict(),
            "average": self.average.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "teachers": {name: each.state_dict() for name, each in self.teachers.items()},
            "random": self.random.get_state(),
            "fixed_latents": self.average.fixed_latents,
            "means": self.means.sums,
            "tick_means": self.tick_means.sums,
            "step_count": self.step_count,
            "images_shown": self.images_shown,
            "epoch": self.batches.epoch,
            "position": self.batches.position,
            "seconds": self.seconds,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go back to where :meth:`state_dict` was taken, same images and seed.

        The recipe's batch and learning rate may have changed since: each step sets the rate.

        Raises:
            ValueError: a later version of this program wrote it.
        """
        state = _upgraded(state)
        self.generator.load_state_dict(state["generator"])
        self.average.network.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.encoders:
            self.encoders.load_state_dict(state["encoders"])
        for name, teacher in self.teachers.items():
            teacher.load_state_dict(state["teachers"][name])
        self.random.set_state(state["random"].cpu())
        self.average.fixed_latents = state["fixed_latents"].to(self.hardware.device)
        for means, name in ((self.means, "means"), (self.tick_means, "tick_means")):
            means.sums = state[name].to(self.hardware.device)
        self.step_count, self.images_shown = state["step_count"], state["images_shown"]
        self.batches.epoch, self.batches.position = state["epoch"], state["position"]
        self.seconds = state["seconds"]

    def _share_of_rate(self, done: float) -> float:
        """The share of the full rate after so many steps, and with so much of the training over."""
        recipe = self.recipe
        rising = (self.step_count + 1) / recipe.warm_up if recipe.warm_up else 1.0
        falling = max(LEAST_RATE, (1 - done) / recipe.fall) if recipe.fall else 1.0
        return min(rising, falling, 1.0)


def _upgraded(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """A state as it is written today, of one that was written at any time.

    Raises:
        ValueError: it is of a format that is not known yet.
    """
    found = state.get("format", 1)
    if found > FORMAT:
        raise ValueError("a later version of this program wrote it")
    if found == FORMAT:
        return state
    game = {
        "discriminator": state["discriminator"],
        "optimiser": state["optimiser_d"],
        "augment_share": state.get("augment_share", 1.0),
    }
    return {**state, "optimiser": state["optimiser_g"], "teachers": {"game": game}}
