"""A small network that tells the classes of real images apart, to see what labels draw.

It judges whether an image that was asked for as a trouser is one. It errs on real images too; how
often, on real images that it was not trained on, stands beside every accuracy made with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from train.metrics.checks import MetricsError, check_images, check_labels
from train.metrics.store import Arrays, Store, key_of

# All of this is part of what is measured: whoever changes it changes numbers, and VERSION.
VERSION = 1
SIDE = 32  # larger images are reduced to it: enough to tell what a thing is
WIDTHS = (24, 48, 96)
DROPOUT = 0.2
HELD_OUT = 0.1
MAX_HELD_OUT = 6000
BATCH = 128
SEED = 0
LEARNING_RATE = 4e-3
WEIGHT_DECAY = 0.05
SMOOTHING = 0.05  # of the labels
# Few images are shown often, many only as long as it takes.
EPOCHS = 40
MAX_SHOWN = 400_000
LEAST_STEPS = 100


@dataclass(frozen=True, eq=False)
class Classifier:
    """A trained network and its share of right answers on the real images held out from it."""

    network: nn.Module
    accuracy: float

    @classmethod
    def of(
        cls,
        images: Tensor,
        labels: Tensor,
        store: Store | None = None,
        *,
        progress: bool = False,
    ) -> Classifier:
        """Train on real ``images``, or take from ``store`` what was trained on the same before.

        Images are uint8 (N, C, H, W), labels int64 (N,). A tenth of each class is held out. The
        seed is fixed and the training on the CPU: the same images give the same judge. 60,000 of
        28 px take five to ten minutes on two cores, once.

        Raises:
            MetricsError: they do not fit each other, or no two classes have two images each.
        """
        check_images(images, "The real images")
        check_labels(labels, len(images))
        if (labels.bincount() >= 2).sum() < 2:
            raise MetricsError("Telling classes apart needs two of them with two images each.")
        key = key_of("classifier", VERSION, images, labels)
        channels, classes = images.shape[1], int(labels.max()) + 1

        def compute() -> Arrays:
            return _train(_prepared(images), labels, classes, progress)

        # Building a network draws weights: a measurement must not disturb a training's randomness.
        with torch.random.fork_rng(devices=[]):
            found = dict((store or Store()).get("classifier", key, compute))
            network = _network(channels, classes)
        accuracy = found.pop("accuracy").item()
        network.load_state_dict({name: torch.from_numpy(value) for name, value in found.items()})
        return cls(network.eval(), accuracy)

    def share_right(self, images: Tensor, labels: Tensor) -> float:
        """The share of ``images``, uint8 (N, C, H, W), that it takes for what ``labels`` say."""
        return _share_right(self.network, _prepared(images), labels)


def _network(channels: int, classes: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for index, width in enumerate(WIDTHS):
        layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)]
        layers += [nn.ReLU()] + [nn.MaxPool2d(2, ceil_mode=True)] * (index < 2)
        channels = width
    layers += [nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Dropout(DROPOUT)]
    return nn.Sequential(*layers, nn.Linear(16 * channels, classes))


def _prepared(images: Tensor) -> Tensor:
    """At most SIDE pixels on a side, uint8 still."""
    images = images.cpu()
    if max(images.shape[2:]) <= SIDE:
        return images
    parts = [
        F.interpolate(part.float(), size=SIDE, mode="bilinear", antialias=True).round().byte()
        for part in images.split(1000)
    ]
    return torch.cat(parts)


def _train(images: Tensor, labels: Tensor, classes: int, progress: bool) -> Arrays:
    """The state of a trained network, and its ``accuracy`` on what was held out.

    It sets torch's global seed.
    """
    training, held_out = _split(labels)
    random = torch.Generator().manual_seed(SEED)
    torch.manual_seed(SEED)
    # In this layout a CPU takes half as long.
    network = _network(images.shape[1], classes).to(memory_format=torch.channels_last)
    batch = min(BATCH, max(2, len(training) // 8))
    shown = min(EPOCHS * len(training), MAX_SHOWN)
    steps = max(shown // batch, LEAST_STEPS)
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=WEIGHT_DECAY, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, LEARNING_RATE, total_steps=steps, pct_start=0.2
    )
    order = torch.empty(0, dtype=torch.int64)
    for _ in tqdm(range(steps), "classifier", disable=not progress):
        if len(order) < batch:
            order = training[torch.randperm(len(training), generator=random)]
        chosen, order = order[:batch], order[batch:]
        pixels = _flipped_at_random(_scaled(images[chosen]), random)
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        loss = F.cross_entropy(network(pixels), labels[chosen], label_smoothing=SMOOTHING)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    accuracy = _share_right(network.eval(), images[held_out], labels[held_out])
    state = {name: value.contiguous().numpy() for name, value in network.state_dict().items()}
    return {**state, "accuracy": np.array(accuracy)}


def _split(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Which images to train on and which to hold out: a share of each class, at least one."""
    share = min(HELD_OUT, MAX_HELD_OUT / len(labels))
    random = torch.Generator().manual_seed(SEED)
    order = torch.randperm(len(labels), generator=random)
    training, held_out = [], []
    for label in labels.unique():
        own = order[labels[order] == label]
        count = max(round(share * len(own)), 1) if len(own) > 1 else 0
        held_out.append(own[:count])
        training.append(own[count:])
    return torch.cat(training), torch.cat(held_out)


def _scaled(images: Tensor) -> Tensor:
    return images.float() / 127.5 - 1


def _flipped_at_random(images: Tensor, random: torch.Generator) -> Tensor:
    flip = torch.rand(len(images), generator=random) < 0.5
    return torch.where(flip.view(-1, 1, 1, 1), images.flip(3), images)


@torch.inference_mode()
def _share_right(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Each image is judged together with its mirror image, which errs a little less."""
    found = []
    for part in images.split(500):
        pixels = _scaled(part)
        found.append((network(pixels) + network(pixels.flip(3))).argmax(1))
    return (torch.cat(found) == labels.cpu()).double().mean().item()
