"""Likeness to photos: what a frozen network sees in the pictures is to be as in the photos.

Statistics of features are matched (generative feature matching: dos Santos et al., 2019), by
:class:`train.teachers.feature_distance.FeatureDistance`, and each picture is judged by a
:class:`train.teachers.critic.Critic` of the same features. It is meant for a generator that a
training has brought far enough to draw the right things; from nothing it was not tried.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from studio.files import write_file_whole
from train.teachers.base import Batch, Setup, Teacher
from train.teachers.critic import Critic
from train.teachers.feature_distance import FeatureDistance, Look
from train.teachers.features import NETWORK, frozen_stages, weights_file

STAGES = range(5)  # the finest too: it sees how surfaces are drawn
MOST_PHOTOS = 6_000
MOST_REPEATED = 4  # so often a photo of a rare category counts, for one of a common one
# How strongly the critic pulls at the pictures, in terms of the distance's pull. It is measured now
# and then (as the adaptive weight of VQGAN, Esser et al., 2021), and begins at nothing.
CRITIC_SHARE = 3.0
MEASURED_EVERY = 20  # steps
CRITIC_WARM_UP = 60  # steps
KEPT = "statistics-{}.pt"  # in a run's folder while it lasts


class Likeness(Teacher):
    """A distance that pictures descend, and a critic that learns as they do.

    Its numbers are the distance, and how much photos and pictures look real to the critic, 0..1.
    """

    NUMBERS = ("feature_distance", "critic_real", "critic_fake")

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.weight = 0.0

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """The critic's heads, once photos were looked at."""
        return {"critic": self.critic.heads} if hasattr(self, "critic") else {}

    def prepare(self, folder: Path | None, on_photos: Callable[[int, int], None]) -> None:
        """Look at the photos, or read what was seen of them before.

        Raises:
            train.teachers.features.FeaturesError: the network's weights can't be had.
        """
        setup = self.setup
        chosen = counted(setup.condition, len(setup.images), balanced=setup.recipe.balanced)
        photos = setup.images[chosen.to(setup.images.device)]
        condition = None if setup.condition is None else setup.condition[chosen]
        network = frozen_stages(weights_file(setup.feature_weights), STAGES)
        path = folder / KEPT.format(self._key(photos, condition)) if folder else None
        if path and not setup.processes.is_first:
            setup.processes.wait()  # for the first one to have looked
        known = None
        if path and path.exists():
            with suppress(Exception):  # a broken file fails in a dozen ways; photos are still there
                known = torch.load(path, weights_only=True, map_location="cpu")
        total, seen = len(photos) * (1 + setup.recipe.flip), 0

        def on_some(count: int) -> None:
            nonlocal seen
            seen += count
            on_photos(seen, total)

        self.distance = FeatureDistance(
            network,
            photos,
            condition,
            batch=setup.batch,
            mirrored=setup.recipe.flip,
            seed=setup.seed,
            hardware=setup.hardware,
            processes=setup.processes,
            known=known,
            on_photos=on_some,
        )
        if path and known is None and setup.processes.is_first:
            found = self.distance.statistics()
            write_file_whole(path, lambda file: torch.save(found, file))
        if path and setup.processes.is_first:
            setup.processes.wait()
        self.critic = Critic(
            self.distance.deviations,
            setup.condition,
            seed=setup.seed,
            hardware=setup.hardware,
            processes=setup.processes,
        )

    def lesson(self, batch: Batch) -> Tensor:
        """How far the drawn pictures are from the photos, and what gives each of them away."""
        drawn = self._in_unit_range(batch.drawn)
        self._seen = seen = self.distance.look(drawn)
        far, blame = self.distance(seen, batch.told), self.critic.blame(seen, batch.told)
        if batch.step % MEASURED_EVERY == 0:
            pulls = torch.stack([pull(far, drawn).square(), pull(blame, drawn).square()])
            wanted, found = self.setup.processes.average(pulls).sqrt().tolist()
            now = CRITIC_SHARE * wanted / max(found, 1e-12)
            self.weight = (self.weight + now) / 2 if self.weight else now
        self._far = far.detach()
        return far + min(batch.step / CRITIC_WARM_UP, 1.0) * self.weight * blame

    @torch.no_grad()
    def _look_at_photos(self, batch: Batch) -> Look:
        return self.distance.look(self._in_unit_range(batch.real))

    def settle(self, batch: Batch) -> Tensor:
        """Let the critic learn to tell these pictures from the photos."""
        real = self._look_at_photos(batch)
        scores = self.critic.learn(self._seen, batch.told, real, batch.told, batch.others)
        del self._seen
        return torch.stack([self._far, *scores])

    def state_dict(self) -> dict[str, Any]:
        return {
            "critic": self.critic.state_dict(),
            "distance": self.distance.state_dict(),
            "weight": self.weight,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.critic.load_state_dict(state["critic"])
        self.distance.load_state_dict(state["distance"])
        self.weight = state["weight"]

    def _in_unit_range(self, pictures: Tensor) -> Tensor:
        """Pictures float32 in -1..1, whatever the generator's range is."""
        low, high = self.setup.generator.value_range
        return (pictures.float() - low) * (2 / (high - low)) - 1

    def _key(self, photos: Tensor, condition: Tensor | None) -> str:
        """Everything that decides the photos' statistics."""
        setup = self.setup
        result = hashlib.sha256(photos.cpu().numpy().tobytes())
        if condition is not None:
            result.update(condition.cpu().numpy().tobytes())
        parts = NETWORK, tuple(photos.shape), setup.batch, setup.recipe.flip, setup.seed
        result.update(repr(parts).encode())
        return result.hexdigest()[:16]


def counted(condition: Tensor | None, count: int, *, balanced: bool) -> Tensor:
    """Places of at most 6,000 photos of ``count`` to compare with; they are the same each time.

    ``balanced``, those of a rare label are there up to four times, so that it counts as a common
    one does.
    """
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    if not balanced or condition is None or condition.is_floating_point():
        return order[:MOST_PHOTOS]
    labels = condition.cpu()[order]
    share = max(1, MOST_PHOTOS // len(labels.unique()))
    of_each = [order[labels == label][:share] for label in labels.unique()]
    most = max(map(len, of_each))
    return torch.cat([each.repeat(MOST_REPEATED)[:most] for each in of_each])


def pull(loss: Tensor, pictures: Tensor) -> Tensor:
    """The length of the loss's gradient at the pictures, a scalar; the graph is kept."""
    (gradient,) = torch.autograd.grad(loss, pictures, retain_graph=True)
    return gradient.norm()
