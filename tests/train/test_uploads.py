"""Photos that people sent: where they go, what is refused, and when they are dropped."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from train.page import uploads
from train.page.uploads import ALONE, FOLDER, GONE, Limits, UploadError, Uploads, name_of, parts

Send = Callable[..., tuple[Path, str]]


@pytest.fixture
def store(tmp_path: Path) -> Uploads:
    return Uploads(tmp_path / "runs", Limits(bytes=1000, files=5))


@pytest.fixture
def send(tmp_path: Path) -> Send:
    """``send(name, content)``: a file that was received, and how its sender called it."""
    count = 0

    def send(name: str, content: bytes = b"photo") -> tuple[Path, str]:
        nonlocal count
        count += 1
        path = tmp_path / f"received-{count}"
        path.write_bytes(content)
        return path, name

    return send


def stored(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


# --- taking photos in --------------------------------------------------------------------------


def test_files_move_in_under_their_names_and_are_counted(store: Uploads, send: Send) -> None:
    upload = store.new()
    first = send("bags/red/one.jpg", b"1")
    assert store.add(upload, [first]) == {"files": 1, "bytes": 1, "refused": []}
    two = [send("bags/two.jpg", b"22"), send("bags/Täschchen ☂.jpg", b"333")]
    assert store.add(upload, two) == {"files": 3, "bytes": 6, "refused": []}
    assert not first[0].exists()
    expected = {"red/one.jpg": b"1", "two.jpg": b"22", "Täschchen ☂.jpg": b"333"}
    assert stored(store.path(upload)) == {f"bags/{name}": each for name, each in expected.items()}
    assert store.name(upload) == "bags"


def test_the_same_name_twice_gets_a_number(store: Uploads, send: Send) -> None:
    upload = store.new()
    store.add(upload, [send("a.jpg", b"1"), send("a.jpg", b"2")])
    store.add(upload, [send("a.jpg", b"3")])
    assert stored(store.path(upload)) == {"a.jpg": b"1", "a (2).jpg": b"2", "a (3).jpg": b"3"}


def test_the_same_received_file_serves_twice(store: Uploads, send: Send) -> None:
    """Gradio keeps files with the same content and name as one."""
    upload = store.new()
    path, _ = send("a.jpg", b"same")
    assert store.add(upload, [(path, "a.jpg"), (path, "b.jpg")])["files"] == 2
    assert store.add(upload, [(path, "c.jpg")]) == {"files": 3, "bytes": 12, "refused": []}
    assert set(stored(store.path(upload)).values()) == {b"same"}


def test_a_file_that_is_gone_is_named(store: Uploads, send: Send, tmp_path: Path) -> None:
    upload = store.new()
    answer = store.add(upload, [(tmp_path / "nothing", "lost.jpg"), send("here.jpg")])
    assert answer["files"] == 1
    assert [name for name, _ in answer["refused"]] == ["lost.jpg"]


def test_a_file_where_a_folder_is_is_named(store: Uploads, send: Send) -> None:
    upload = store.new()
    answer = store.add(upload, [send("a"), send("a/b.jpg")])
    assert [name for name, _ in answer["refused"]] == ["a/b.jpg"]
    assert stored(store.path(upload)) == {"a": b"photo"}


# --- names -------------------------------------------------------------------------------------

NAMES = {
    "../../etc/passwd": ["etc", "passwd"],
    "/etc/passwd": ["etc", "passwd"],
    "..\\..\\windows\\a.jpg": ["windows", "a.jpg"],
    "C:\\photos\\a.jpg": ["C_", "photos", "a.jpg"],
    "a/./b/../c.jpg": ["a", "b", "c.jpg"],
    "a//b.jpg": ["a", "b.jpg"],
    ".hidden.jpg": ["hidden.jpg"],
    "new\nline\x1b[31m.jpg": ["new_line_[31m.jpg"],
    "a\0b.jpg": ["a_b.jpg"],
    "\ud800.jpg": ["_.jpg"],
    "a?*.jpg": ["a__.jpg"],
    "trailing. /x.jpg": ["trailing", "x.jpg"],
    "": ["unnamed"],
    "...": ["unnamed"],
    "a" * 300 + ".jpeg": ["a" * 115 + ".jpeg"],
    "a/" * 50 + "b.jpg": ["a"] * 7 + ["b.jpg"],
}


@pytest.mark.parametrize(("name", "expected"), NAMES.items(), ids=map(ascii, NAMES))
def test_names_are_made_harmless(name: str, expected: list[str]) -> None:
    assert parts(name) == expected


@pytest.mark.parametrize("name", ["../../../out.jpg", "/out.jpg", "\\..\\out.jpg", "\0/..\0"])
def test_no_name_leads_out_of_the_upload(
    store: Uploads, send: Send, tmp_path: Path, name: str
) -> None:
    upload = store.new()
    store.add(upload, [send(name)])
    outside = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(stored(store.path(upload))) == 1
    assert all(store.root / upload in path.parents for path in outside)


def test_what_photos_are_called() -> None:
    assert name_of(["Autumn line.zip"]) == "Autumn line"
    assert name_of(["Bags/a.jpg", "Bags/red/b.jpg"]) == "Bags"
    assert name_of(["Bags/a.jpg", "Shoes/b.jpg"]) == name_of(["a.jpg"]) == name_of([]) == ""


# --- zips --------------------------------------------------------------------------------------


def test_one_zip_is_the_data_itself(store: Uploads, send: Send) -> None:
    upload = store.new()
    assert store.add(upload, [send("line/Autumn.ZIP", b"PK")])["files"] == 1
    assert store.path(upload).read_bytes() == b"PK"
    assert store.path(upload).suffix == ".zip"
    assert store.name(upload) == "Autumn"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["a.jpg"], ["b.zip"]),
        (["a.zip"], ["b.jpg"]),
        (["a.zip"], ["b.zip"]),
        ([], ["b.jpg", "c.zip"]),
        ([], ["b.zip", "c.zip"]),
    ],
)
def test_a_zip_goes_alone(store: Uploads, send: Send, before: list[str], after: list[str]) -> None:
    upload = store.new()
    store.add(upload, [send(name) for name in before])
    files = [send(name) for name in after]
    with pytest.raises(UploadError) as refused:
        store.add(upload, files)
    assert str(refused.value) == ALONE
    assert not any(path.exists() for path, _ in files)
    assert store.add(store.new(), [send("fresh.jpg")])["files"] == 1


# --- limits ------------------------------------------------------------------------------------


def test_an_upload_holds_so_many_files(store: Uploads, send: Send) -> None:
    upload = store.new()
    store.add(upload, [send(f"{n}.jpg") for n in range(4)])
    with pytest.raises(UploadError, match=r"^At most 5 photos can be taken\. Choose fewer\.$"):
        store.add(upload, [send("4.jpg"), send("5.jpg")])
    assert store.add(upload, [send("4.jpg")])["files"] == 5


def test_an_upload_holds_so_many_bytes(tmp_path: Path, send: Send) -> None:
    store = Uploads(tmp_path / "runs", Limits(bytes=3_000_000, files=5))
    upload = store.new()
    store.add(upload, [send("a.jpg", bytes(2_000_000))])
    with pytest.raises(UploadError, match=r"At most 3 MB of photos"):
        store.add(upload, [send("b.jpg", bytes(1_000_001))])
    assert store.add(upload, [send("b.jpg", bytes(1_000_000))])["bytes"] == 3_000_000


def test_a_full_disk_is_told(store: Uploads, send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = store.new()
    usage = shutil.disk_usage(store.root)
    nearly = usage._replace(free=uploads.DISK_RESERVE + 4)
    monkeypatch.setattr(uploads.shutil, "disk_usage", lambda path: nearly)
    assert store.add(upload, [send("a.jpg", b"1234")])["files"] == 1
    with pytest.raises(UploadError, match="disk is nearly full"):
        store.add(upload, [send("b.jpg", b"12345")])
    nearly = usage._replace(free=uploads.DISK_RESERVE - 1)
    with pytest.raises(UploadError, match="disk is nearly full"):
        store.new()


@pytest.mark.parametrize("name", ["", "../x", "0" * 24, "0" * 23 + "/", None, 7, ["a"], "\0" * 24])
def test_an_unknown_upload_is_refused(store: Uploads, send: Send, name: object) -> None:
    for attempt in (lambda: store.add(name, [send("a.jpg")]), lambda: store.path(name)):
        with pytest.raises(UploadError) as refused:
            attempt()
        assert str(refused.value) == GONE


def test_an_empty_upload_is_no_data(store: Uploads) -> None:
    with pytest.raises(UploadError, match="No photos have arrived"):
        store.path(store.new())


# --- dropping ----------------------------------------------------------------------------------


def age(store: Uploads, upload: str, hours: float) -> None:
    then = time.time() - 3600 * hours
    os.utime(store.root / upload / uploads.KNOWN, (then, then))


def test_uploads_that_nobody_uses_are_dropped_after_a_day(store: Uploads, send: Send) -> None:
    old, used, touched, young = (store.new() for _ in range(4))
    for upload in (old, used, touched):
        store.add(upload, [send("a.jpg")])
        age(store, upload, 25)
    age(store, young, 23)
    store.path(touched)
    store.drop_unused({used})
    left = {path.name for path in store.root.iterdir()}
    assert left == {used, touched, young}


def test_unused_uploads_are_looked_for_now_and_then(store: Uploads, send: Send) -> None:
    first = store.new()
    age(store, first, 25)
    store.sweep(set)
    assert not list(store.root.iterdir())
    second = store.new()
    age(store, second, 25)
    store.sweep(lambda: pytest.fail("too soon"))
    assert [path.name for path in store.root.iterdir()] == [second]


def test_the_upload_that_a_path_is_in_is_known(store: Uploads, send: Send) -> None:
    upload = store.new()
    store.add(upload, [send("a.jpg")])
    assert store.holder(str(store.path(upload).resolve())) == upload
    assert store.holder("fashion-mnist") == ""
    assert store.holder(str(store.root.parent / "other")) == ""


@pytest.mark.parametrize("name", ["", ".", "..", "../..", "photos"])
def test_only_an_upload_is_ever_dropped(store: Uploads, name: str) -> None:
    upload = store.new()
    store.drop(name)
    assert (store.root / upload).is_dir() and store.root.name == FOLDER
