"""Bringing a trained generator nearer to photos, by what a frozen network sees in its pictures.

Statistics of features are matched (generative feature matching: dos Santos et al., 2019), by
:class:`train.teachers.feature_distance.FeatureDistance`, and each picture is judged by a
:class:`train.teachers.critic.Critic` of the same features. It is meant for a generator that a
training has brought far enough to draw the right things; from nothing it was not tried.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from studio.generators import Generator
from train.devices.hardware import Hardware
from train.engine.average import Drawing
from train.teachers.critic import Critic
from train.teachers.feature_distance import FeatureDistance

BATCH = 48
RATE = 2e-3
BETAS = (0.5, 0.99)
WARM_UP = 30  # steps until the full rate
FALLING = 0.3  # of the steps, at the end, in which it falls to nearly nothing
LEAST_RATE = 0.05
HALF_LIFE = 3000  # pictures, of the average of the weights
NORM_BATCHES = 32
# How strongly the critic pulls at the pictures, in terms of the distance's pull. It is measured now
# and then (as the adaptive weight of VQGAN, Esser et al., 2021), and begins at nothing.
CRITIC_SHARE = 3.0
MEASURED_EVERY = 20  # steps
CRITIC_WARM_UP = 60  # steps


def matched(
    generator: Generator,
    distance: FeatureDistance,
    critic: Critic,
    pictures: int,
    *,
    condition: Tensor | None = None,
    seed: int = 0,
    hardware: Hardware,
    on_pictures: Callable[[int, float], None] = lambda count, distance: None,
    stopping: Callable[[], bool] = lambda: False,
) -> Generator:
    """A generator like ``generator``, whose pictures are nearer to photos; that one stays as it is.

    Args:
        generator: a trained one.
        distance: of :data:`BATCH` pictures from the photos.
        critic: of the same; it learns.
        pictures: how many it draws to learn, rounded up to whole batches.
        condition: int64 labels (n,) or texts as vectors (n, words), of which each picture's is
            drawn; None where the generator takes none.
        seed: decides the latents and conditions.
        hardware: where to compute; the result is on the CPU, in evaluation mode.
        on_pictures: is called with the number of each batch and its distance.
        stopping: whether to end after the batch at hand, with what was learnt so far.

    Raises:
        ArithmeticError: a distance is no longer a finite number.
    """
    random = torch.Generator().manual_seed(seed)
    network = hardware.place(copy.deepcopy(generator)).requires_grad_(True).train()
    low, high = network.value_range

    def drawn_by() -> tuple[Tensor, Tensor | None]:
        latents = torch.randn(BATCH, network.latent_dim, generator=random)
        told = None
        if condition is not None:
            told = condition[torch.randint(len(condition), (BATCH,), generator=random)]
            told = told.to(hardware.device)
        return latents.to(hardware.device), told

    steps = -(-pictures // BATCH)
    optimiser = torch.optim.Adam(network.parameters(), RATE, BETAS, fused=True)
    rates = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, steps))
    keep = get_ema_multi_avg_fn(0.5 ** (BATCH / HALF_LIFE))
    average = AveragedModel(network, multi_avg_fn=keep)
    weight = 0.0
    for step in range(steps):
        latents, told = drawn_by()
        with hardware.autocast():
            fake = network(latents, told)
        fake = (fake.float() - low) * (2 / (high - low)) - 1
        seen = distance.look(fake)
        far, blame = distance(seen, told), critic.blame(seen, told)
        if not far.item() < float("inf"):
            raise ArithmeticError("The distance is no longer a finite number.")
        if step % MEASURED_EVERY == 0:
            now = CRITIC_SHARE * pull(far, fake) / max(pull(blame, fake), 1e-12)
            weight = (weight + now) / 2 if step else now
        optimiser.zero_grad(set_to_none=True)
        (far + min(step / CRITIC_WARM_UP, 1.0) * weight * blame).backward()
        optimiser.step()
        rates.step()
        average.update_parameters(network)
        critic.learn(seen, told)
        on_pictures(BATCH, far.item())
        if stopping():
            break
    result = average.module
    batches, told = zip(*(drawn_by() for _ in range(NORM_BATCHES)), strict=True)
    with hardware.autocast():
        update_bn(
            range(NORM_BATCHES), Drawing(result, batches, None if condition is None else told)
        )
    return result.cpu().requires_grad_(False).eval()


def pull(loss: Tensor, pictures: Tensor) -> float:
    """The length of the loss's gradient at the pictures, whose graph is kept."""
    (gradient,) = torch.autograd.grad(loss, pictures, retain_graph=True)
    return gradient.norm().item()


def _rate(step: int, steps: int) -> float:
    """The share of the full rate after so many steps."""
    left = (steps - step) / (FALLING * steps)
    return min((step + 1) / WARM_UP, max(LEAST_RATE, left), 1.0)
