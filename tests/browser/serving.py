"""The studio's server, as a process of its own that tests start and stop."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

APP = Path(__file__).resolve().parents[2] / "app.py"
START_SECONDS = 120
OWN = ("STUDIO_TRAINING", "STUDIO_MAX_UPLOAD", "STUDIO_ZERO_GPU", "SPACE_", "SPACES_", "HF_TOKEN")


class Server:
    """``python app.py`` in a process of its own, which can be stopped and started again."""

    def __init__(self, checkpoints: Path, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "server.log"
        self.runs = folder / "runs"
        self.command = [
            *(sys.executable, APP, "--host", "127.0.0.1", "--port", str(self.port)),
            *("--checkpoints", checkpoints, "--runs", self.runs),
        ]
        # What a machine is set up for must not decide what a test sees.
        plain = {name: v for name, v in os.environ.items() if not name.startswith(OWN)}
        self.environment = {
            **plain,
            "GRADIO_ANALYTICS_ENABLED": "False",
            "HF_HUB_OFFLINE": "1",
            "GRADIO_TEMP_DIR": str(folder / "served"),
            "OMP_NUM_THREADS": "1",
        }
        self.process: subprocess.Popen | None = None

    def start(self) -> Server:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=self.environment, stdout=log, stderr=subprocess.STDOUT
            )
        return self

    def wait(self) -> Server:
        """Wait until it answers."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            with suppress(OSError), urllib.request.urlopen(self.url, timeout=START_SECONDS):
                return self
            time.sleep(0.05)
        pytest.fail(f"The server did not start:\n{self.log.read_text()}")

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def end_trainings(self) -> None:
        """End the trainings of its runs at once, as they outlive the server."""
        for process in psutil.process_iter(["cmdline"]):
            own = process.pid == self.process.pid  # the server, which names the folder, too
            if not own and any(str(self.runs) in w for w in process.info["cmdline"] or ()):
                with suppress(psutil.Error):
                    process.kill()


def remove(folder: Path) -> None:
    """Remove a folder that a server may be writing to."""
    if folder.exists():
        doomed = Path(tempfile.mkdtemp(dir=folder.parent))
        # Moved first: what is written into a folder while it is emptied would keep it there.
        os.rename(folder, doomed / folder.name)
        shutil.rmtree(doomed, ignore_errors=True)
