"""Train on my photos: the tab, and its endpoints over whatever does the training.

The studio knows nothing of training itself: it is handed a service whose methods take and give
plain JSON (``train.page.service.Service``), and adds who may use it and the files of the browser.
"""

from __future__ import annotations

import hmac
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote

import gradio as gr
from gradio import FileData
from starlette.datastructures import Headers
from starlette.responses import JSONResponse

from studio import exports
from studio.errors import UserError
from studio.ui.api import download, sentences, uploaded_path
from studio.ui.parts import part

PREFIX = "training_"
HEADER = "x-atelier-training"
# What trying passwords costs; a right one costs nothing.
WRONG_SECONDS = 0.5

OFF = "Training is switched off here."
ASK = "Training is behind a password here."
WRONG = "That is not the password."


class Trainer(Protocol):
    """What the page needs of a service; see ``train.page.service.Service`` for what each does."""

    limits: Any

    def home(self) -> dict: ...
    def new_upload(self) -> dict: ...
    def add_files(self, data: str, files: list) -> dict: ...
    def check(self, data: str, recipe: str, start_from: str | None, fit: str) -> dict: ...
    def times(self, recipe: str, start_from: str, images: int) -> dict: ...
    def defaults(self, recipe: str, start_from: str, images: int) -> dict: ...
    def start(self, wish: dict) -> dict: ...
    def watch(self, run: str, since_step: int) -> dict: ...
    def frame(self, run: str, step: int) -> dict: ...
    def ask(self, run: str, what: str) -> dict: ...
    def open(self, run: str) -> dict: ...
    def rename(self, run: str, title: str) -> dict: ...
    def delete(self, run: str) -> dict: ...
    def download(self, run: str) -> tuple[bytes, str]: ...
    def slice(self, run: str) -> dict: ...


@dataclass(frozen=True)
class Access:
    """Who may train: nobody, those who know the password, or, where it is "", everybody."""

    on: bool = True
    password: str = field(default="", repr=False)

    def check(self, request: gr.Request | None) -> None:
        """Let a request pass, or refuse it with a sentence.

        Raises:
            UserError: training is off, or the password is missing or wrong.
        """
        if not self.on:
            raise UserError(OFF)
        given = request.headers.get(HEADER, "") if request else ""
        if self.lets_in(given):
            return
        if not given:
            raise UserError(ASK)
        time.sleep(WRONG_SECONDS)
        raise UserError(WRONG)

    def lets_in(self, given: str) -> bool:
        """Whether someone whose request has this header may train."""
        if not self.on or not self.password:
            return self.on
        # Percent-encoded, as a header holds no letters beyond Latin-1.
        return hmac.compare_digest(unquote(given).encode(), self.password.encode())


class UploadGuard:
    """Lets uploads larger than a picture through only for those who know the password (ASGI).

    Where nobody may train, no upload may be that large at all, whoever sends it.
    """

    def __init__(self, app: Any, access: Access) -> None:
        self.app, self.access = app, access

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].endswith("/gradio_api/upload"):
            headers = Headers(scope=scope)
            length = headers.get("content-length", "")
            # One that doesn't say how long it is may be of any length.
            small = length.isdecimal() and int(length) <= exports.MAX_BYTES
            if not small and not self.access.lets_in(headers.get(HEADER, "")):
                return await JSONResponse({"error": ASK}, status_code=403)(scope, receive, send)
        await self.app(scope, receive, send)


def tab() -> None:
    """Make the tab."""
    with gr.Tab("Train on my photos", id="training", elem_id="training"):
        part("train")


class TrainingAPI:
    """The endpoints over a service. Every method's name is its endpoint's, less the prefix."""

    def __init__(self, service: Trainer, access: Access) -> None:
        self.service, self.access = service, access

    def register(self) -> None:
        """Make the endpoints in the Blocks that is being built."""
        for function in (
            self.home,
            self.new_upload,
            self.add_files,
            self.check,
            self.times,
            self.defaults,
            self.start,
            self.watch,
            self.frame,
            self.ask,
            self.open,
            self.rename,
            self.delete,
            self.download,
            self.slice,
        ):
            gr.api(sentences(function), api_name=PREFIX + function.__name__, queue=False)

    def home(self, request: gr.Request) -> dict:
        """The machine, what can be chosen, and all runs; or why nobody can train here."""
        try:
            self.access.check(request)
        except UserError as error:
            return {"allowed": "password" if self.access.on else "off", "sentence": str(error)}
        return {"allowed": "yes", "sentence": "", **self.service.home()}

    def new_upload(self, request: gr.Request) -> dict:
        """Room for photos: {"data": its id}."""
        self.access.check(request)
        return self.service.new_upload()

    def add_files(self, data: str, files: list, request: gr.Request) -> dict:
        """Put uploaded files, each {"path", "name"}, into the room made for them."""
        self.access.check(request)
        return self.service.add_files(data, [_received(each) for each in files])

    def check(
        self, data: str, recipe: str, start_from: str | None, fit: str, request: gr.Request
    ) -> dict:
        """What is in some photos, in words and pictures."""
        self.access.check(request)
        return self.service.check(data, recipe, start_from, fit)

    def times(self, recipe: str, start_from: str, images: int, request: gr.Request) -> dict:
        """How long a quick look, a good and the best training take here."""
        self.access.check(request)
        return self.service.times(recipe, start_from, images)

    def defaults(self, recipe: str, start_from: str, images: int, request: gr.Request) -> dict:
        """The advanced values that hold until somebody changes them."""
        self.access.check(request)
        return self.service.defaults(recipe, start_from, images)

    def start(self, wish: dict, request: gr.Request) -> dict:
        """Start a training as wished."""
        self.access.check(request)
        return self.service.start(wish)

    def watch(self, run: str, since_step: int, request: gr.Request) -> dict:
        """What a run does now, and its numbers after a step."""
        self.access.check(request)
        return self.service.watch(run, since_step)

    def frame(self, run: str, step: int, request: gr.Request) -> dict:
        """The grid of samples of one step."""
        self.access.check(request)
        return self.service.frame(run, step)

    def ask(self, run: str, what: str, request: gr.Request) -> dict:
        """Have a run stop, save, draw samples or resume."""
        self.access.check(request)
        return self.service.ask(run, what)

    def open(self, run: str, request: gr.Request) -> dict:
        """The generator of a run, with its newest weights."""
        self.access.check(request)
        return self.service.open(run)

    def rename(self, run: str, title: str, request: gr.Request) -> dict:
        """Call a run otherwise."""
        self.access.check(request)
        return self.service.rename(run, title)

    def delete(self, run: str, request: gr.Request) -> dict:
        """Delete a run and the photos that only it needs."""
        self.access.check(request)
        return self.service.delete(run)

    def download(self, run: str, request: gr.Request) -> FileData:
        """A zip of what a run has made."""
        self.access.check(request)
        return download(*self.service.download(run))

    def slice(self, run: str, request: gr.Request) -> dict:
        """Train for one slice, where the GPU is lent in slices."""
        self.access.check(request)
        return self.service.slice(run)


def _received(file: Any) -> tuple[Path, str]:
    """The path of a file that was uploaded here, and its name."""
    if not isinstance(file, dict) or not isinstance(file.get("name"), str):
        raise UserError("Each file needs a path and a name.")
    return uploaded_path(file, "Upload the photos first."), file["name"]
