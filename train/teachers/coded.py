"""What the teachers of a coded generator have in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from studio.generators.coded import CodedGenerator
from train.teachers.base import Setup, Teacher
from train.teachers.codes import LEARNING, CodesError


class CodedTeacher(Teacher):
    """Teaches some part of a coded generator, which draws nothing at random meanwhile.

    Raises:
        ValueError: the generator is another one.
    """

    JUDGES = False

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        generator = setup.generator
        if not isinstance(generator, CodedGenerator):
            raise ValueError(
                "Reconstruction, styles and flow teach a coded generator, and this one is"
                f" {generator.kind}."
            )
        assert setup.encoders is not None and setup.codes is not None, "a coded generator has them"
        self.generator, self.encoders, self.codes = generator, setup.encoders, setup.codes

    @property
    def looks(self) -> bool:
        """Whether it looks at photos: only where their codes change, or it compares with them."""
        return not self.codes.fixed

    def prepare_codes(self, folder: Path | None, on_photos: Callable[[int, int], None]) -> None:
        """Encode all photos, for a teacher of what is made of codes.

        Raises:
            CodesError: codes change while it learns, or there is no codec.
        """
        if not self.codes.fixed:
            raise CodesError(LEARNING)
        self.codes.prepare(folder, on_photos)

    def aside(self, count: int) -> Tensor:
        """Rows of at most ``count`` photos that are not learnt from, int64 (n,)."""
        aside = self.setup.aside
        return torch.arange(0) if aside is None else aside.nonzero()[:count, 0]

    def uniform(self, *size: int) -> Tensor:
        """Random values in 0..1, the same in every process."""
        return torch.rand(size, generator=self.setup.random, device=self.setup.hardware.device)

    def normal(self, *size: int) -> Tensor:
        """Random values of a normal distribution, the same in every process."""
        return torch.randn(size, generator=self.setup.random, device=self.setup.hardware.device)

    def noisy(self, values: Tensor, most: float) -> Tensor:
        """This process's values (b, …) of a batch with noise, each as much of it as chance wants.

        Args:
            most: the deviation of the strongest noise.
        """
        batch, share = self.setup.batch, self.setup.share
        much = self.uniform(batch, *[1] * (values.dim() - 1))[share]
        return values + most * much * self.normal(batch, *values.shape[1:])[share]

    def in_unit_range(self, pictures: Tensor) -> Tensor:
        """The generator's pictures as float32 in -1..1, or beyond where it drew beyond."""
        low, high = self.generator.value_range
        return (pictures.float() - low) * (2 / (high - low)) - 1
