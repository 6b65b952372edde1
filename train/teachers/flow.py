"""The flow: z is to become styles that are distributed as those of photos."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from studio.inversion.loading import PHOTO, STYLE
from train.teachers.base import Batch, Setup
from train.teachers.coded import CodedTeacher
from train.teachers.codes import NO_STYLES, CodesError

JITTER = 0.1  # noise on styles, in their deviations: few photos are not to be learnt by heart
DROPPED = 0.15  # of the photos, whose label or text is left away: so anything is learnt to be drawn
# Where styles are still being learnt, each step takes some of so many newest ones.
REMEMBERED, TAKEN = 4096, 512
WATCHED, WATCHED_EVERY = 256, 200  # photos that are not learnt from, and steps
ENCODED_AT_ONCE = 256


class FlowMatching(CodedTeacher):
    """Teaches the mapping of a coded generator by flow matching (Lipman et al., 2023).

    Between noise z and the style w of a photo lies x = (1 - t) z + t w, and the flow learns to tell
    from x and t the velocity w - z (Liu et al., 2023). The moments t are those of a normal
    distribution's sigmoid, as the middle is the hardest (Esser et al., 2024). A label or a text is
    told, and left away for some photos, so that guidance is possible (Ho and Salimans, 2022).

    It is cheap. Where the encoder of styles stays as it is, the styles of all photos are computed
    once; else they follow the averaged encoder.

    Its numbers are the mean squared error of velocities, and that for photos which are not learnt
    from, as it was measured last. Neither comes near to 0: what leads where is a matter of chance.
    """

    NUMBERS = ("flow_loss", "flow_loss_aside")

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        device = setup.hardware.device
        self._aside_loss = torch.zeros((), device=device)
        # Where styles are being learnt: those of the newest photos, and what these are of.
        self._remembered = torch.zeros(REMEMBERED, self.generator.style_dim, device=device)
        self._of: Tensor | None = None
        if setup.condition is not None:
            shape, kind = setup.condition.shape[1:], setup.condition.dtype
            self._of = torch.zeros((REMEMBERED, *shape), dtype=kind, device=device)
        self._came = 0

    @property
    def fixed(self) -> bool:
        """Whether a photo has the same style for all of the training."""
        return self.codes.fixed and STYLE not in self.encoders.taught

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """None: the flow is the generator's."""
        return {}

    def prepare(self, folder: Path | None, on_photos: Callable[[int, int], None]) -> None:
        """Encode all photos, if their styles do not change, and measure where these lie.

        Raises:
            CodesError: an encoder has learnt nothing yet, and won't.
        """
        self.codes.prepare(folder, on_photos)
        if not self.fixed:
            return
        if STYLE not in self.encoders.learnt:
            raise CodesError(NO_STYLES)
        self.styles = self.codes.kept(folder, [PHOTO, STYLE], self._of_all)
        aside = self.setup.aside
        learnt = self.styles if aside is None else self.styles[:, ~aside]
        flow, rows = self.generator.flow, learnt.flatten(0, 1)
        with torch.no_grad():
            flow.mean.copy_(rows.mean(0))
            flow.deviation.copy_(rows.std(0).clamp_min(1e-3))

    def lesson(self, batch: Batch) -> Tensor:
        """How far velocities are from those that lead from noise to styles of photos."""
        setup = self.setup
        if self.fixed:
            total, own = setup.batch, setup.share
            styles, told = self.styles[self.codes.views(batch), batch.rows], batch.told
            styles = styles.to(setup.hardware.device)
        else:
            self._remember(batch)
            total, own = TAKEN, slice(setup.processes.rank, None, setup.processes.count)
            there = min(self._came, REMEMBERED)
            chosen = (self.uniform(total)[own] * there).long()
            styles = self._remembered[chosen]
            told = None if self._of is None else self._of[chosen]
        points = self._points(styles)
        noise = self.normal(total, 2 * points.shape[1] + 1)[own]
        z, jitter, moments = noise.split([points.shape[1], points.shape[1], 1], 1)
        dropped = self.uniform(total)[own] < DROPPED
        loss = self._loss(points + JITTER * jitter, z, moments, told, dropped)
        self._numbers = loss.detach()
        return loss

    @torch.no_grad()
    def settle(self, batch: Batch) -> Tensor:
        """Nothing is left to learn; measure on photos that are watched, now and then."""
        rows = self.aside(WATCHED)
        if batch.step % WATCHED_EVERY == 0 and len(rows):
            points = self._points(self._styles_of(rows))
            random = torch.Generator(points.device).manual_seed(self.setup.seed)
            size = len(rows), points.shape[1] + 1
            noise = torch.randn(size, generator=random, device=points.device)
            z, moments = noise.split([points.shape[1], 1], 1)
            condition = self.setup.condition
            told = None if condition is None else condition[rows].to(points.device)
            self._aside_loss = self._loss(points, z, moments, told, None)
        return torch.stack([self._numbers, self._aside_loss])

    def state_dict(self) -> dict[str, Any]:
        state = {"aside_loss": self._aside_loss, "came": self._came}
        if self.fixed:
            return state
        return {**state, "remembered": self._remembered, "of": self._of}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        device = self.setup.hardware.device
        self._aside_loss, self._came = state["aside_loss"].to(device), state["came"]
        if not self.fixed:
            self._remembered = state["remembered"].to(device)
            self._of = None if state["of"] is None else state["of"].to(device)

    def _loss(
        self,
        points: Tensor,
        z: Tensor,
        moments: Tensor,
        told: Tensor | None,
        dropped: Tensor | None,
    ) -> Tensor:
        """The mean squared error of velocities on the way from z to points, each (n, dim).

        ``moments`` (n, 1) are normal; ``dropped`` (n,) says of which photos nothing is told.
        """
        flow, count, device = self.generator.flow, len(points), points.device
        if flow.embedding is None:
            condition = None
        elif told is None:
            condition = flow.anything(count, device)
        else:
            condition = told
            if dropped is not None:
                dropped = dropped.view(-1, *[1] * (told.dim() - 1))
                condition = torch.where(dropped, flow.anything(count, device).to(told.dtype), told)
        time = moments.sigmoid()
        with self.setup.hardware.autocast():
            between = (1 - time) * z + time * points
            found = flow.velocity(between, time[:, 0], flow.told(condition, count, device))
        return (found.float() - (points - z)).square().mean()

    def _remember(self, batch: Batch) -> None:
        """Keep the styles of a batch, of all processes, in place of the oldest."""
        processes = self.setup.processes
        new = processes.gather(self.encoders.styles(self.codes.of(batch)))
        places = (self._came + torch.arange(len(new), device=new.device)) % REMEMBERED
        self._remembered[places] = new
        if self._of is not None:
            assert batch.told is not None, "there are conditions"
            self._of[places] = processes.gather(batch.told).to(self._of.dtype)
        self._came += len(new)

    def _points(self, styles: Tensor) -> Tensor:
        """Styles as the flow knows them: with a mean of 0 and a deviation of 1."""
        flow = self.generator.flow
        return (styles.float() - flow.mean) / flow.deviation

    def _styles_of(self, rows: Tensor) -> Tensor:
        if self.fixed:
            return self.styles[0, rows].to(self.setup.hardware.device)
        return self.encoders.styles(self.codes.of_rows(rows))

    def _of_all(self) -> Tensor:
        """Styles of all codes, float32 (views, N, dim), on the CPU."""
        assert self.codes.all is not None, "they are encoded"
        device = self.setup.hardware.device
        return torch.stack(
            [
                torch.cat(
                    [
                        self.encoders.styles(some.to(device).float()).cpu()
                        for some in view.split(ENCODED_AT_ONCE)
                    ]
                )
                for view in self.codes.all
            ]
        )
