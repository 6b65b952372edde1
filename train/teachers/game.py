"""A game of two: a discriminator learns to tell drawn pictures from photos, and so teaches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from train import discriminators
from train.beginning import initialise
from train.beginning.transfer import freeze_early_layers
from train.teachers import augment
from train.teachers.base import Batch, Setup, Teacher, with_rate
from train.teachers.losses import LOSSES, gradient_penalty


class Game(Teacher):
    """The discriminator, with augmentation of what it sees, penalties and adaptation.

    Its numbers are both losses, the discriminator's mean probability of being real for real and for
    drawn images, and the mean sign of its logits on real ones (-1..1), which tells how sure it is.
    """

    NUMBERS = ("loss_g", "loss_d", "real_score", "fake_score", "real_sign")

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        recipe = setup.recipe
        self.discriminator = discriminators.build(recipe.discriminator)
        self.loss = LOSSES[recipe.loss]
        self.augmentations = augment.parse(recipe.augment)
        self.augment_share = 1.0 if recipe.augment_target is None else 0.0
        self._numbers: Tensor | None = None

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """The discriminator."""
        return {"discriminator": self.discriminator}

    def begin(self) -> None:
        """Initialise the discriminator as the recipe says, and freeze its early layers."""
        setup = self.setup
        self.discriminator.apply(initialise.SCHEMES[setup.recipe.init])
        freeze_early_layers(self.discriminator, setup.recipe.freeze)
        self.discriminator = setup.hardware.place(setup.processes.synchronise(self.discriminator))
        self.learning = [each for each in self.discriminator.parameters() if each.requires_grad]
        self.optimiser = setup.optimiser(self.learning, setup.recipe.rate_d)

    def lesson(self, batch: Batch) -> Tensor:
        """Let the discriminator learn from both kinds of images, then judge the drawn ones."""
        setup, recipe = self.setup, self.setup.recipe
        with torch.no_grad():
            real = self._see(batch.real)
        drawn = self._see(batch.drawn)
        detached = drawn.detach()
        penalties = max(recipe.r1, recipe.r2) > 0
        penalised = penalties and batch.step % recipe.penalty_every == 0
        real.requires_grad_(penalised and recipe.r1 > 0)
        detached.requires_grad_(penalised and recipe.r2 > 0)
        real_logits, wrong_logits = self._judge_real(real, batch)
        fake_logits = self._judge(detached, batch.told)
        all_of = setup.processes.gather
        false_logits = torch.cat([all_of(fake_logits), all_of(wrong_logits)])
        loss_d = self.loss.discriminator(all_of(real_logits), false_logits)
        penalty = torch.zeros((), device=real.device)
        for images, logits, weight in (
            (real, real_logits, recipe.r1),
            (detached, fake_logits, recipe.r2),
        ):
            if penalised and weight > 0:
                strength = weight * recipe.penalty_every
                penalty = penalty + strength * gradient_penalty(images, logits)
        setup.descend(self.optimiser, self.learning, loss_d + penalty)

        # Gradients of the discriminator's weights would be computed here only to be thrown away.
        self._let_learn(False)
        with torch.no_grad():
            paired = [all_of(self._judge(real, batch.told))] if self.loss.paired else []
        loss_g = self.loss.generator(all_of(self._judge(drawn, batch.told)), *paired)
        with torch.no_grad():
            scores = real_logits.sigmoid().mean(), fake_logits.sigmoid().mean()
            self._numbers = torch.stack([loss_g, loss_d, *scores, real_logits.sign().mean()])
        return loss_g

    def settle(self, batch: Batch) -> Tensor:
        """Nothing is left to learn: the discriminator went first."""
        self._let_learn(True)
        numbers, self._numbers = self._numbers, None
        assert numbers is not None, "a lesson comes before it is settled"
        return numbers

    def adapt(self, numbers: Mapping[str, float], shown: int) -> None:
        """Augment more if the discriminator is too sure of the real images, and else less."""
        target = self.setup.recipe.augment_target
        if target is not None:
            sure = numbers["real_sign"] > target
            self.augment_share = augment.adapted(self.augment_share, shown, more=sure)

    def state_dict(self) -> dict[str, Any]:
        return {
            "discriminator": self.discriminator.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "augment_share": self.augment_share,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.discriminator.load_state_dict(state["discriminator"])
        self.optimiser.load_state_dict(state["optimiser"])
        with_rate(self.optimiser, self.setup.recipe.rate_d)
        self.augment_share = state["augment_share"]

    def _see(self, images: Tensor) -> Tensor:
        """What the discriminator is shown of images: they are augmented if the recipe says so."""
        setup = self.setup
        return augment.augment(
            images,
            self.augmentations,
            setup.random,
            value_range=setup.generator.value_range,
            probability=self.augment_share,
            share=setup.share,
            total=setup.batch,
        )

    def _judge_real(self, seen: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Logits of real images with their own condition and, if those are to match, with others.

        A real image with another's words is as false as a drawn one (Reed et al., 2016). The second
        are fewer where neighbours in the batch have the same words, and none without ``matching``.
        """
        told, others = batch.told, batch.others
        if not self.setup.recipe.matching or told is None or others is None:
            logits = self._judge(seen, told)
            return logits, logits[:0]
        own, wrong = self._judge(seen, torch.stack([told, others]))
        return own, wrong[(told != others).flatten(1).any(1)]

    def _judge(self, seen: Tensor, told: Tensor | None) -> Tensor:
        """The discriminator's logits (b,) on what it is shown and told."""
        condition = {} if told is None else {"condition": told}
        with self.setup.hardware.autocast():
            return self.discriminator(seen, **condition).float()

    def _let_learn(self, wanted: bool) -> None:
        for each in self.learning:
            each.requires_grad_(wanted)
