"""Captions: a metadata.csv beside images, however it was written, and what can't be used of it."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest
from image_files import encode, fill, load, make_zip, plain

from train.data import captions as module
from train.data.archives import LINK, read_side_files
from train.data.captions import FILE, Captions, load_captions, remarks
from train.data.images import DataError

NAMES = ("1.png", "2.png", "3.png")
TABLE = "file_name,text,colour\n1.png,red dress,Red\n2.png,blue shirt,Blue\n3.png,red hat,Red\n"
TEXTS = ("red dress", "blue shirt", "red hat")
GREEK = "file_name,text\n1.png,κόκκινο\n"


def read(
    folder: Path, table: str | bytes, names: tuple[str, ...] = NAMES
) -> tuple[Captions, list[int]]:
    content = table.encode() if isinstance(table, str) else table
    return load_captions(fill(folder, {FILE: content}), names)


def refused(folder: Path, table: str | bytes, match: str) -> None:
    with pytest.raises(DataError, match=match):
        read(folder, table)


# --- folders and zips --------------------------------------------------------------------------


def test_a_folder_and_a_zip_with_and_without_a_wrapping_folder_say_the_same(tmp_path: Path) -> None:
    files = {FILE: TABLE.encode(), **{name: encode(plain()) for name in NAMES}}
    wrapped = {f"bags/{name}": content for name, content in files.items()}
    places = [
        fill(tmp_path / "folder", files),
        make_zip(tmp_path / "plain.zip", files),
        make_zip(tmp_path / "packed.zip", files, zipfile.ZIP_DEFLATED),
        make_zip(tmp_path / "wrapped.zip", wrapped),
    ]
    for place in places:
        found, kept = load_captions(place, load(place).names)
        assert found == Captions(TEXTS, {"colour": ("Red", "Blue", "Red")})
        assert kept == [0, 1, 2]


def test_a_table_beside_a_wrapping_folder_names_what_is_in_it(tmp_path: Path) -> None:
    files = {FILE: b"file_name,text\nbags/1.png,red\n", "bags/1.png": encode(plain())}
    place = make_zip(tmp_path / "a.zip", files)
    assert load_captions(place, load(place).names)[0].texts == ("red",)


def test_every_first_level_folder_may_have_its_own_table(tmp_path: Path) -> None:
    tables = {
        f"red/{FILE}": b"file_name,text,colour\n1.png,red dress,Red\n",
        f"blue/{FILE}": b"file_name,text\n./1.png,blue dress\n",
        f"red/deep/{FILE}": b"file_name,text\n2.png,not read\n",
        f".hidden/{FILE}": b"file_name,text\n1.png,not read\n",
    }
    names = ("blue/1.png", "red/1.png")
    for place in (fill(tmp_path / "folder", tables), make_zip(tmp_path / "a.zip", tables)):
        found, kept = load_captions(place, names)
        assert found == Captions(("blue dress", "red dress"), {"colour": ("", "Red")})
        assert kept == [0, 1]


def test_an_image_does_not_get_the_caption_of_its_namesake(tmp_path: Path) -> None:
    found, kept = read(tmp_path, "file_name,text\nred/1.png,red\n", ("1.png", "red/1.png"))
    assert (found.texts, kept) == (("red",), [1])
    assert found.problems == ("1 image has no caption and won't be used: 1.png.",)


def test_backslashes_lead_into_folders_too(tmp_path: Path) -> None:
    assert read(tmp_path, "file_name,text\nred\\1.png,red\n", ("red/1.png",))[1] == [0]


def test_a_folder_that_is_given_as_a_link_is_read(tmp_path: Path) -> None:
    fill(tmp_path / "folder", {FILE: TABLE.encode()})
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    assert load_captions(tmp_path / "link", NAMES)[0].texts == TEXTS


@pytest.mark.parametrize("linked", [FILE, "inner"])
def test_links_are_not_followed(tmp_path: Path, linked: str) -> None:
    secret = fill(tmp_path / "elsewhere", {FILE: TABLE.encode()})
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / linked).symlink_to(secret / FILE if linked == FILE else secret)
    assert read_side_files(tmp_path / "data", FILE, 1000) == []
    with pytest.raises(DataError, match="has no captions"):
        load_captions(tmp_path / "data", NAMES)


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo(FILE)
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/hostname")
    with pytest.raises(DataError, match=LINK):
        load_captions(tmp_path / "a.zip", NAMES)


def test_a_table_that_is_too_large_is_refused(tmp_path: Path) -> None:
    folder = fill(tmp_path / "folder", {FILE: TABLE.encode()})
    for place in (folder, make_zip(tmp_path / "a.zip", {FILE: TABLE.encode()})):
        assert read_side_files(place, FILE, len(TABLE)) == [("", TABLE.encode())]
        with pytest.raises(DataError, match="too large"):
            read_side_files(place, FILE, len(TABLE) - 1)


def test_a_damaged_table_in_a_zip_is_a_sentence(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {FILE: TABLE.encode()})
    path.write_bytes(path.read_bytes().replace(b"red dress", b"RED dress"))
    with pytest.raises(DataError, match=rf"{FILE} in .*a\.zip is damaged"):
        load_captions(path, NAMES)


# --- columns and encodings ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "head", ["file_name,text", "file,caption", "filename,text", " File_Name , Caption "]
)
def test_columns_go_by_several_names(tmp_path: Path, head: str) -> None:
    assert read(tmp_path, f"{head}\n1.png,red dress\n")[0] == read(
        tmp_path, "text,file_name\nred dress,1.png\n"
    )[0]  # fmt: skip


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_commas_semicolons_and_tabs_divide_columns(tmp_path: Path, mark: str, end: str) -> None:
    table = TABLE.replace(",", mark).replace("\n", end)
    found, kept = read(tmp_path, table)
    assert (found.texts, kept) == (TEXTS, [0, 1, 2])
    assert found.fields == {"colour": ("Red", "Blue", "Red")}


def test_quoted_texts_may_hold_commas_and_new_lines(tmp_path: Path) -> None:
    table = 'file_name,text\n1.png,"red, with a ""bow""\nand more"\n'
    assert read(tmp_path, table)[0].texts == ('red, with a "bow"\nand more',)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_texts_come_in_the_encodings_of_spreadsheets(tmp_path: Path, encoding: str) -> None:
    table = "file_name,text\n1.png,robe épaulée – €\n"
    assert read(tmp_path, table.encode(encoding))[0].texts == ("robe épaulée – €",)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_any_script_can_be_read(tmp_path: Path, encoding: str) -> None:
    assert read(tmp_path, GREEK.encode(encoding))[0].texts == ("κόκκινο",)


def test_rows_may_be_short_long_or_empty(tmp_path: Path) -> None:
    table = "\nfile_name,text,colour,\n1.png,red\n\n,,,\n2.png,blue,Blue,more,and more\n"
    found, kept = read(tmp_path, table)
    assert found.texts == ("red", "blue") and kept == [0, 1]
    assert found.fields == {"colour": ("", "Blue")}


def test_a_caption_without_an_end_is_cut(tmp_path: Path) -> None:
    (text,) = read(tmp_path, f"file_name,text\n1.png,{'red ' * 9_000}\n")[0].texts
    assert len(text) == module.MAX_CAPTION


# --- what can't be used of it ------------------------------------------------------------------


def test_what_cannot_be_used_is_counted_and_named(tmp_path: Path) -> None:
    rows = ("1.png,red", "1.png,green", "9.png,blue", "8.png,blue", "2.png,", ",grey", ",")
    found, kept = read(tmp_path, "\n".join(("file_name,text,x", *(f"{row},x" for row in rows))))
    assert (found.texts, kept) == (("red",), [0])
    assert found.problems == (
        "2 rows name no image that is there: 9.png, 8.png.",
        "1 row names an image that has a caption already: 1.png.",
        "1 row has no text: 2.png.",
        "2 rows have no file name: grey, nor a text.",
        "2 images have no caption and won't be used: 2.png, 3.png.",
    )


def test_many_are_counted_and_some_named_without_control_characters(tmp_path: Path) -> None:
    rows = "".join(f"\x1b{number}.png,red\n" for number in range(1_200))
    (problem,) = read(tmp_path, f"{TABLE.replace(',colour', '')}{rows}")[0].problems
    assert (
        problem == "1,200 rows name no image that is there: ?0.png, ?1.png, ?2.png and 1,197 more."
    )


def test_without_a_table_it_is_said_what_to_put_where(tmp_path: Path) -> None:
    folder = fill(tmp_path / "folder", {"1.png": encode(plain())})
    for place in (folder, make_zip(tmp_path / "a.zip", {"1.png": encode(plain())})):
        with pytest.raises(DataError, match=rf"no captions: put a {FILE} .* file_name and text"):
            load_captions(place, NAMES)


@pytest.mark.parametrize(
    ("head", "has"),
    [("image,text", "image, text"), ("file_name,label", "file_name, label"), ("", "nothing")],
)
def test_other_columns_are_named(tmp_path: Path, head: str, has: str) -> None:
    refused(tmp_path, f"{head}\n1.png,red\n" if head else "", rf"needs a column .* has {has}\.")


@pytest.mark.parametrize(
    "content",
    [bytes(range(256)) * 8, b"\xff\xfe\x00", GREEK.encode("utf-16-le"), b"\x89PNG\r\n\x1a\n\0\0"],
    ids=["all bytes", "half of UTF-16", "UTF-16 without its mark", "an image"],
)
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    refused(tmp_path, content, "no text in a known encoding; save it as CSV in UTF-8")


def test_a_cell_without_an_end_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, f'file_name,text\n1.png,"{"x" * 200_000}\n', "can't be read as a table")


def test_where_nothing_matches_both_sides_are_named(tmp_path: Path) -> None:
    refused(tmp_path, "file_name,text\na.jpg,red\n", r"names a\.jpg, and the images are 1\.png, 2")
    refused(tmp_path, "file_name,text\n", "names no file, and the images are")


# --- columns as values -------------------------------------------------------------------------


def test_telling_columns_come_first_and_titles_not_at_all() -> None:
    fields = {
        "title": tuple(f"Own {number}" for number in range(12)),
        "season": ("Winter", "", *["Summer"] * 10),
        "type": ("Shirt", *["Dress"] * 11),
        "colour": ("Red",) * 5 + ("Blue",) * 5 + ("Green",) * 2,
    }
    found = Captions(("text",) * 12, fields).values()
    assert found == ["Blue", "Red", "Green", "Dress", "Shirt", "Summer", "Winter"]


def test_only_some_keep_their_own_values() -> None:
    captions = Captions(("a", "b", "c"), {"colour": ("Red", "Blue", "Red")}, ("a problem",))
    assert captions.only([2, 1]) == Captions(
        ("c", "b"), {"colour": ("Red", "Blue")}, ("a problem",)
    )


# --- remarks -----------------------------------------------------------------------------------


def test_captions_are_remarked_on(tmp_path: Path) -> None:
    fill(tmp_path, {FILE: TABLE.encode()})
    ((kind, text),) = remarks(tmp_path, NAMES, wanted=False)
    assert kind == "note" and text.startswith("3 photos have captions.")
    kinds = [kind for kind, _ in remarks(tmp_path, (*NAMES, "4.png"), wanted=True)]
    assert kinds == ["note", "warning"]


def test_captions_that_are_missing_or_broken_matter_where_they_are_wanted(tmp_path: Path) -> None:
    idx = tmp_path / "train-images-idx3-ubyte"
    idx.write_bytes(struct.pack(">4B3I", 0, 0, 8, 3, 1, 2, 2) + bytes(4))
    broken = make_zip(tmp_path / "a.zip", {FILE: TABLE.encode()})
    broken.write_bytes(broken.read_bytes().replace(b"red", b"RED"))
    bare = fill(tmp_path / "bare", {"1.png": b""})
    for place, unwanted in ((idx, []), (bare, []), (broken, ["warning"])):
        assert [kind for kind, _ in remarks(place, NAMES, wanted=False)] == unwanted
        assert [kind for kind, _ in remarks(place, NAMES, wanted=True)] == ["bad"]
