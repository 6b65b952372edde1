"""How the network learns: to tell what things are, and each photo from all others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from train.devices.hardware import Hardware
from train.extractor.network import DIM, SIDE, Extractor
from train.extractor.photos import UNKNOWN, Photos, Task
from train.extractor.views import instance_loss, view
from train.metrics.checks import MetricsError

BATCH = 64
LEAST_STEPS = 20
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 0.05
SMOOTHING = 0.05  # of the labels
PROJECTION = 64
# Most of the time on smaller pictures, which take half as long, then at the size it measures with.
SMALL = 64
SMALL_UNTIL = 0.6


class Learnt(NamedTuple):
    """A learnt network, for float32 on the CPU, and the means of its last hundred losses."""

    network: Extractor
    losses: dict[str, float]


def learn(
    photos: Photos,
    tasks: Sequence[Task],
    hardware: Hardware,
    *,
    shown: int,
    seed: int = 0,
    progress: bool = False,
) -> Learnt:
    """Learn from the photos that are not held out; ``shown`` of them, counted again each time.

    The loss is the mean cross entropy of those ``tasks`` that a batch has labels for, plus the
    instance loss on a projection of the features. On the CPU the same seed gives the same network.

    Raises:
        MetricsError: there are too few photos for a batch.
    """
    learnt_from = torch.from_numpy(~photos.held_out).nonzero()[:, 0]
    batch = min(BATCH, len(learnt_from))
    if batch < 8:
        raise MetricsError(f"Learning features needs at least 8 photos, not {batch}.")
    steps = max(LEAST_STEPS, shown // batch)
    random = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network, heads = Extractor(), _heads(tasks)
    network, heads = hardware.place(network), heads.to(hardware.device)
    optimiser = torch.optim.AdamW(
        [*network.parameters(), *heads.parameters()], weight_decay=WEIGHT_DECAY
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, LEARNING_RATE, total_steps=steps, pct_start=0.1
    )
    order = torch.empty(0, dtype=torch.int64)
    history: list[tuple[float, float]] = []
    with tqdm(range(steps), "features", disable=not progress) as bar:
        for step in bar:
            while len(order) < batch:
                again = learnt_from[torch.randperm(len(learnt_from), generator=random)]
                order = torch.cat([order, again])
            chosen, order = order[:batch], order[batch:]
            size = SMALL if step < SMALL_UNTIL * steps else SIDE
            pixels = photos.images[chosen].to(hardware.device)
            views = torch.cat([view(pixels, size, random) for _ in range(2)])
            with hardware.autocast():
                found = network(hardware.lay_out(views))
            found = found.float()
            told = _told(found, heads, tasks, chosen.repeat(2))
            instance = instance_loss(*heads["projection"](found).chunk(2))
            optimiser.zero_grad()
            (told + instance).backward()
            optimiser.step()
            schedule.step()
            history.append((told.item(), instance.item()))
            if step % 50 == 0:
                bar.set_postfix(labels=f"{told.item():.3f}", instances=f"{instance.item():.3f}")
    last = torch.tensor(history[-100:]).mean(0).tolist()
    losses = {"labels": round(last[0], 4), "instances": round(last[1], 4)}
    return Learnt(network.cpu().float().eval(), losses)


def _heads(tasks: Sequence[Task]) -> nn.ModuleDict:
    """Linear heads by the number of their task, and the projection for the instance loss."""
    heads: dict[str, nn.Module] = {
        str(at): nn.Linear(DIM, len(task.values)) for at, task in enumerate(tasks)
    }
    heads["projection"] = nn.Sequential(
        nn.Linear(DIM, DIM // 2), nn.ReLU(), nn.Linear(DIM // 2, PROJECTION)
    )
    return nn.ModuleDict(heads)


def _told(found: Tensor, heads: nn.ModuleDict, tasks: Sequence[Task], chosen: Tensor) -> Tensor:
    losses = []
    for at, task in enumerate(tasks):
        labels = task.labels[chosen].to(found.device)
        if (labels != UNKNOWN).any():
            losses.append(
                F.cross_entropy(
                    heads[str(at)](found),
                    labels,
                    ignore_index=UNKNOWN,
                    label_smoothing=SMOOTHING,
                )
            )
    return torch.stack(losses).mean() if losses else found.new_zeros(())
