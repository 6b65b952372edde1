"""Settings of the training page: from the environment, checked before anything is served."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest

from studio import settings
from studio.errors import UserError

APP = Path(__file__).resolve().parents[2] / "app.py"


def options(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    settings.add_training(parser)
    return parser.parse_args(arguments)


def test_training_is_on_unless_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STUDIO_TRAINING", raising=False)
    assert options().training == "on"
    monkeypatch.setenv("STUDIO_TRAINING", "off")
    assert options().training == "off"
    assert options("--training", "on").training == "on"


def test_a_setting_that_is_neither_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_TRAINING", "no")
    with pytest.raises(UserError, match=r"^\$STUDIO_TRAINING is on or off, not 'no'\.$"):
        options()


def test_the_password_is_the_environments_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.delenv("STUDIO_TRAINING_PASSWORD", raising=False)
    assert settings.training_password() == ""
    monkeypatch.setenv("STUDIO_TRAINING_PASSWORD", "secret")
    assert settings.training_password() == "secret"
    assert "secret" not in str(options())
    with pytest.raises(SystemExit):
        options("--help")
    assert "secret" not in capsys.readouterr().out


def test_the_limits_of_an_upload(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STUDIO_MAX_UPLOAD_MB", "STUDIO_MAX_UPLOAD_FILES"):
        monkeypatch.delenv(name, raising=False)
    assert settings.upload_limits() == (2 * 2**30, 20_000)
    monkeypatch.setenv("STUDIO_MAX_UPLOAD_MB", "5")
    monkeypatch.setenv("STUDIO_MAX_UPLOAD_FILES", "7")
    assert settings.upload_limits() == (5 * 2**20, 7)


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "many", "٣", str(2**31), "1e3"])
def test_a_limit_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("STUDIO_MAX_UPLOAD_MB", text)
    with pytest.raises(UserError, match=r"STUDIO_MAX_UPLOAD_MB is a whole number from 1"):
        settings.upload_limits()


def test_on_a_space_that_lends_its_gpu_its_package_comes_first(tmp_path: Path) -> None:
    """The stand-in ends the program at once: with 7 if it came before torch, else with 8."""
    (tmp_path / "spaces.py").write_text("import sys\nsys.exit(7 + ('torch' in sys.modules))\n")
    environment = {**os.environ, "SPACES_ZERO_GPU": "true", "PYTHONPATH": str(tmp_path)}
    ended = subprocess.run([sys.executable, str(APP)], env=environment, timeout=120)
    assert ended.returncode == 7
