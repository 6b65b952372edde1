"""What documents name is there: files, folders, classes and functions."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "studio" / "ui" / "page"
CODE = [path for package in ("studio", "train") for path in (ROOT / package).rglob("*.py")]
TEXTS = {path: path.read_text(encoding="utf-8") for path in (*CODE, *PAGE.glob("*.js"))}
FILE = re.compile(r"[\w./-]+(\.(py|m?js|ts|md|json|txt)|/)")
# What runs and checkpoints are made of.
OF_RUNS = {"settings.json", "status.json", "words.json", "output.txt", "card.json"}
OF_RUNS |= {"directions.json", "samples/", "checkpoint/", "best/", "start/", "requests/"}
OF_RUNS |= {"snapshots/", "checkpoints/", "runs/"}
# Words in backticks that are no names of code.
VALUES = {"crop", "pad", "cpu"}


def quoted(document: str) -> list[str]:
    """What stands in backticks, outside blocks of code."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))


def is_defined(name: str) -> bool:
    """Whether Python or the page has a function, class or value of that name, or Class.name."""
    *holder, last = name.split(".")
    texts = [text for text in TEXTS.values() if not holder or f"class {holder[0]}" in text]
    python = rf"^\s*(def|class) {last}\b|^ *{last}: |^{last} = "
    page = rf"^export (async )?(function|const|class) {last}\b|^  (async )?{last}\("
    return any(re.search(f"{python}|{page}", text, re.M) for text in texts)


@pytest.mark.parametrize("document", ["CONTRIBUTING.md", "docs/training-for-engineers.md"])
def test_files_in_guides_are_there(document: str) -> None:
    files = {each for each in quoted(document) if FILE.fullmatch(each)} - OF_RUNS
    assert len(files) > 10
    assert not [each for each in files if not any((at / each).exists() for at in (ROOT, PAGE))]


def test_names_in_contributing_are_there() -> None:
    names = {each for each in quoted("CONTRIBUTING.md") if re.fullmatch(r"[A-Za-z_.]+", each)}
    names = {each for each in names if not re.search(r"\.[a-z]{2,5}$", each)}
    assert len(names) > 60
    assert not [each for each in names - VALUES if not is_defined(each.removeprefix("training_"))]


def test_the_map_in_the_readme_shows_what_there_is() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    tree = re.search(r"^```\n(app\.py .*?)^```", text, re.M | re.S)[1]
    top, shown = ROOT, set()
    for line in tree.splitlines():
        name = line[:20].strip()
        if name and not line.startswith(" "):
            place = top = ROOT / name
        elif name:
            place = top / name
        assert place.exists(), line
        shown.add(place)
        for other in re.findall(r"\b[a-z_]+\.py\b", line[20:]):
            assert (place / other).exists() or (place.parent / other).exists(), line
    for package in ("studio", "train"):
        folders = {path.parent for path in (ROOT / package).glob("*/*") if path.suffix == ".py"}
        assert folders <= shown


def test_what_docstrings_refer_to_is_there() -> None:
    for path, text in TEXTS.items():
        for name in re.findall(r":[a-z]+:`~?((?:studio|train)\.[\w.]+)`", text):
            module, rest = name.split("."), []
            while (
                not (at := ROOT.joinpath(*module)).is_dir() and not at.with_suffix(".py").exists()
            ):
                rest.insert(0, module.pop())
            found = import_module(".".join(module))
            for part in rest:
                fields = getattr(found, "__dataclass_fields__", {})
                assert hasattr(found, part) or part in fields, f"{path}: {name}"
                found = getattr(found, part, None)
