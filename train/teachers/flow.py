"""The flow: z is to become styles that are distributed as those of photos."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from train.teachers import components
from train.teachers.base import Batch, Setup
from train.teachers.coded import CodedTeacher
from train.teachers.codes import NO_STYLES, CodesError

JITTER = 0.1  # noise on styles, in their deviations: few photos are not to be learnt by heart
DROPPED = 0.15  # of the photos, whose label or text is left away: so anything is learnt to be drawn
MOST_APART = 6.0  # by which a component is ahead of the middle one's time, or behind
LEAST_WEIGHT = 0.25  # of a component's velocity, beside 1 on average
WATCHED, WATCHED_EVERY = 256, 200  # photos that are not learnt from, and steps
ENCODED_AT_ONCE = 256


class FlowMatching(CodedTeacher):
    """Teaches the mapping of a coded generator by flow matching (Lipman et al., 2023).

    Between noise z and the style w of a photo lies x = (1 - t) z + t w, and the flow learns to tell
    from x and t the velocity w - z (Liu et al., 2023). The moments t are those of a normal
    distribution's sigmoid, as the middle is the hardest (Esser et al., 2024). A label or a text is
    told, and left away for some photos, so that guidance is possible (Ho and Salimans, 2022).
    Components count by how much of a picture they carry: counted alike, the many that hardly show
    take what the flow can learn, and shapes are torn.

    It is cheap: the styles of all photos are computed once, as neither codes nor what styles are of
    them changes.

    Its numbers are that mean squared error of velocities, and the one for photos which are not
    learnt from, as it was measured last. Neither comes near to 0: what leads where is a matter of
    chance.
    """

    NUMBERS = ("flow_loss", "flow_loss_aside")

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._aside_loss = torch.zeros((), device=setup.hardware.device)

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """None: the flow is the generator's."""
        return {}

    def prepare(self, folder: Path | None, on_photos: Callable[[int, int], None]) -> None:
        """Encode all photos and, for a flow that knows none yet, measure where their styles lie.

        Raises:
            CodesError: there is no codec, or it learns along, or there are no styles to begin from.
        """
        self.prepare_codes(folder, on_photos)
        if "styles" in self.setup.recipe.teachers:
            components.find(self.setup, self.codes)  # whichever of the two is asked first
        elif not self.generator.synthesis.known:
            raise CodesError(NO_STYLES)
        self.styles = self._of_all()
        flow = self.generator.flow
        if flow.known:  # it goes on from what it knows, and begins with what that draws
            return
        aside = self.setup.aside
        rows = (self.styles if aside is None else self.styles[:, ~aside]).flatten(0, 1)
        with torch.no_grad():
            flow.mean.copy_(rows.mean(0))
            flow.deviation.copy_(rows.std(0).clamp_min(1e-3))
            flow.pace.copy_(self.pace())

    def lesson(self, batch: Batch) -> Tensor:
        """How far velocities are from those that lead from noise to styles of photos."""
        setup = self.setup
        total, own = setup.batch, setup.share
        styles = self.styles[self.codes.views(batch), batch.rows]
        points = self._points(styles.to(setup.hardware.device))
        noise = self.normal(total, 2 * points.shape[1] + 1)[own]
        z, jitter, moments = noise.split([points.shape[1], points.shape[1], 1], 1)
        dropped = self.uniform(total)[own] < DROPPED
        loss = self._loss(points + JITTER * jitter, z, moments, batch.told, dropped)
        self._numbers = loss.detach()
        return loss

    @torch.no_grad()
    def settle(self, batch: Batch) -> Tensor:
        """Nothing is left to learn; measure on photos that are watched, now and then."""
        rows = self.aside(WATCHED)
        if batch.step % WATCHED_EVERY == 0 and len(rows):
            points = self._points(self.styles[0, rows].to(self.setup.hardware.device))
            random = torch.Generator(points.device).manual_seed(self.setup.seed)
            size = len(rows), points.shape[1] + 1
            noise = torch.randn(size, generator=random, device=points.device)
            z, moments = noise.split([points.shape[1], 1], 1)
            condition = self.setup.condition
            told = None if condition is None else condition[rows].to(points.device)
            self._aside_loss = self._loss(points, z, moments, told, None)
        return torch.stack([self._numbers, self._aside_loss])

    def state_dict(self) -> dict[str, Any]:
        return {"aside_loss": self._aside_loss}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._aside_loss = state["aside_loss"].to(self.setup.hardware.device)
        # Another machine may have found components that differ from those that were loaded.
        self.styles = self._of_all()

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
            share = flow.share(time)
            between = (1 - share) * z + share * points
            found = flow.velocity(between, time[:, 0], flow.told(condition, count, device))
        return ((found.float() - (points - z)).square() * self.weights()).mean()

    def weights(self) -> Tensor:
        """How much each component of styles counts, float32 (dim,), 1 on average."""
        carried = self._carried()
        weights = (carried / carried.mean()).clamp_min(LEAST_WEIGHT)
        return weights / weights.mean()

    def pace(self) -> Tensor:
        """How far behind the time each component of styles is drawn, float32 (dim,).

        What carries a quarter as much as another one lags by a factor of four.
        """
        carried = self._carried()
        middle = carried[len(carried) // 4]
        return (middle / carried.clamp_min(1e-6 * middle)).clamp(1 / MOST_APART, MOST_APART)

    def _carried(self) -> Tensor:
        """How much of pictures each component carries, float32 (dim,)."""
        synthesis = self.generator.synthesis
        return (synthesis.components * synthesis.worth).flatten(1).norm(dim=1)

    def _points(self, styles: Tensor) -> Tensor:
        """Styles as the flow knows them: with a mean of 0 and a deviation of 1."""
        flow = self.generator.flow
        return (styles.float() - flow.mean) / flow.deviation

    @torch.no_grad()
    def _of_all(self) -> Tensor:
        """Styles of all codes, float32 (views, N, dim), on the CPU."""
        assert self.codes.all is not None, "they are encoded"
        device = self.setup.hardware.device
        return torch.stack(
            [
                torch.cat(
                    [
                        self.generator.synthesis.styles(some.to(device)).cpu()
                        for some in view.split(ENCODED_AT_ONCE)
                    ]
                )
                for view in self.codes.all
            ]
        )
