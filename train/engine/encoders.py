"""The encoder of a training of a coded generator: photos to codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from studio.generators.coded import CodedGenerator
from studio.inversion.loading import PHOTO, build
from train.devices.distributed import Processes
from train.devices.hardware import Hardware
from train.engine.learner import Learner
from train.recipes import Recipe
from train.recipes.recipe import OF_CODES


class Encoders:
    """That of photos, if a recipe's teachers need it or its start came with it.

    Args:
        recipe: names the teachers, and has the settings of the encoder.
        generator: whose codes it gives.
        batch: images in a step, over all processes.

    Raises:
        ValueError: it does not fit the generator.
    """

    def __init__(
        self,
        recipe: Recipe,
        generator: CodedGenerator,
        hardware: Hardware,
        processes: Processes,
        batch: int,
    ) -> None:
        self.recipe, self.generator = recipe, generator
        self.hardware, self.processes, self.batch = hardware, processes, batch
        self._learners: dict[str, Learner] = {}
        # Its name, once it has learnt something, here or before.
        self.learnt: set[str] = set()
        if set(recipe.teachers) & set(OF_CODES):
            self._add(PHOTO)
        learns = "reconstruction" in recipe.teachers and recipe.encoder_share > 0
        self.taught = {PHOTO} if learns else set()

    @property
    def photo(self) -> Learner:
        """From photos (n, 3, s, s) in -1..1 to codes."""
        return self._learners[PHOTO]

    @property
    def networks(self) -> dict[str, nn.Module]:
        """Those that there are, by name."""
        return {name: each.network for name, each in self._learners.items()}

    @property
    def config(self) -> dict[str, Any]:
        """What a card says of one that has learnt something."""
        return {name: dict(self.recipe.encoders.get(name, {})) for name in sorted(self.learnt)}

    def averages(self) -> nn.ModuleDict | None:
        """The averaged one by its name, if it has learnt something; else None."""
        if not self.learnt:
            return None
        return nn.ModuleDict({name: self._learners[name].average for name in sorted(self.learnt)})

    def weights(self) -> dict[str, Tensor]:
        """Those of the averaged encoder."""
        return dict(self.photo.average.state_dict())

    def take_over(self, weights: Mapping[str, Tensor]) -> None:
        """Begin with those of a checkpoint, by the names of its file."""
        own = {each.removeprefix(f"{PHOTO}."): value for each, value in weights.items()}
        self._add(PHOTO).take_over(own)
        self.learnt.add(PHOTO)

    @torch.no_grad()
    def codes(self, photos: Tensor) -> Tensor:
        """Codes (n, c, s, s) of photos (n, 1 or 3, S, S) in -1..1, by the averaged encoder."""
        with self.hardware.autocast():
            return self.photo.average(photos.expand(-1, 3, -1, -1)).float()

    def state_dict(self) -> dict[str, Any]:
        """All of it, and whether it has learnt something."""
        states = {name: each.state_dict() for name, each in self._learners.items()}
        return {"learners": states, "learnt": sorted(self.learnt)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go back to where :meth:`state_dict` was taken."""
        for name, each in state["learners"].items():
            self._add(name).load_state_dict(each)
        self.learnt = set(state["learnt"])

    def _add(self, name: str) -> Learner:
        """The one of that name, made if need be."""
        if name not in self._learners:
            settings = {name: self.recipe.encoders.get(name, {})}
            network = build(settings, self.generator)[name]
            self._learners[name] = Learner(
                network, self.recipe, self.hardware, self.processes, batch=self.batch
            )
        return self._learners[name]
