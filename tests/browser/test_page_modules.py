"""The page's modules by themselves, in node."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from studio.ui.runtime import FOLDER, RUNTIME

TESTS = Path(__file__).parents[1] / "page"


def test_they_pass_their_own_tests() -> None:
    node = shutil.which("node")
    if node is None or not (FOLDER / RUNTIME).is_dir():
        missing = "node, and `npm ci` in studio/ui/page, are needed."
        if os.environ.get("STUDIO_REQUIRE_BROWSER") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    files = sorted(map(str, TESTS.glob("*.test.mjs")))
    ran = subprocess.run([node, "--test", *files], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stdout
