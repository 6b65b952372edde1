"""Principal components of photos' codes, which are what a style is."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from train.teachers.base import Setup
from train.teachers.codes import Codes, CodesError, frozen_picture

# What channels are worth is measured on so many codes, each changed by so much; the least counts.
WORTH_CODES, WORTH_CHANGE, LEAST_WORTH = 32, 0.5, 0.3
MOST_CODES = 12_000  # that components are found in
# Of the decomposition by chance: directions besides those that are wanted, and rounds.
SPARE, ROUNDS = 16, 3
LEAST_DEVIATION = 1e-4  # of a component's, beside the first one's
FEW = (
    "A style of {} values needs at least {} photos to be learnt, and here are {}. Give more, or"
    " begin from a checkpoint that has styles."
)


def find(setup: Setup, codes: Codes) -> None:
    """Find what styles are, and write it to the generator, if nobody has before.

    A start that knows styles keeps them: what a style means stays, whatever else is learnt. The
    first process finds them for all, as others may round otherwise.

    Raises:
        CodesError: there are too few photos.
    """
    generator = codes.encoders.generator
    synthesis = generator.synthesis
    if synthesis.known:
        return
    assert codes.all is not None, "codes stay as they are"
    rows = len(codes.all[0]) if setup.aside is None else int((~setup.aside).sum())
    if rows * len(codes.all) <= generator.style_dim:
        least = generator.style_dim // len(codes.all) + 1
        raise CodesError(FEW.format(generator.style_dim, least, rows))
    if setup.processes.is_first:
        worth = channel_worth(setup, codes)
        some = chosen(setup, codes.all)
        centre, components = principal(some, worth.cpu(), generator.style_dim, setup.seed)
        synthesis.worth.copy_(worth)
        synthesis.centre.copy_(centre)
        synthesis.components.copy_(components)
    generator.flow.forget()  # what it knew were other styles
    for each in (synthesis.worth, synthesis.centre, synthesis.components):
        setup.processes.share_first(each)


@torch.no_grad()
def principal(codes: Tensor, worth: Tensor, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """The mean (c, s, s) of codes (n, c, s, s), and their principal components (count, c, s, s).

    They are those of the codes times what channels are worth, (c, 1, 1), and what one deviation of
    each is in codes. By a method of chance (Halko et al., 2011), the same each time.
    """
    centre = codes.mean(0)
    apart = ((codes - centre) * worth).flatten(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        asked = min(count + SPARE, *apart.shape)
        _, strengths, directions = torch.svd_lowrank(apart, asked, niter=ROUNDS)
    deviations = strengths[:count] / len(codes) ** 0.5
    deviations = deviations.clamp_min(LEAST_DEVIATION * deviations[0].item())
    components = (directions[:, :count] * deviations).T.unflatten(1, centre.shape)
    return centre, components / worth


def chosen(setup: Setup, codes: Tensor) -> Tensor:
    """Some codes float32 (n, c, s, s) of all views (v, N, c, s, s), but of no watched photo."""
    views, count = codes.shape[:2]
    learnt = torch.arange(count) if setup.aside is None else (~setup.aside).nonzero()[:, 0]
    random = torch.Generator().manual_seed(setup.seed)
    places = torch.randperm(views * len(learnt), generator=random)[:MOST_CODES]
    return codes[places // len(learnt), learnt[places % len(learnt)]].float()


@torch.no_grad()
def channel_worth(setup: Setup, codes: Codes) -> Tensor:
    """By how much each channel of codes changes pictures, (c, 1, 1), 1 on average."""
    generator = codes.encoders.generator
    random = torch.Generator().manual_seed(setup.seed)
    rows = torch.randperm(len(codes.images), generator=random)[:WORTH_CODES]
    some = codes.of_rows(rows)
    noise = WORTH_CHANGE * torch.randn(some[:, 0].shape, generator=random).to(some.device)
    with setup.hardware.autocast():
        before = F.avg_pool2d(frozen_picture(generator, some), 2)
        worth = []
        for channel in range(some.shape[1]):
            changed = some.clone()
            changed[:, channel] += noise
            after = F.avg_pool2d(frozen_picture(generator, changed), 2)
            worth.append((after - before).square().mean().sqrt())
    found = torch.stack(worth)
    found = (found / found.mean()).clamp_min(LEAST_WORTH)
    return (found / found.mean()).view(-1, 1, 1)
