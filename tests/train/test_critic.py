"""A critic on frozen features: what it learns to tell, and what its blame changes."""

from __future__ import annotations

import torch
from torch import Tensor
from trainings import CPU

from train.teachers.critic import Critic, judged, mistold
from train.teachers.feature_distance import Look

BATCH = 16


def look(pictures: Tensor) -> Look:
    """In place of a network: a finest map that tells nothing, the pictures, and half their size."""
    return Look(
        pictures, [torch.zeros_like(pictures), pictures, torch.max_pool2d(pictures.abs(), 2)]
    )


def photos(count: int, seed: int, holes: bool = False) -> tuple[Tensor, Tensor]:
    """Squares on the left (0) or on the right (1), whole or with a hole, and which each is."""
    random = torch.Generator().manual_seed(seed)
    labels = torch.randint(2, (count,), generator=random)
    pictures = torch.randint(0, 60, (count, 3, 16, 16), generator=random)
    for picture, label in zip(pictures, labels.tolist(), strict=True):
        picture[:, 2:14, 8 * label : 8 * label + 8] += 180
        if holes:
            picture[:, 6:9, 8 * label + 3 : 8 * label + 6] -= 180
    return pictures.to(torch.uint8), labels


def scaled(pictures: Tensor) -> Tensor:
    return pictures.float() / 127.5 - 1


def critic(labelled: bool = False, texts: bool = False) -> Critic:
    pictures, labels = photos(64, 1)
    maps = judged(look(scaled(pictures)))
    condition = labels if labelled else None
    if texts:
        condition = torch.nn.functional.one_hot(labels, 2).float()
    deviations = [each.std((0, 2, 3), keepdim=True) for each in maps]
    return Critic(deviations, condition, seed=3, hardware=CPU)


def learn(found: Critic, pictures: Tensor, told: Tensor | None, step: int) -> tuple[Tensor, Tensor]:
    """One step on these pictures and other photos."""
    real, labels = photos(BATCH, 1000 + step)
    own = None if told is None else labels
    return found.learn(look(scaled(pictures)), told, look(scaled(real)), own)


def test_it_learns_what_gives_a_single_picture_away_and_where() -> None:
    found = critic()
    for step in range(80):
        learn(found, photos(BATCH, 100 + step, holes=True)[0], None, step)
    whole, torn = (look(scaled(photos(BATCH, 2, holes=holes)[0])) for holes in (False, True))
    assert found.blame(torn, None) > found.blame(whole, None) + 0.2
    torn.pictures.requires_grad_(True)
    seen = look(torn.pictures)
    (gradient,) = torch.autograd.grad(found.blame(seen, None), torn.pictures)
    _, labels = photos(BATCH, 2, holes=True)
    holes = torch.stack(
        [
            each[:, 5:10, 8 * label + 2 : 8 * label + 7].abs().mean()
            for each, label in zip(gradient, labels.tolist(), strict=True)
        ]
    )
    assert holes.mean() > 2 * gradient.abs().mean()
    assert all(each.requires_grad and each.grad is not None for each in found.heads.parameters())


def test_it_sees_whether_a_picture_is_what_was_asked_for() -> None:
    found = critic(labelled=True)
    for step in range(100):
        pictures, labels = photos(BATCH, 100 + step)
        learn(found, pictures, 1 - labels, step)
    pictures, labels = photos(BATCH, 2)
    seen = look(scaled(pictures))
    assert found.blame(seen, 1 - labels) > found.blame(seen, labels) + 0.05


def test_a_photo_of_something_else_is_as_false_as_a_drawn_picture() -> None:
    found = critic(labelled=True)
    pictures, labels = photos(64, 1)
    random = torch.Generator().manual_seed(0)
    for step in range(100):
        some = torch.randint(64, (BATCH,), generator=random)
        learn(found, pictures[some], labels[some], step)  # drawn as well as can be
    pictures, labels = photos(64, 2)
    seen = look(scaled(pictures))
    assert found.blame(seen, 1 - labels) > found.blame(seen, labels) + 0.1


def test_texts_as_vectors_are_told_too() -> None:
    real, labels = photos(BATCH, 1)
    vectors = torch.nn.functional.one_hot(labels, 2).float()
    seen = look(scaled(real))
    worded, labelled = critic(texts=True), critic(labelled=True)
    assert worded.blame(seen, vectors) == labelled.blame(seen, labels)


def test_only_what_does_not_fit_a_photo_is_false_of_it() -> None:
    maps = [torch.arange(3.0)]
    own, others = torch.tensor([0, 1, 1]), torch.tensor([1, 0, 1])
    (kept,), told = mistold(maps, own, others)
    assert kept.tolist() == [0, 1] and told.tolist() == [1, 0]
    no_text, red, blue = torch.eye(3)[[2, 0, 1]] * torch.tensor([1.0, 1.0, 0.0])
    (kept,), told = mistold(maps, torch.stack([red] * 3), torch.stack([no_text, red, blue]))
    assert kept.tolist() == [2] and torch.equal(told[0], blue)


def test_it_tells_how_real_both_looked_to_it() -> None:
    found = critic()
    for step in range(80):
        real, drawn = learn(found, photos(BATCH, 100 + step, holes=True)[0], None, step)
    assert 0 < drawn < 0.5 < real < 1


def test_it_repeats_itself_goes_on_and_leaves_chance_alone() -> None:
    state, blames = torch.get_rng_state(), []
    whole = critic()
    for step in range(4):
        learn(whole, photos(BATCH, step)[0], None, step)
    first, second = critic(), critic()
    for step in range(2):
        learn(first, photos(BATCH, step)[0], None, step)
    second.load_state_dict(first.state_dict())
    for step in range(2, 4):
        learn(second, photos(BATCH, step)[0], None, step)
    for found in (whole, second):
        blames.append(found.blame(look(scaled(photos(BATCH, 9)[0])), None).item())
    assert blames[0] == blames[1] and torch.equal(state, torch.get_rng_state())
