"""Learning to add detail: photos and what comes back of them, the training, and the command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from coded_trainings import GENERATOR, SIZE
from PIL import Image

from studio import checkpoint, enlarging
from studio.generators import build
from studio.inversion import loading
from train.__main__ import main
from train.data.archives import DataError
from train.detail import learning, measuring, pairs
from train.detail.learning import Length, Lessons, learn
from train.devices.hardware import Hardware
from train.metrics.mobilenet import FeatureNetwork
from train.teachers.features import Eye, frozen_stages
from train.teachers.pairs import STAGES

CPU = Hardware(torch.device("cpu"), bf16=False)
LARGE = 2 * SIZE
ENCODERS = {"photo": {"widths": [8, 12, 16]}}


def names(learnt: int, aside: int) -> list[str]:
    """File names of which so many are held out, each of another product."""
    every = [f"{number:07}001.png" for number in range(200)]
    apart = [name for name in every if pairs.held_out(name)]
    return [name for name in every if name not in apart][:learnt] + apart[:aside]


def write(folder: Path, files: list[str], side: int = LARGE) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    for name in files:
        pixels = np.full((side, side, 3), 240, np.uint8)
        inner = random.integers(0, 255, (side - 16, side - 16, 1), dtype=np.uint8)
        pixels[8:-8, 8:-8] = inner // 2 + random.integers(0, 120, 3, dtype=np.uint8)
        Image.fromarray(pixels).save(folder / name)
    return folder


@pytest.fixture(scope="module")
def coded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a coded generator of 32 px, with its encoder."""
    torch.manual_seed(0)
    generator = build(GENERATOR).eval()
    encoders = loading.build(ENCODERS, generator)
    folder = tmp_path_factory.mktemp("coded") / "coded"
    card = {"title": "Coded", "encoders": ENCODERS}
    checkpoint.save(folder, generator, None, card, Image.new("RGB", (8, 8)), encoders=encoders)
    return folder


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("large"), names(8, 2))


@pytest.fixture(scope="module")
def eye(lite0: Path) -> Eye:
    return Eye(frozen_stages(lite0, STAGES), CPU)


@pytest.fixture(scope="module")
def made() -> pairs.Pairs:
    """Ten photos, two of them held out."""
    random = torch.Generator().manual_seed(0)
    photos, reduced, back = (
        torch.randint(0, 256, (10, 3, side, side), generator=random).to(torch.uint8)
        for side in (LARGE, SIZE, SIZE)
    )
    return pairs.Pairs(photos, reduced, back, torch.arange(10) >= 8)


# --- pairs -------------------------------------------------------------------------------------


def test_colours_of_a_product_stay_together() -> None:
    assert pairs.product("dress/0825577002.webp") == pairs.product("0825577013.webp") == "0825577"
    assert pairs.product("bags/summer.jpg") == "summer"
    apart = [pairs.held_out(f"{number:07}001.webp") for number in range(5000)]
    assert 0.07 < sum(apart) / 5000 < 0.13


def test_photos_come_at_both_sizes_with_what_comes_back(coded: Path, tmp_path: Path) -> None:
    files = names(4, 2)
    write(tmp_path, files)
    write(tmp_path, names(5, 0)[4:], side=48)  # too small to show detail
    found = checkpoint.read(coded)
    generator = found.load_generator()
    result = pairs.load(tmp_path, generator, loading.of_checkpoint(found, generator))
    assert result.photos.shape == (6, 3, LARGE, LARGE)
    assert result.reduced.shape == result.back.shape == (6, 3, SIZE, SIZE)
    assert result.held_out.sum() == 2 and result.blurred == 1
    halved = result.photos.float().reshape(6, 3, SIZE, 2, SIZE, 2).mean((3, 5))
    assert (halved - result.reduced.float()).abs().mean() < 16
    assert not torch.equal(result.back, result.reduced)


@pytest.mark.parametrize(
    ("count", "words"), [((1, 3), "to learn from"), ((4, 1), "to measure with")]
)
def test_too_few_photos_are_refused(
    coded: Path, tmp_path: Path, count: tuple[int, int], words: str
) -> None:
    write(tmp_path, names(*count))
    found = checkpoint.read(coded)
    generator = found.load_generator()
    with pytest.raises(DataError, match=words):
        pairs.load(tmp_path, generator, loading.of_checkpoint(found, generator))


def test_crops_are_of_one_place_and_of_no_photo_held_out(made: pairs.Pairs) -> None:
    # Photos of one colour each, by which they are known again; all in one place.
    photos = torch.arange(10, dtype=torch.uint8)[:, None, None, None] * 20
    flat = pairs.Pairs(
        *(photos.expand(10, 3, side, side) for side in (LARGE, SIZE, SIZE)), made.held_out
    )
    crops = pairs.Crops(flat, 64, 16, torch.Generator().manual_seed(0))
    pictures, larger = crops.draw()
    assert pictures.shape == (64, 3, 16, 16) and larger.shape == (64, 3, 32, 32)
    levels = ((larger[:, 0, 0, 0] + 1) * 127.5 / 20).round()
    assert set(levels.tolist()) == set(range(8))
    assert (pictures.mean((1, 2, 3)) - larger.mean((1, 2, 3))).abs().max() < 0.01
    again = pairs.Crops(flat, 64, 16, torch.Generator().manual_seed(0)).draw()
    assert all(map(torch.equal, again, (pictures, larger)))


# --- learning ----------------------------------------------------------------------------------


def test_the_same_steps_give_the_same_network_interrupted_or_not(
    made: pairs.Pairs, eye: Eye, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "MEASURED_EVERY", 1)
    whole = learn(Lessons(made, eye, CPU, batch=2, seed=3), Length(steps=6))
    assert whole.steps == 6 and all(whole.losses[name] for name in learning.LOSSES)

    class Enough(Exception):
        pass

    def stop(lessons: Lessons) -> None:
        if lessons.steps == 4:  # the critic has begun
            raise Enough

    state = tmp_path / "state.pt"
    first = Lessons(made, eye, CPU, batch=2, seed=3)
    with pytest.raises(Enough):
        learn(first, Length(steps=6), state=state, on_step=stop)
    learning.save(first, state)
    second = Lessons(made, eye, CPU, batch=2, seed=99)
    resumed = learn(second, Length(steps=6), state=state)
    assert resumed.losses == whole.losses
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name


def test_a_state_that_is_none_is_refused(made: pairs.Pairs, eye: Eye, tmp_path: Path) -> None:
    (tmp_path / "state.pt").write_bytes(b"nothing")
    with pytest.raises(learning.LearningError, match="begin anew"):
        learn(Lessons(made, eye, CPU, batch=2), Length(steps=1), state=tmp_path / "state.pt")


def test_minutes_count_and_the_rate_falls() -> None:
    assert Length(minutes=2).done(9, 60) == 0.5
    assert Length(steps=10).done(5, 10**6) == 0.5
    assert learning.fall(0) == learning.fall(0.5) == 1
    assert learning.fall(0.75) < 0.6 and learning.fall(1) == learning.fall(2) < 0.03


def test_pixels_alone_bring_it_nearer(eye: Eye, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "FEATURES_FROM", 2.0)
    # A photo of stripes that Lanczos leaves blurred.
    stripes = torch.where(torch.arange(LARGE) // 3 % 2 == 0, 60, 200).to(torch.uint8)
    photos = stripes.expand(6, 3, LARGE, LARGE).contiguous()
    small = photos.float().reshape(6, 3, SIZE, 2, SIZE, 2).mean((3, 5)).to(torch.uint8)
    made = pairs.Pairs(photos, small, small, torch.arange(6) >= 4)
    learnt = learn(Lessons(made, eye, CPU, batch=4), Length(steps=200))
    found = measuring.measure(made, enlarging.Detail(learnt.network, {}))
    assert found["photos"] == 2
    assert found["detail"]["pixels"] < 0.9 * found["lanczos"]["pixels"]


# --- the command -------------------------------------------------------------------------------


def test_the_command_writes_what_the_studio_reads(
    coded: Path,
    large: Path,
    lite0: Path,
    feature_weights: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    out = tmp_path / "made" / "detail"
    asked = ["detail", "--data", str(large), "--start", str(coded), "--out", str(out)]
    weights = ["--feature-weights", str(lite0), "--measure-weights", str(feature_weights)]
    assert main([*asked, *weights, "--steps", "2", "--batch", "2", "--device", "cpu"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["photos"] == 2 and told["lanczos"].keys() == {"pixels", "features", "frechet"}
    assert FeatureNetwork.name in told["protocol"]
    found = enlarging.load(out)
    assert found.card["training"]["steps"] == 2 and found.card["training"]["start"] == "coded"
    assert found.card["data"]["images"] == 8 and found.card["quality"]["photos"] == 2
    assert list(out.parent.iterdir()) == [out]  # nothing to go on with is left
    assert found(Image.new("RGB", (32, 32))).size == (64, 64)


def test_the_command_needs_a_codec(
    large: Path, lite0: Path, checkpoints: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    asked = ["detail", "--data", str(large), "--out", str(tmp_path / "out")]
    asked += ["--feature-weights", str(lite0), "--start"]
    assert main([*asked, str(checkpoints / "colour")]) == 1
    assert "has no codec" in capsys.readouterr().err
    assert main([*asked, str(tmp_path)]) == 1
    assert "no checkpoint" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
