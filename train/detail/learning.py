"""How an enlarger learns: by pixels, then by what a frozen network sees, then against a critic."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from studio.enlarging import Enlarger, lanczos
from studio.errors import UserError
from studio.files import write_file_whole
from train.detail.pairs import Crops, Pairs
from train.devices.distributed import Processes
from train.devices.hardware import Hardware
from train.teachers.balance import Balance, pulls
from train.teachers.features import Eye
from train.teachers.losses import discriminator_hinge, generator_hinge
from train.teachers.map_critic import BETAS, MapCritic
from train.teachers.map_critic import RATE as CRITIC_RATE
from train.teachers.pairs import CHANNELS, feature_difference, pixel_difference

BATCH = 8
# Of a picture; the borders of what is drawn are not looked at, as more lies beyond them in truth.
CROP, SEEN = 120, 224
RATE, DECAY_FROM = 1e-3, 0.5  # the rate falls to nothing over the rest
PIXELS, FEATURES = 2.0, 0.5  # what each difference counts
# From which part of the training on features count, and the critic.
FEATURES_FROM, CRITIC_FROM = 0.15, 0.4
# Of how strongly the differences pull: at 0.5 it changed next to nothing.
CRITIC_SHARE, INERTIA = 1.5, 0.5
# The finest map costs a critic more than all others, and shows it little more.
JUDGED = slice(1, None)
MEASURED_EVERY = 15  # steps
AVERAGED = 0.99  # of the averaged weights that stays at a step
SAVED_EVERY = 120.0  # seconds
LOSSES = ("pixels", "features", "blame", "critic")


class LearningError(UserError):
    """A saved training that can't be gone on with; the message says what to do."""


@dataclass(frozen=True)
class Length:
    """How long to learn: by the clock, or for a number of steps."""

    minutes: float | None = None
    steps: int | None = None

    def done(self, steps: int, seconds: float) -> float:
        """Which part is over."""
        if self.steps is not None:
            return steps / self.steps
        assert self.minutes is not None
        return seconds / (60 * self.minutes)


@dataclass
class Learnt:
    """An averaged enlarger in float32 on the CPU, and how it learnt: steps, seconds and losses."""

    network: Enlarger
    steps: int
    seconds: float
    losses: dict[str, float] = field(default_factory=dict)


class Lessons:
    """A training: the enlarger, its average, the critic, and where they are.

    Args:
        eye: the frozen network, giving the maps of :data:`train.teachers.pairs.STAGES`.
        seed: decides the first weights and all that is drawn.
    """

    def __init__(
        self, pairs: Pairs, eye: Eye, hardware: Hardware, *, batch: int = BATCH, seed: int = 0
    ) -> None:
        self.eye, self.hardware = eye, hardware
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network, critic = Enlarger(), MapCritic(list(CHANNELS)[JUDGED])
        self.network, self.critic = hardware.place(network), hardware.place(critic)
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        self.optimiser = torch.optim.Adam(self.network.parameters(), RATE, (0.9, 0.99))
        self.critics = torch.optim.Adam(self.critic.parameters(), CRITIC_RATE, BETAS)
        self.balance = Balance(CRITIC_SHARE, 0.0, INERTIA)  # so it comes in slowly
        self.random = torch.Generator().manual_seed(seed)
        self.crops = Crops(pairs, batch, CROP, self.random)
        self.steps, self.seconds = 0, 0.0
        self.losses = dict.fromkeys(LOSSES, 0.0)

    def step(self, done: float) -> None:
        """Learn from one batch, when such a part of the training is over."""
        pictures, photos = (self.hardware.lay_out(each) for each in self.crops.draw())
        pictures, photos = (each.to(self.hardware.device) for each in (pictures, photos))
        with self.hardware.autocast():
            added = self.network(pictures)
        enlarged = lanczos(pictures) + added
        side = min(SEEN, photos.shape[-1])
        top, left = self._corner(photos.shape[-1] - side)
        mine, real = (
            each[..., top : top + side, left : left + side] for each in (enlarged, photos)
        )
        pixels = pixel_difference(mine, real)
        loss, told = PIXELS * pixels, {"pixels": pixels}
        maps: tuple[list[Tensor], list[Tensor]] | None = None
        if done >= FEATURES_FROM:
            with torch.no_grad():
                of_photos = self.eye(real)
            maps = self.eye(mine), of_photos
            told["features"] = feature_difference(*maps)
            loss = loss + FEATURES * told["features"]
        if maps and done >= CRITIC_FROM:
            told["blame"] = self._blame(maps[0])
            if self.steps % MEASURED_EVERY == 0:
                self.balance.measure(*pulls((loss, told["blame"]), enlarged, Processes()))
            loss = loss + self.balance.weight * told["blame"]
        self.optimiser.param_groups[0]["lr"] = RATE * fall(done)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        if maps and done >= CRITIC_FROM:
            told["critic"] = self._taught_critic(*maps)
        self.steps += 1
        stays = min(AVERAGED, self.steps / (self.steps + 10))
        torch._foreach_lerp_(
            list(self.average.parameters()), list(self.network.parameters()), 1 - stays
        )
        for name, value in told.items():
            now = value.item()
            before = self.losses[name] or now
            self.losses[name] = 0.98 * before + 0.02 * now

    def _corner(self, room: int) -> tuple[int, int]:
        # Odd ones too: the frozen network's strides are not to lie on the enlarger's own lattice.
        draws = torch.rand(2, generator=self.random).tolist()
        return int(draws[0] * (room + 1)), int(draws[1] * (room + 1))

    def _blame(self, maps: list[Tensor]) -> Tensor:
        """How much what is drawn looks drawn to the critic: the hinge loss, a scalar."""
        self.critic.eval().requires_grad_(False)
        with self.hardware.autocast():
            logits = self.critic(maps[JUDGED])
        self.critic.train().requires_grad_(True)
        return torch.stack([generator_hinge(each) for each in logits]).sum()

    def _taught_critic(self, maps: list[Tensor], of_photos: list[Tensor]) -> Tensor:
        """One step of the critic; its loss before."""
        count = len(of_photos[0])
        both = [torch.cat([a, b.detach()]) for a, b in zip(of_photos, maps, strict=True)]
        with self.hardware.autocast():
            logits = self.critic(both[JUDGED])
        losses = [discriminator_hinge(each[:count], each[count:]) for each in logits]
        loss = torch.stack(losses).sum()
        self.critics.zero_grad(set_to_none=True)
        loss.backward()
        self.critics.step()
        return loss.detach()

    def state_dict(self) -> dict[str, Any]:
        """All that a later process needs to go on."""
        return {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "critic": self.critic.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "critics": self.critics.state_dict(),
            "weight": self.balance.weight,
            "random": self.random.get_state(),
            "steps": self.steps,
            "seconds": self.seconds,
            "losses": self.losses,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        for name in ("network", "average", "critic", "optimiser", "critics"):
            getattr(self, name).load_state_dict(state[name])
        self.balance.weight = state["weight"]
        self.random.set_state(state["random"])
        self.steps, self.seconds = state["steps"], state["seconds"]
        self.losses = dict(state["losses"])

    def learnt(self) -> Learnt:
        """What has been learnt so far."""
        network = copy.deepcopy(self.average).cpu().float().eval()
        losses = {name: round(value, 4) for name, value in self.losses.items()}
        return Learnt(network, self.steps, self.seconds, losses)


def fall(done: float) -> float:
    """The rate's share of its first value when such a part of the training is over."""
    over = min(1.0, max(0.0, (done - DECAY_FROM) / (1 - DECAY_FROM)))
    return 0.02 + 0.98 * (1 + math.cos(math.pi * over)) / 2


def learn(
    lessons: Lessons,
    length: Length,
    *,
    state: Path | None = None,
    progress: bool = False,
    on_step: Callable[[Lessons], None] | None = None,
) -> Learnt:
    """Learn to the end, from where the file ``state`` says, if it is there.

    It is written every two minutes, and stays when the training is interrupted; whoever has kept
    what was learnt deletes it. On the CPU the same seed and number of steps give the same network,
    interrupted or not.

    Raises:
        LearningError: ``state`` is there, and can't be gone on with.
    """
    if state is not None and state.exists():
        try:
            lessons.load_state_dict(torch.load(state, "cpu", weights_only=True))
        except Exception as error:  # a broken file fails in a dozen ways
            raise LearningError(
                f"{state} is no training that can be gone on with. Delete it to begin anew."
            ) from error
    before, saved = time.monotonic() - lessons.seconds, time.monotonic()
    with tqdm(desc="Learning", total=1.0, disable=not progress, bar_format="{l_bar}{bar}") as bar:
        while (done := length.done(lessons.steps, lessons.seconds)) < 1:
            lessons.step(done)
            lessons.seconds = time.monotonic() - before
            bar.update(done - bar.n)
            if state is not None and time.monotonic() - saved >= SAVED_EVERY:
                save(lessons, state)
                saved = time.monotonic()
            if on_step:
                on_step(lessons)
    return lessons.learnt()


def save(lessons: Lessons, path: Path) -> None:
    """Write all that a later process needs to go on."""
    write_file_whole(path, lambda file: torch.save(lessons.state_dict(), file))
