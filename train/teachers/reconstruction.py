"""Reconstruction: a photo is to come back from its code.

The codec of a coded generator, its decoder and the encoder of photos beside it, learns as an
autoencoder with a perceptual loss and a critic does (VQGAN, Esser et al., 2021; latent diffusion,
Rombach et al., 2022), but with a code that is a few numbers for each place and not quantised. First
both learn together. Then codes stay what they are, so that whatever learns from them can rely on
them, and the decoder learns on alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from studio.generators import Generator
from studio.generators.base import to_uint8
from studio.generators.coded import CodedGenerator
from studio.inversion.loading import PHOTO
from train.devices.distributed import Processes
from train.engine.learner import Learner
from train.teachers.balance import Balance, pulls
from train.teachers.base import Batch, Setup
from train.teachers.coded import CodedTeacher
from train.teachers.codes import MISSING, CodesError
from train.teachers.feature_distance import aside
from train.teachers.features import Eye, frozen_stages, weights_file
from train.teachers.map_critic import BETAS, RATE, MapCritic, blame, critic_loss
from train.teachers.pairs import CHANNELS, STAGES, View, feature_difference, pixel_difference

PIXELS, FEATURES = 2.0, 0.5  # what each difference counts
NOISE = 0.3  # at most, on codes: what learns to draw them never meets them exactly
MOVED = 1 / 32  # of the side, that photos are moved by at most
# That codes tell the frozen network's last map makes them alike where photos are: easier to draw.
MEANING = 0.1
# That codes of a batch keep a variance of 1: statistics follow too slowly to hold back codes that
# grow with every step, and averaged weights would then not fit averaged statistics.
SPREAD = 0.05
# The critic comes after so much of what the encoder's time is, and rises over this share of the
# training. It pulls at pictures half as strongly as the differences do.
CRITIC_FROM, CRITIC_RISE, CRITIC_SHARE = 0.9, 0.05, 0.5
MEASURED_EVERY = 25  # steps
WATCHED = 32  # photos
WATCHED_EVERY = 200  # steps


class Reconstruction(CodedTeacher):
    """Teaches the decoder and, over the recipe's ``encoder_share``, the encoder of photos.

    Its numbers are the differences of pixels and features between photos and what comes back, how
    far codes are from telling what photos show (0..2), the critic's loss, and the difference of
    features for photos that are not learnt from. Not every step measures the third and the last,
    which then are as they were.
    """

    NUMBERS = ("pixels", "features", "meaning", "critic_loss", "features_aside")

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.balance = Balance(CRITIC_SHARE, CRITIC_SHARE)
        # Meaning, and features of photos that are watched, as they were measured last.
        self._last = torch.tensor([1.0, 0.0], device=setup.hardware.device)

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """The critic, and what reads meaning from codes."""
        return {"critic": self.critic.network, "reader": self.reader.network}

    @property
    def looks(self) -> bool:
        return True

    def begin(self) -> None:
        """Make the critic, and what reads meaning from codes."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.setup.seed)
            critic = MapCritic(CHANNELS)
            reader = nn.Conv2d(self.generator.code_channels, CHANNELS[-1], 1)
        setup = self.setup
        how = setup.recipe, setup.hardware, setup.processes
        self.critic = Learner(critic, *how, batch=setup.batch, rate=RATE, betas=BETAS)
        self.reader = Learner(reader, *how, batch=setup.batch)

    def prepare(self, folder: Path | None, on_photos: Callable[[int, int], None]) -> None:
        """Get the frozen network.

        Raises:
            train.teachers.features.FeaturesError: its weights can't be had.
            train.teachers.codes.CodesError: no encoder has learnt, and none will.
        """
        if not self.setup.recipe.encoder_share and PHOTO not in self.encoders.learnt:
            raise CodesError(MISSING)
        if self.setup.recipe.encoder_share:
            # Codes will mean something else: what styles are of them is to be found again.
            self.generator.synthesis.forget()
        weights = weights_file(self.setup.feature_weights)
        self.eye = Eye(frozen_stages(weights, STAGES), self.setup.hardware)

    def lesson(self, batch: Batch) -> Tensor:
        """How far what comes back is from the photos, and what gives it away."""
        setup, recipe = self.setup, self.setup.recipe
        photos = self._moved(self.in_unit_range(batch.real).expand(-1, 3, -1, -1))
        self._learning = batch.done < recipe.encoder_share
        self._judging = batch.done >= CRITIC_FROM * recipe.encoder_share
        self.encoders.learnt.add(PHOTO)
        codes = self._coded(photos)
        with setup.hardware.autocast():
            back = self.generator.draw_codes(self.noisy(codes, NOISE))
        back = self.in_unit_range(back)
        sharp = None if setup.sharp is None else setup.sharp[batch.rows].to(photos.device)
        view = View(photos.shape[-1], setup.random)
        real = photos[:, : back.shape[1]]
        with torch.no_grad():
            self._real = self.eye(view(real, sharp))
        self._back = self.eye(view(back, sharp))
        pixels = pixel_difference(back, real, sharp)
        features = feature_difference(self._back, self._real, setup.processes)
        loss = PIXELS * pixels + FEATURES * features
        whole = loss
        if self._learning:
            whole = whole + SPREAD * spread(codes, setup.processes)
        self._telling = view.whole and self._learning
        if self._telling:
            meaning = self._meaning(codes)
            whole = whole + MEANING * meaning
            self._last[0] = setup.processes.average(meaning.detach().clone())
        if self._judging:
            against = self._blame()
            if batch.step % MEASURED_EVERY == 0:
                self.balance.measure(*pulls((loss, against), back, setup.processes))
            whole = whole + self._rise(batch.done) * self.balance.weight * against
        self._numbers = torch.stack([pixels, features]).detach()
        return whole

    def settle(self, batch: Batch) -> Tensor:
        """Let the encoder follow the gradients of the lesson, and the critic learn from it."""
        if self._learning:
            self.encoders.photo.step(batch.rate, batch.shown)
        if self._telling:
            self.reader.step(batch.rate, batch.shown)
        critic = torch.zeros((), device=self._numbers.device)
        if self._judging:
            critic = self._taught_critic(batch)
        del self._real, self._back
        rows = self.aside(WATCHED)
        if batch.step % WATCHED_EVERY == 0 and len(rows):
            photos, back = self._comes_back(self.generator, rows)
            maps = self.eye(F.avg_pool2d(back, 2)), self.eye(F.avg_pool2d(photos, 2))
            self._last[1] = feature_difference(*maps)
        meaning, aside = self._last.clone()
        return torch.stack([*self._numbers, meaning, critic.detach(), aside])

    def watched(self, generator: Generator) -> Tensor | None:
        """Photos that are not learnt from, each beside what comes back of it."""
        assert isinstance(generator, CodedGenerator)
        rows = self.aside(WATCHED)
        if not len(rows):
            rows = torch.arange(min(WATCHED, len(self.codes.images)))
        photos, back = self._comes_back(generator, rows)
        pairs = torch.stack([photos[:, : back.shape[1]], back], 1).flatten(0, 1)
        return to_uint8(pairs, (-1.0, 1.0))

    def state_dict(self) -> dict[str, Any]:
        return {
            "critic": self.critic.state_dict(),
            "reader": self.reader.state_dict(),
            "weight": self.balance.weight,
            "last": self._last,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.critic.load_state_dict(state["critic"])
        self.reader.load_state_dict(state["reader"])
        self.balance.weight = state["weight"]
        self._last = state["last"].to(self.setup.hardware.device)

    def _coded(self, photos: Tensor) -> Tensor:
        """Codes of photos: to learn from, or by the averaged encoder once it stays as it is."""
        if not self._learning:
            return self.encoders.codes(photos)
        with self.setup.hardware.autocast():
            return self.encoders.photo.network(photos).float()

    def _moved(self, photos: Tensor) -> Tensor:
        """Photos moved by a few pixels, each by its own."""
        most = max(1, round(photos.shape[-1] * MOVED))
        draws = (self.uniform(self.setup.batch, 2)[self.setup.share] * (2 * most + 1)).long()
        return self.setup.hardware.lay_out(aside(photos, [(a, b) for a, b in draws.tolist()]))

    def _meaning(self, codes: Tensor) -> Tensor:
        """How far the last map that is seen of whole photos is from what codes tell of it."""
        with self.setup.hardware.autocast():
            told = self.reader.network(codes).float()
        wanted = F.interpolate(
            self._real[-1], size=codes.shape[-1], mode="bilinear", align_corners=False
        )
        return 1 - F.cosine_similarity(told, wanted, dim=1).mean()

    def _blame(self) -> Tensor:
        """How much what comes back looks drawn to the critic: the hinge loss, a scalar."""
        with self.setup.hardware.autocast():
            return blame(self.critic.network, self._back)

    def _taught_critic(self, batch: Batch) -> Tensor:
        """One step of the critic; its loss before."""
        with self.setup.hardware.autocast():
            loss = critic_loss(self.critic.network, self._real, self._back)
        self.critic.descend(loss, batch.rate, batch.shown)
        return loss

    def _rise(self, done: float) -> float:
        """The critic's share of its weight when so much of the training is over."""
        since = done - CRITIC_FROM * self.setup.recipe.encoder_share
        return min(1.0, max(CRITIC_RISE, since / CRITIC_RISE))

    @torch.no_grad()
    def _comes_back(self, generator: CodedGenerator, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Some photos in -1..1, and what comes back of them by the averaged encoder."""
        photos = self.codes.photos(rows)
        with self.setup.hardware.autocast():
            back = generator.draw_codes(self.encoders.codes(photos))
        return photos, self.in_unit_range(back).clamp(-1, 1)


def spread(codes: Tensor, processes: Processes | None = None) -> Tensor:
    """How far the variances of channels are from 1 in codes (b, c, s, s): mean square, a scalar.

    Variances are those of the whole batch of several processes, whose codes each have their share
    of the gradient.
    """
    processes = processes or Processes()
    mean = processes.average(codes.detach().mean((0, 2, 3)))
    own = (codes - mean[:, None, None]).square().mean((0, 2, 3))
    whole = processes.average(own.detach().clone())
    return (own + (whole - own).detach() - 1).square().mean()
