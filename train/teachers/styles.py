"""Styles: the code of a photo is to pass through few values, and others to become codes as well.

The first principal components of a code are its style w. They are found once, in codes of photos
(:mod:`train.teachers.components`), and the generator's synthesis learns to make the code of them
again. What few values can't tell is left away where a picture shows it least: channels of codes
count by what they change in pictures, and pictures of both are compared by a frozen network.

A projected critic (Sauer et al., 2021) on that network's maps sees pictures of codes that came back
and of codes that are drawn, beside pictures of photos' codes. Those, and not the photos, are what
is real to it: what the decoder can't draw is nothing that the synthesis could learn. Drawn codes
are of styles from the flow, or of styles mixed from two photos' where no flow knows any yet.
"""

from __future__ import annotations

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
from train.teachers.coded import CodedTeacher
from train.teachers.codes import frozen_picture
from train.teachers.features import Eye, frozen_stages, weights_file
from train.teachers.map_critic import BETAS, RATE, MapCritic, blame, critic_loss
from train.teachers.pairs import CHANNELS, STAGES, View, feature_difference

STYLE_NOISE = 0.35  # at most, on what the synthesis is given: a flow's styles are not quite photos'
# At which parts of their size codes are compared, and what each counts.
SHRUNK = ((1, 1.0), (2, 0.5), (4, 0.5))
# Pictures cost far more than codes, so a share of the batch is looked at: half of it as it comes
# back, half as drawn. This begins after a tenth of the training.
SEEN_SHARE, SEEN_FROM = 0.25, 0.1
PIXELS, PIXELS_SHRUNK = 2.0, 8
# What the critic judges by, and what each map counts. By fine maps it would have little stripes and
# folds on every surface, as photos have them on some.
JUDGED, JUDGED_CHANNELS = range(5), (*CHANNELS, 320)
JUDGED_WEIGHTS = (0.04, 0.2, 0.8, 1.0, 1.0)
# The critic comes later and rises over some of the training; it pulls at codes with this share.
CRITIC_FROM, CRITIC_RISE, CRITIC_SHARE = 0.25, 0.1, 0.35
DRAWN_FROM = 0.5  # of the training: a flow that has just begun to learn draws nonsense
MEASURED_EVERY = 25  # steps
FIRST_SEEN, FIRST_CRITIC, INERTIA = 0.1, 0.01, 0.7
WATCHED, WATCHED_EVERY = 32, 200  # photos that are not learnt from, and steps


class Styles(CodedTeacher):
    """Teaches the synthesis of a coded generator, once it is found out what styles are.

    The critic's gradient stops before the flow: where it went on, every design soon had the one
    collar that passed best.

    Its numbers are the difference of codes, that of pictures by features and pixels, the critic's
    loss, and how far photos that are not learnt from come back by their styles, by features. The
    second and the third are 0 until they begin to count, and the last is as it was measured last.
    """

    NUMBERS = (
        *("code_difference", "picture_difference"),
        *("style_critic_loss", "style_features_aside"),
    )

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.seen = Balance(1.0, FIRST_SEEN, INERTIA)
        self.balance = Balance(CRITIC_SHARE, FIRST_CRITIC, INERTIA)
        # Of photos that are watched, as it was measured last.
        self._aside = torch.zeros((), device=setup.hardware.device)
        # One of so many photos is looked at as it comes back. The next one says what is drawn, so
        # the critic meets each label as often in what is real as in what is drawn.
        apart = round(2 / SEEN_SHARE)
        self._back, self._like = slice(0, None, apart), slice(1, None, apart)

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """The critic."""
        return {"critic": self.critic.network}

    def begin(self) -> None:
        """Make the critic."""
        setup = self.setup
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(setup.seed)
            critic = MapCritic(JUDGED_CHANNELS)
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
        self.eye = Eye(frozen_stages(weights, JUDGED), self.setup.hardware)
        components.find(self.setup, self.codes)

    def lesson(self, batch: Batch) -> Tensor:
        """How far codes that come back are from those of photos, and what gives them away."""
        codes = self.codes.of(batch)
        styles = self.generator.synthesis.styles(codes)
        given = self.noisy(styles, STYLE_NOISE)
        self._judging = batch.done >= CRITIC_FROM
        if self._judging:
            given = torch.cat([given, self._drawn_styles(styles, batch)])
        with self.setup.hardware.autocast():
            made = self.generator.codes(given).float()
        whole = self._difference(made[: len(codes)], codes)
        self._code_difference = whole.detach()
        self._picture_difference = torch.zeros_like(self._code_difference)
        if batch.done >= SEEN_FROM:
            whole = whole + self._by_pictures(made, codes, batch)
        return whole

    def settle(self, batch: Batch) -> Tensor:
        """Let the critic learn from the lesson."""
        loss = torch.zeros_like(self._code_difference)
        if self._judging:
            with self.setup.hardware.autocast():
                loss = critic_loss(self.critic.network, self._real, self._made, JUDGED_WEIGHTS)
            self.critic.descend(loss, batch.rate, batch.shown)
            del self._real, self._made
        rows = self.aside(WATCHED)
        if batch.step % WATCHED_EVERY == 0 and len(rows):
            self._aside = self._watched(rows)
        numbers = self._code_difference, self._picture_difference, loss.detach(), self._aside
        return torch.stack(numbers)

    def state_dict(self) -> dict[str, Any]:
        return {
            "critic": self.critic.state_dict(),
            "weights": [self.seen.weight, self.balance.weight],
            "aside": self._aside,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.critic.load_state_dict(state["critic"])
        self.seen.weight, self.balance.weight = state["weights"]
        self._aside = state["aside"].to(self.setup.hardware.device)

    def _difference(self, made: Tensor, codes: Tensor) -> Tensor:
        """Of codes (n, c, s, s), at several sizes, by what each channel is worth; a scalar."""
        apart, worth = made - codes, self.generator.synthesis.worth
        parts = [
            weight * ((F.avg_pool2d(apart, factor) if factor > 1 else apart).abs() * worth).mean()
            for factor, weight in SHRUNK
        ]
        return torch.stack(parts).sum()

    def _by_pictures(self, made: Tensor, codes: Tensor, batch: Batch) -> Tensor:
        """What pictures of some codes lack, weighed beside the difference of codes; a scalar.

        Args:
            made: codes that came back of ``codes`` (b, c, s, s), then those that were drawn.
        """
        setup, total = self.setup, len(codes)
        own, back = slice(0, total, self._back.step), codes[self._back]
        with setup.hardware.autocast():
            mine = self._pictures(torch.cat([made[own], made[total:]]))
            with torch.no_grad():
                # The critic also sees those that say what is drawn.
                like = codes[self._like] if self._judging else codes[:0]
                real = self._pictures(torch.cat([back, like]))
        view, count = View(real.shape[-1], setup.random), len(back)
        maps = self.eye(view(mine, None))
        with torch.no_grad():
            of_photos = self.eye(view(real, None))
        features = firsts(maps, count), firsts(of_photos, count)
        apart = feature_difference(*features, setup.processes) + pixels(mine[:count], real[:count])
        measured = batch.step % MEASURED_EVERY == 0
        if measured:
            near = self._difference(made[own], back)  # as strong for each as that of all codes
            self.seen.measure(*pulls((near, apart), made, setup.processes, own))
        whole = self.seen.weight * apart
        self._picture_difference = apart.detach()
        if not self._judging:
            return whole
        with setup.hardware.autocast():
            against = blame(self.critic.network, maps, JUDGED_WEIGHTS)
        if measured:
            self.balance.measure(*pulls((near + whole, against), made, setup.processes, own))
        self._real, self._made = of_photos, [each.detach() for each in maps]
        rise = min(1.0, (batch.done - CRITIC_FROM) / CRITIC_RISE + 0.05)
        return whole + rise * self.balance.weight * against

    def _pictures(self, codes: Tensor) -> Tensor:
        """Pictures (n, C, S, S) of codes in -1..1 or a little beyond; the decoder stays."""
        return self.in_unit_range(frozen_picture(self.generator, codes))

    def _drawn_styles(self, styles: Tensor, batch: Batch) -> Tensor:
        """Styles (n, style_dim) that no photo has, as many as are looked at.

        They are the flow's, of what some photos of the batch are, once it knows styles of photos.
        Before, they are mixed from two photos'.
        """
        flow, taught = self.generator.flow, "flow" in self.setup.recipe.teachers
        if not flow.known or (taught and batch.done < DRAWN_FROM):
            return self._mixed(styles)[self._like]
        z = self.normal(self.setup.batch, flow.dim)[self.setup.share][self._like]
        told = None if batch.told is None else batch.told[self._like]
        with torch.no_grad():
            return flow(z, told)

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
            back = self.in_unit_range(self.generator.draw(styles))
        mine, real = (self.eye(F.avg_pool2d(each, 2)) for each in (back, photos))
        return feature_difference(firsts(mine, len(rows)), firsts(real, len(rows)))


def firsts(maps: list[Tensor], count: int) -> list[Tensor]:
    """The first ``count`` rows of those maps by which pictures are compared."""
    return [each[:count] for each in maps[: len(STAGES)]]


def pixels(pictures: Tensor, real: Tensor) -> Tensor:
    """How far the pixels of pictures (n, C, s, s) are from those of real ones, a scalar."""
    half = F.avg_pool2d(pictures - real, 2)
    shrunk = F.avg_pool2d(half, PIXELS_SHRUNK)
    return PIXELS * (half.abs().mean() + shrunk.abs().mean())
