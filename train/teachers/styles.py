"""Styles: the code of a photo is to pass through few values, and others to become codes as well.

The first principal components of a code are its style w. They are found once, in codes of photos
(:mod:`train.teachers.components`), and the generator's synthesis learns to make the code of them
again. What few values can't tell is left away where a picture shows it least: channels of codes
count by what they change in pictures, and pictures of both are compared by a frozen network. A
critic (as in VAE-GAN, Larsen et al., 2016) sees codes of photos, codes that came back, and codes of
styles mixed from two photos', as a designer mixes them; so between photos, too, lie whole things.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from train.engine.learner import Learner
from train.teachers import components
from train.teachers.balance import Balance, pulls
from train.teachers.base import Batch, Setup
from train.teachers.code_critic import BETAS, RATE, CodeCritic
from train.teachers.coded import CodedTeacher
from train.teachers.codes import frozen_picture
from train.teachers.features import Eye, frozen_stages, weights_file
from train.teachers.losses import (
    discriminator_hinge,
    generator_hinge,
    gradient_penalty,
)
from train.teachers.pairs import STAGES, feature_difference

STYLE_NOISE = 0.2  # at most, on what the synthesis is given
# At which parts of their size codes are compared, and what each counts.
SHRUNK = ((1, 1.0), (2, 0.5), (4, 0.5))
# Pictures of a share of the batch are compared in every third step, after a tenth of the training.
SEEN_FROM, SEEN_EVERY, SEEN_SHARE = 0.1, 3, 3 / 16
PIXELS, PIXELS_SHRUNK = 2.0, 8
# The critic comes later and rises over some of the training; it pulls at codes with this share.
CRITIC_FROM, CRITIC_RISE, CRITIC_SHARE = 0.25, 0.1, 0.4
R1, R1_EVERY = 0.05, 8
SEEN_MEASURED_EVERY, CRITIC_MEASURED_EVERY = 30, 20  # steps
FIRST_WEIGHT, INERTIA = 0.1, 0.7
WATCHED, WATCHED_EVERY = 32, 200  # photos that are not learnt from, and steps


class Styles(CodedTeacher):
    """Teaches the synthesis of a coded generator, once it is found out what styles are.

    Its numbers are the difference of codes, that of pictures by features and pixels, the critic's
    loss, and how far photos that are not learnt from come back by their styles, by features. Not
    every step measures the second and the last, which then are as they were.
    """

    NUMBERS = ("code_difference", "picture_difference", "code_critic_loss", "style_features_aside")

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        device = setup.hardware.device
        self.seen = Balance(1.0, FIRST_WEIGHT, INERTIA)
        self.balance = Balance(CRITIC_SHARE, FIRST_WEIGHT, INERTIA)
        # Pictures, and features of photos that are watched, as they were measured last.
        self._last = torch.zeros(2, device=device)

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """The critic."""
        return {"critic": self.critic.network}

    def begin(self) -> None:
        """Make the critic."""
        setup, generator = self.setup, self.generator
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(setup.seed)
            critic = CodeCritic(generator.code_channels, generator.code_size)
        how = setup.recipe, setup.hardware, setup.processes
        self.critic = Learner(critic, *how, batch=setup.batch, rate=RATE, betas=BETAS)

    def prepare(self, folder: Path | None, on_photos: Callable[[int, int], None]) -> None:
        """Get the frozen network, encode all photos, and find what styles are.

        Raises:
            train.teachers.features.FeaturesError: the network's weights can't be had.
            train.teachers.codes.CodesError: there is no codec to begin from, or it learns along, or
                there are too few photos.
        """
        weights = weights_file(self.setup.feature_weights)
        self.prepare_codes(folder, on_photos)
        self.eye = Eye(frozen_stages(weights, STAGES), self.setup.hardware)
        components.find(self.setup, self.codes)

    def lesson(self, batch: Batch) -> Tensor:
        """How far codes that come back are from those of photos, and what gives them away."""
        setup, generator = self.setup, self.generator
        self._codes = codes = self.codes.of(batch)
        styles = generator.synthesis.styles(codes)
        given = self.noisy(styles, STYLE_NOISE)
        self._judging = batch.done >= CRITIC_FROM
        if self._judging:
            given = torch.cat([given, self._mixed(styles)])
        with setup.hardware.autocast():
            drawn = generator.codes(given).float()
        self._drawn = drawn.detach()
        own = slice(len(codes))
        loss = whole = self._difference(drawn[own], codes)
        if batch.done >= SEEN_FROM and batch.step % SEEN_EVERY == 0:
            count = math.ceil(SEEN_SHARE * len(codes))
            apart = self._pictures_apart(drawn[:count], codes[:count])
            if batch.step % SEEN_MEASURED_EVERY == 0:
                # As strong for each code that is seen as what is compared of all.
                wanted, found = pulls((loss, apart), drawn, setup.processes)
                self.seen.measure(wanted * (len(codes) / count) ** 0.5, found)
            whole = whole + self.seen.weight * apart
            self._last[0] = setup.processes.average(apart.detach().clone())
        if self._judging:
            blame = self._blame(drawn)
            if batch.step % CRITIC_MEASURED_EVERY == 0:
                self.balance.measure(*pulls((loss, blame), drawn, setup.processes, own))
            rise = min(1.0, (batch.done - CRITIC_FROM) / CRITIC_RISE + 0.05)
            whole = whole + rise * self.balance.weight * blame
        self._far = loss.detach()
        return whole

    def settle(self, batch: Batch) -> Tensor:
        """Let the critic learn from the lesson."""
        critic = self._taught_critic(batch) if self._judging else torch.zeros_like(self._far)
        del self._codes, self._drawn
        rows = self.aside(WATCHED)
        if batch.step % WATCHED_EVERY == 0 and len(rows):
            self._last[1] = self._watched(rows)
        pictures, watched = self._last.clone()
        return torch.stack([self._far, pictures, critic.detach(), watched])

    def state_dict(self) -> dict[str, Any]:
        return {
            "critic": self.critic.state_dict(),
            "weights": [self.seen.weight, self.balance.weight],
            "last": self._last,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.critic.load_state_dict(state["critic"])
        self.seen.weight, self.balance.weight = state["weights"]
        self._last = state["last"].to(self.setup.hardware.device)

    def _difference(self, drawn: Tensor, codes: Tensor) -> Tensor:
        """Of codes (n, c, s, s), at several sizes, by what each channel is worth; a scalar."""
        apart, worth = drawn - codes, self.generator.synthesis.worth
        parts = [
            weight * ((F.avg_pool2d(apart, factor) if factor > 1 else apart).abs() * worth).mean()
            for factor, weight in SHRUNK
        ]
        return torch.stack(parts).sum()

    def _pictures_apart(self, drawn: Tensor, codes: Tensor) -> Tensor:
        """How far pictures of drawn codes are from those of the codes, in features and pixels."""
        with self.setup.hardware.autocast():
            mine = self._half(frozen_picture(self.generator, drawn))
            with torch.no_grad():
                wanted = self._half(frozen_picture(self.generator, codes))
        with torch.no_grad():
            maps = self.eye(wanted)
        apart, shrunk = mine - wanted, F.avg_pool2d(mine - wanted, PIXELS_SHRUNK)
        features = feature_difference(self.eye(mine), maps, self.setup.processes)
        return features + PIXELS * (apart.abs().mean() + shrunk.abs().mean())

    def _blame(self, drawn: Tensor) -> Tensor:
        """How much codes look drawn to the critic: the hinge loss, a scalar."""
        network = self.critic.network.requires_grad_(False)
        with self.setup.hardware.autocast():
            logits = network(drawn)
        network.requires_grad_(True)
        return generator_hinge(logits)

    def _taught_critic(self, batch: Batch) -> Tensor:
        """One step of the critic; its loss before."""
        network, codes = self.critic.network, self._codes
        penalised = batch.step % R1_EVERY == 0
        if penalised:  # in full precision: gradients of gradients are small
            real = network(codes.requires_grad_(True))
        with self.setup.hardware.autocast():
            real = real if penalised else network(codes)
            drawn = network(self._drawn)
        loss = total = discriminator_hinge(real, drawn)
        if penalised:
            total = loss + R1 * R1_EVERY * gradient_penalty(codes, real)
        self.critic.descend(total, batch.rate, batch.shown)
        return loss

    def _mixed(self, styles: Tensor) -> Tensor:
        """As many styles, each between two neighbours' in the batch, as far from the middle."""
        setup = self.setup
        share = self.uniform(setup.batch, 1)[setup.share]
        others = setup.processes.gather(styles).roll(1, 0)[setup.share]
        return (share * styles + (1 - share) * others) / (share**2 + (1 - share) ** 2).sqrt()

    @torch.no_grad()
    def _watched(self, rows: Tensor) -> Tensor:
        """How far some photos come back by their styles, by features, a scalar."""
        photos = self.codes.photos(rows)
        styles = self.generator.synthesis.styles(self.codes.of_rows(rows))
        with self.setup.hardware.autocast():
            back = self.generator.draw(styles)
        maps = self.eye(self._half(back)), self.eye(F.avg_pool2d(photos, 2))
        return feature_difference(*maps)

    def _half(self, pictures: Tensor) -> Tensor:
        """Pictures at half their size in -1..1."""
        return F.avg_pool2d(self.in_unit_range(pictures), 2)
