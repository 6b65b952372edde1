"""Who may train: everybody, those who know a password, or nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
from serving import Server
from visiting import Visitor, Watch, context_of

PASSWORD = "Pässwort 1"  # with a letter that no header may hold


@pytest.fixture
def visit(
    browser: Browser, studio_checkpoints: Path, tmp_path: Path
) -> Iterator[Callable[..., Visitor]]:
    """``visit(**environment)``: a visitor on the training tab of a studio with these settings."""
    servers, visitors = [], []

    def make(**environment: str) -> Visitor:
        servers.append(Server(studio_checkpoints, tmp_path))
        servers[-1].environment |= environment
        url = servers[-1].start().wait().url
        context = context_of(browser)
        visitors.append(Visitor(context, url, Watch(context, url)).open())
        visitors[-1].tab("Train on my photos")
        return visitors[-1]

    yield make
    for each in visitors:
        each.context.close()
    for each in servers:
        each.stop()
    assert not [trouble for each in visitors for trouble in each.watch.wrong]


def words(visitor: Visitor, part: str) -> str:
    """The sentence in a part, once there is one."""
    visitor.find(part).filter(has_text=".").wait_for()
    return visitor.find(part).inner_text()


def refusal(visitor: Visitor, password: str) -> Any:
    """What the studio answers to someone who does not use the page, with a password."""
    answer = visitor.page.request.post(
        f"{visitor.url}/gradio_api/run/training_new_upload",
        data={"data": []},
        headers={"x-atelier-training": password},
    )
    return answer.json().get("error") if answer.status >= 400 else None


def test_a_password_is_asked_for_and_kept_for_the_tab(visit: Callable[..., Visitor]) -> None:
    visitor = visit(STUDIO_TRAINING_PASSWORD=PASSWORD)
    assert "password" in words(visitor, ".at-closed-words")
    assert visitor.find(".at-photos").is_hidden() and visitor.find(".at-watch").is_hidden()
    assert refusal(visitor, "nope")
    field = visitor.find(".at-password-field")
    field.fill("nope")
    field.press("Enter")
    assert "not the password" in words(visitor, ".at-password-wrong")
    assert field.get_attribute("aria-invalid") == "true"
    field.fill(PASSWORD)
    visitor.find(".at-password button").click()
    visitor.find(".at-choose-photos").wait_for()
    assert visitor.find(".at-train-closed").is_hidden()
    visitor.reload()
    visitor.tab("Train on my photos")
    visitor.find(".at-choose-photos").wait_for()


def test_a_studio_that_does_not_train_says_so(visit: Callable[..., Visitor]) -> None:
    visitor = visit(STUDIO_TRAINING="off")
    assert "off" in words(visitor, ".at-closed-words")
    for part in (".at-photos", ".at-watch", ".at-password", ".at-closed-again"):
        assert visitor.find(part).is_hidden()
    assert refusal(visitor, "")
