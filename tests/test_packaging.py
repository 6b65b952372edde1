"""One version, and requirements that what is tested, sent and installed agree on."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import studio
import studio.__main__
import train.__main__
from train.rented import hub_jobs, sending

ROOT = Path(__file__).resolve().parents[1]


def needed(file: str) -> dict[str, Requirement]:
    """The requirements in a file, by name."""
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    result = {canonicalize_name(each.name): each for each in found}
    assert len(result) == len(found), f"{file} names something twice"
    return result


def test_constraints_are_exact_and_satisfy_the_requirements() -> None:
    constraints, requirements = needed("constraints.txt"), needed("requirements.txt")
    assert set(requirements) <= set(constraints)
    for name, each in constraints.items():
        (only,) = each.specifier
        assert only.operator == "==" and not each.url and not each.marker, name
        if name in requirements:
            assert requirements[name].specifier.contains(only.version), name


def test_the_rented_image_satisfies_the_requirements() -> None:
    version = hub_jobs.IMAGE.partition(":")[2].partition("-")[0]
    assert needed("requirements.txt")["torch"].specifier.contains(version)


def app() -> Callable[[], int]:
    spec = importlib.util.spec_from_file_location("app_of_the_test", ROOT / "app.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


@pytest.mark.parametrize("of", [app, lambda: studio.__main__.main, lambda: train.__main__.main])
def test_there_is_one_version(
    of: Callable[[], Callable[[], int]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    main = of()
    monkeypatch.setattr(sys, "argv", ["atelier", "--version"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"atelier {studio.__version__}\n"


def test_the_changelog_begins_with_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## ([\d.]+)", text, re.MULTILINE)
    assert versions[0] == studio.__version__
    assert versions == sorted(versions, key=Version, reverse=True)


def test_what_is_sent_is_known_without_a_clone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = {Requirement(each).name for each in sending.requirements()}
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    tests = lines.index("# Tests")  # where setup.py divides it
    extra = [f'{line}; extra == "tests"' for line in lines[tests + 1 :]]
    installed = [line for line in lines[:tests] if line and not line.startswith("#")] + extra
    monkeypatch.setattr(metadata, "requires", {"atelier": installed}.get)
    monkeypatch.setattr(sending, "HOME", tmp_path)
    assert {Requirement(each).name for each in sending.requirements()} == here
    assert not list(sending.program())
