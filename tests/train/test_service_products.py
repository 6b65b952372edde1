"""Photos of products, learnt from a generator that has codes for them."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from photo_parts import ENCODERS, SIZE, made
from PIL import Image
from product_photos import noisy, photos
from service_parts import ONE_CPU, send

from studio import checkpoint
from studio.checkpoint import Checkpoint
from studio.errors import UserError
from studio.inversion import loading
from train.looking.health import Health, HealthCheck
from train.page import offers
from train.page.service import Service
from train.runs.run import LOOKS, Run
from train.work import live
from train.work.worker import Options, work


@pytest.fixture
def checkpoints(tmp_path: Path, make_checkpoint: Callable[..., Checkpoint]) -> Path:
    """A generator that games bring forth, which comes first, and one that has codes."""
    root = tmp_path / "checkpoints"
    make_checkpoint(root / "colour", order=1)
    generator = made(classes=2)
    with torch.no_grad():
        generator.synthesis.centre += 0.01  # so styles are known, and a flow of them
        generator.flow.deviation.fill_(0.9)
    encoders = loading.build(ENCODERS, generator)
    card = {
        "title": "Coded",
        "order": 2,
        "recipe": "coded",
        "classes": ["dress", "skirt"],
        "encoders": ENCODERS,
    }
    checkpoint.save(
        root / "coded", generator, None, card, Image.new("RGB", (8, 8)), encoders=encoders
    )
    return root


@pytest.fixture
def service(tmp_path: Path, checkpoints: Path, begun: list) -> Service:
    return Service(tmp_path / "runs", checkpoints, machine=ONE_CPU)


def pixels(found: dict) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(found["preview"]))).convert("RGB"))


def test_products_are_trimmed_for_the_generator_that_has_codes(
    service: Service, tmp_path: Path
) -> None:
    data = send(service, photos(tmp_path / "bags", width=60, height=96))
    found = service.check(data, "", None, "auto")
    assert (found["suggested_start"], found["fit"], found["products"]) == ("coded", "trim", 20)
    assert found["preview_size"] == SIZE and "middle of a square" in found["fit_reason"]
    first = pixels(found)[:SIZE, :SIZE].astype(int)
    assert (first[0, 0] == 240).all()  # the ground of the photos that it knows
    rows = (np.abs(first - 240).max(2) > 20).any(1).nonzero()[0]
    assert rows[-1] - rows[0] + 1 == pytest.approx(0.89 * SIZE, abs=2)
    said = " ".join(each["text"] for each in found["sentences"])
    assert "20 photos will do" in said and "from nothing" not in said
    # Who chooses otherwise is heard.
    assert service.check(data, "", None, "pad")["fit"] == "pad"
    nothing = service.check(data, "", "", "auto")
    assert (nothing["suggested_start"], nothing["fit"]) == ("coded", "pad")


def test_what_is_no_product_has_another_start(service: Service, tmp_path: Path) -> None:
    folder = tmp_path / "scenes"
    folder.mkdir()
    for seed in range(16):
        noisy(seed).save(folder / f"{seed:02d}.png")
    found = service.check(send(service, folder), "", None, "auto")
    assert (found["suggested_start"], found["products"]) == ("colour", 0)


def test_it_learns_which_codes_the_photos_have(
    service: Service, tmp_path: Path, quick_export: None
) -> None:
    data = send(service, photos(tmp_path / "bags"))
    values = service.defaults("", "coded", 20)
    assert (values["teachers"], values["recipe"], values["augment"]) == ("flow", "coded", "")
    assert [name for name, _ in values["choices"]["teachers"]] == ["flow", "styles,flow"]
    with pytest.raises(UserError, match="What it learns from is one of"):
        service.start({"data": data, "start_from": "coded", "advanced": {"teachers": "game"}})

    wish = {"data": data, "start_from": "coded", "fit": "trim", "advanced": {"kimg": 0.3}}
    run = Run.open(service.root / service.start(wish)["id"])
    assert (run.settings.fit, run.settings.ground) == ("trim", 240)
    assert work(run, Options.of(run, device="cpu")) == "finished"
    old, new = service.shipped / "coded", run.folder / "checkpoint"
    before, after = (checkpoint.read(each).load_generator().state_dict() for each in (old, new))
    kept = [name for name in after if not name.startswith("flow.")]
    assert all(torch.equal(before[name], after[name]) for name in kept)
    assert not torch.equal(before["flow.leave.weight"], after["flow.leave.weight"])
    assert loading.takes_photos(checkpoint.read(new))
    # What it began from was looked at too.
    looks = run.lines(LOOKS)
    assert looks[0]["images_shown"] == 0 and len(looks) >= 2
    assert looks[0]["verdict"] == "starting" and "what it began from" in looks[0]["sentence"]


def test_where_it_was_clearly_better_what_it_began_from_is_kept(
    service: Service,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    quick_export: None,
) -> None:
    distances = iter([5.0, 9.0, 9.0, 9.0])

    class Worsening:
        floor = 1.0

        def __init__(self, *given: object, **settings: object) -> None:
            pass

        def __call__(self, drawn: torch.Tensor) -> float:
            return next(distances)

    monkeypatch.setattr(live, "SlicedWasserstein", Worsening)
    data = send(service, photos(tmp_path / "bags"))
    wish = {"data": data, "start_from": "coded", "fit": "trim", "advanced": {"kimg": 0.3}}
    run = Run.open(service.root / service.start(wish)["id"])
    work(run, Options.of(run, device="cpu"))
    found = checkpoint.read(run.folder / "checkpoint")
    assert found.card["training"]["images_shown"] == 0
    assert run.status().notes == (live.NO_BETTER,)


def test_moments_that_copy_photos_are_not_the_best(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick_export: None
) -> None:
    distances = iter([5.0, 1.0, 1.0, 1.0])

    class Nearing:
        floor = 1.0

        def __init__(self, *given: object, **settings: object) -> None:
            pass

        def __call__(self, drawn: torch.Tensor) -> float:
            return next(distances)

    examine = HealthCheck.examine

    def copying(self: HealthCheck, samples: torch.Tensor, numbers: dict, history: list) -> Health:
        found = examine(self, samples, numbers, history)
        return replace(found, finding="copying") if numbers["images_shown"] else found

    monkeypatch.setattr(live, "SlicedWasserstein", Nearing)
    monkeypatch.setattr(HealthCheck, "examine", copying)
    data = send(service, photos(tmp_path / "bags"))
    wish = {"data": data, "start_from": "coded", "fit": "trim", "advanced": {"kimg": 0.3}}
    run = Run.open(service.root / service.start(wish)["id"])
    work(run, Options.of(run, device="cpu"))
    assert run.status().best == {"distance": 5.0, "images_shown": 0}
    assert checkpoint.read(run.folder / "checkpoint").card["training"]["images_shown"] == 0


@pytest.mark.parametrize(
    ("images", "kimg"), [(16, [10, 15, 30]), (120, [10, 30, 60]), (10**6, [10, 240, 960])]
)
def test_few_photos_are_not_shown_until_they_are_copied(
    service: Service, images: int, kimg: list[int]
) -> None:
    start = checkpoint.read(service.shipped / "coded")
    assert [each["kimg"] for each in offers.lengths(images, start)] == kimg
