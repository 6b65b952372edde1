"""The endpoints of the training page over HTTP: who may call them, and what reaches the service."""

from __future__ import annotations

import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from gradio_client import Client

from studio import exports
from studio.errors import UserError
from studio.render import Renderer
from studio.ui import training as tab
from studio.ui.page import build, launch_settings
from studio.ui.training import Access
from train.page.service import Service
from train.page.uploads import Limits
from train.places.machine import Machine

PASSWORD = "Schlüssel – 鍵"
LIMIT = exports.MAX_BYTES + 2**20
ENDPOINTS = {
    "home": [],
    "new_upload": [],
    "add_files": ["data", []],
    "check": ["data", "recipe", "start", "auto"],
    "times": ["recipe", "start", 100],
    "defaults": ["recipe", "start", 100],
    "start": [{"data": "data"}],
    "watch": ["run", -1],
    "frame": ["run", 3],
    "ask": ["run", "stop"],
    "open": ["run"],
    "rename": ["run", "title"],
    "delete": ["run"],
    "download": ["run"],
    "slice": ["run"],
}
Ask = Callable[..., Any]


class StandIn:
    """A service that notes what it is asked, and answers with that."""

    limits = Limits(bytes=LIMIT)

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in ENDPOINTS:
            raise AttributeError(name)

        def answer(*arguments: Any) -> Any:
            self.asked.append((name, *arguments))
            if name == "delete":
                raise UserError("This one stays.")
            return (b"a zip", "bags.zip") if name == "download" else {"answer": name}

        return answer


@contextmanager
def served(renderer: Renderer, service: Any, access: Access, folder: Path) -> Iterator[str]:
    """The address of a page with this service behind it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        page = build(renderer, service, access)
        page.launch(
            server_name="127.0.0.1",
            server_port=port,
            prevent_thread_lock=True,
            quiet=True,
            **launch_settings(renderer, service, access),
        )
        yield f"http://127.0.0.1:{port}"
        page.close(verbose=False)


def post(address: str, data: bytes, headers: dict[str, str]) -> Any:
    request = urllib.request.Request(f"{address}", data, headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def ask(address: str, name: str, *data: Any, password: str = "") -> Any:
    """An endpoint's answer, or (status, text) of its refusal."""
    headers = {"Content-Type": "application/json"}
    if password:
        headers[tab.HEADER] = quote(password)
    body = json.dumps({"data": data}).encode()
    answer = post(f"{address}/gradio_api/run/training_{name}", body, headers)
    return answer["data"][0] if isinstance(answer, dict) else answer


def upload(address: str, content: bytes, password: str = "") -> Any:
    """The path of a file that was uploaded, or (status, text)."""
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="0.jpg"\r\n\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=x", tab.HEADER: quote(password)}
    answer = post(f"{address}/gradio_api/upload", head + content + b"\r\n--x--\r\n", kind)
    return answer[0] if isinstance(answer, list) else answer


def sentence(refusal: Any) -> str:
    status, text = refusal
    assert status == 500
    return json.loads(text)["error"]


@pytest.fixture(scope="module")
def service() -> StandIn:
    return StandIn()


@pytest.fixture(scope="module")
def open_page(
    renderer: Renderer, service: StandIn, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a page where everybody may train."""
    with served(renderer, service, Access(), tmp_path_factory.mktemp("served")) as address:
        yield address


@pytest.fixture(scope="module")
def guarded_page(
    renderer: Renderer, service: StandIn, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a page where those may train who know the password."""
    access = Access(password=PASSWORD)
    with served(renderer, service, access, tmp_path_factory.mktemp("guarded")) as address:
        yield address


@pytest.fixture(scope="module")
def closed_page(
    renderer: Renderer, service: StandIn, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a page where nobody may train."""
    access = Access(on=False, password=PASSWORD)
    with served(renderer, service, access, tmp_path_factory.mktemp("closed")) as address:
        yield address


# --- what reaches the service ------------------------------------------------------------------


@pytest.mark.parametrize(("name", "data"), ENDPOINTS.items(), ids=ENDPOINTS)
def test_each_endpoint_asks_the_service(
    open_page: str, service: StandIn, name: str, data: list[Any]
) -> None:
    service.asked.clear()
    answer = ask(open_page, name, *data)
    assert service.asked == [(name, *data)]
    if name == "delete":
        assert sentence(answer) == "This one stays."
    elif name == "download":
        assert answer["orig_name"] == "bags.zip"
        with urllib.request.urlopen(answer["url"], timeout=60) as file:
            assert file.read() == b"a zip"
    elif name == "home":
        assert answer == {"allowed": "yes", "sentence": "", "answer": "home"}
    else:
        assert answer == {"answer": name}


def test_a_program_finds_them(open_page: str) -> None:
    client = Client(open_page, verbose=False, analytics_enabled=False)
    found = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert {f"/training_{name}" for name in ENDPOINTS} <= set(found)
    names = [each["parameter_name"] for each in found["/training_watch"]["parameters"]]
    assert names == ["run", "since_step"]  # the request is nobody's to give


def test_without_a_service_there_are_none(renderer: Renderer) -> None:
    for page, expected in ((build(renderer), 0), (build(renderer, StandIn()), len(ENDPOINTS))):
        names = [each.get("api_name") or "" for each in page.config["dependencies"]]
        assert sum(str(name).startswith(tab.PREFIX) for name in names) == expected
        tabs = [each["props"].get("label") for each in page.config["components"]]
        assert ("Train on my photos" in tabs) == bool(expected)


@pytest.mark.parametrize("name", sorted(set(ENDPOINTS) - {"home", "new_upload"}))
def test_missing_arguments_show_no_innards(open_page: str, name: str) -> None:
    status, text = ask(open_page, name)
    assert status >= 400 and "Traceback" not in text and "site-packages" not in text


# --- files -------------------------------------------------------------------------------------


def test_uploaded_files_reach_the_service_with_their_names(
    open_page: str, service: StandIn
) -> None:
    path = upload(open_page, b"a photo")
    service.asked.clear()
    assert ask(open_page, "add_files", "data", [{"path": path, "name": "Bags/a ☂.jpg"}])
    ((_, data, files),) = service.asked
    assert data == "data" and files == [(Path(path).resolve(), "Bags/a ☂.jpg")]
    assert files[0][0].read_bytes() == b"a photo"


@pytest.mark.parametrize(
    "file",
    [
        {"path": "/etc/passwd", "name": "a.jpg"},
        {"path": "../" * 20 + "etc/passwd", "name": "a.jpg"},
        {"path": "a\0b", "name": "a.jpg"},
        {"path": 7, "name": "a.jpg"},
        {"name": "a.jpg"},
        {"path": "/etc/passwd"},
        {"path": "/etc/passwd", "name": 7},
        "/etc/passwd",
        None,
    ],
    ids=str,
)
def test_only_uploaded_files_are_taken(open_page: str, service: StandIn, file: Any) -> None:
    service.asked.clear()
    refused = sentence(ask(open_page, "add_files", "data", [file]))
    assert refused in ("Upload the photos first.", "Each file needs a path and a name.")
    assert service.asked == []


def test_a_zip_may_be_larger_than_a_picture(open_page: str) -> None:
    assert isinstance(upload(open_page, bytes(exports.MAX_BYTES + 1)), str)
    assert upload(open_page, bytes(LIMIT + 1))[0] == 413


def test_a_picture_may_not(open_page: str) -> None:
    path = upload(open_page, bytes(exports.MAX_BYTES + 1))
    body = json.dumps({"data": [{"path": path, "meta": {"_type": "gradio.FileData"}}]}).encode()
    kind = {"Content-Type": "application/json"}
    refused = sentence(post(f"{open_page}/gradio_api/run/open_picture", body, kind))
    assert refused == "This file is too large to be a picture from here."


def test_where_nobody_may_train_no_zip_is_taken(closed_page: str) -> None:
    assert upload(closed_page, bytes(exports.MAX_BYTES + 1))[0] == 413


# --- who may -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(set(ENDPOINTS) - {"home"}))
def test_a_password_opens_every_endpoint_and_nothing_else_does(
    guarded_page: str, service: StandIn, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(tab, "WRONG_SECONDS", 0.0)
    service.asked.clear()
    data = ENDPOINTS[name]
    assert sentence(ask(guarded_page, name, *data)) == tab.ASK
    for wrong in (PASSWORD[:-1], PASSWORD + " ", PASSWORD.upper(), "%"):
        assert sentence(ask(guarded_page, name, *data, password=wrong)) == tab.WRONG
    assert service.asked == []
    ask(guarded_page, name, *data, password=PASSWORD)
    assert service.asked == [(name, *data)]


def test_home_asks_for_the_password(guarded_page: str) -> None:
    assert ask(guarded_page, "home") == {"allowed": "password", "sentence": tab.ASK}
    begin = time.monotonic()
    wrong = ask(guarded_page, "home", password="wrong")
    assert wrong == {"allowed": "password", "sentence": tab.WRONG}
    assert time.monotonic() - begin >= tab.WRONG_SECONDS
    assert ask(guarded_page, "home", password=PASSWORD)["allowed"] == "yes"


@pytest.mark.parametrize("name", sorted(set(ENDPOINTS) - {"home"}))
def test_where_training_is_off_everything_is_refused(
    closed_page: str, service: StandIn, name: str
) -> None:
    service.asked.clear()
    assert sentence(ask(closed_page, name, *ENDPOINTS[name], password=PASSWORD)) == tab.OFF
    assert service.asked == []


def test_home_says_that_it_is_off(closed_page: str) -> None:
    assert ask(closed_page, "home") == {"allowed": "off", "sentence": tab.OFF}


def test_only_those_who_may_train_send_much(
    guarded_page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tab.exports, "MAX_BYTES", 2000)
    small, large = b"x" * 100, b"x" * 5000
    assert isinstance(upload(guarded_page, small), str)  # a picture to open its design
    for wrong in ("", "wrong"):
        status, text = upload(guarded_page, large, wrong)
        assert (status, json.loads(text)) == (403, {"error": tab.ASK})
    assert isinstance(upload(guarded_page, large, PASSWORD), str)


def test_a_password_is_never_shown() -> None:
    assert PASSWORD not in repr(Access(password=PASSWORD))


# --- with a real service -----------------------------------------------------------------------


def test_photos_come_through_to_their_check(
    renderer: Renderer,
    checkpoints: Path,
    make_photos: Callable[..., Path],
    tmp_path: Path,
) -> None:
    photos = sorted(make_photos(tmp_path / "photos").iterdir())
    machine = Machine("cpu", "a processor", 0, None, "")
    service = Service(tmp_path / "runs", checkpoints, machine=machine)
    with served(renderer, service, Access(), tmp_path / "served") as address:
        assert ask(address, "home")["allowed"] == "yes"
        data = ask(address, "new_upload")["data"]
        files = [{"path": upload(address, path.read_bytes()), "name": path.name} for path in photos]
        assert ask(address, "add_files", data, files) == {
            "files": 20,
            "bytes": sum(path.stat().st_size for path in photos),
            "refused": [],
        }
        found = ask(address, "check", data, "", "colour", "auto")
        assert found["usable"] and found["images"] == 20
        assert sentence(ask(address, "watch", "nothing", 0)).startswith("There is no training")
        assert sentence(ask(address, "start", "words")).startswith("This is not a wish")
