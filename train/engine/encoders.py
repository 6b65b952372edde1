"""The encoders of a training of a coded generator: photos to codes, and codes to styles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from studio.generators.coded import CodedGenerator
from studio.inversion.loading import PHOTO, STYLE, build
from train.devices.distributed import Processes
from train.devices.hardware import Hardware
from train.engine.learner import Learner
from train.recipes import Recipe

# What each teacher needs to be there, and of those what it teaches.
NEEDS = {"reconstruction": (PHOTO,), "styles": (PHOTO, STYLE), "flow": (PHOTO, STYLE)}
TAUGHT = {"reconstruction": PHOTO, "styles": STYLE}


class Encoders:
    """Those that a recipe's teachers need or its start came with, each as a :class:`Learner`.

    Args:
        recipe: names the teachers, and has the settings of the encoders.
        generator: whose codes and styles they give.
        batch: images in a step, over all processes.

    Raises:
        ValueError: they do not fit the generator.
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
        # Those that have learnt something, here or before.
        self.learnt: set[str] = set()
        for teacher in recipe.teachers:
            for name in NEEDS.get(teacher, ()):
                self._add(name)
        self.taught = {TAUGHT[each] for each in recipe.teachers if each in TAUGHT}

    @property
    def photo(self) -> Learner:
        """From photos (n, 3, s, s) in -1..1 to codes."""
        return self._learners[PHOTO]

    @property
    def style(self) -> Learner:
        """From codes to styles."""
        return self._learners[STYLE]

    @property
    def networks(self) -> dict[str, nn.Module]:
        """Those that there are, by name."""
        return {name: each.network for name, each in self._learners.items()}

    @property
    def config(self) -> dict[str, Any]:
        """What a card says of those that have learnt something."""
        return {name: dict(self.recipe.encoders.get(name, {})) for name in sorted(self.learnt)}

    def averages(self) -> nn.ModuleDict | None:
        """Those that have learnt something, averaged; None where none has."""
        if not self.learnt:
            return None
        return nn.ModuleDict({name: self._learners[name].average for name in sorted(self.learnt)})

    def weights(self, name: str) -> dict[str, Tensor]:
        """Those of an averaged encoder."""
        return dict(self._learners[name].average.state_dict())

    def take_over(self, weights: Mapping[str, Tensor]) -> None:
        """Begin with those of a checkpoint, by the names of its file."""
        for name in sorted({each.split(".", 1)[0] for each in weights}):
            own = {
                each.removeprefix(f"{name}."): value
                for each, value in weights.items()
                if each.startswith(f"{name}.")
            }
            self._add(name).take_over(own)
            self.learnt.add(name)

    @torch.no_grad()
    def codes(self, photos: Tensor) -> Tensor:
        """Codes (n, c, s, s) of photos (n, 1 or 3, S, S) in -1..1, by the averaged encoder."""
        with self.hardware.autocast():
            return self.photo.average(photos.expand(-1, 3, -1, -1)).float()

    @torch.no_grad()
    def styles(self, codes: Tensor) -> Tensor:
        """Styles (n, style_dim) of codes (n, c, s, s), by the averaged encoder."""
        with self.hardware.autocast():
            return self.style.average(codes).float()

    def state_dict(self) -> dict[str, Any]:
        """All of them, and which have learnt something."""
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
