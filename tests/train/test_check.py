"""The check before the start: what can be used, sizes, shapes, and what it says about them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from image_files import encode, fill, make_zip, plain
from PIL import ExifTags, Image
from product_photos import GREY, noisy, photos, product
from test_data_idx import fashion

from train.data.archives import DataError
from train.data.check import check
from train.data.images import load_images


def said(report, kind: str) -> list[str]:
    return [text for found, text in report.sentences if found == kind]


# What can be used ---------------------------------------------------------------------------------


def test_good_photos(tmp_path):
    report = check(photos(tmp_path))
    assert report.usable
    assert report.reasons == ()
    assert (report.files, report.images) == (20, 20)
    assert report.names == tuple(f"{n:03d}.png" for n in range(20))
    for nothing in (report.unreadable, report.same, report.alike, report.odd, report.leave_out):
        assert nothing == ()
    assert said(report, "good") == ["20 photos can be used."]
    assert said(report, "bad") == []


@pytest.mark.parametrize("kind", ["folder", "zip", "wrapped zip"])
def test_unreadable_files_are_named_as_a_load_names_them(tmp_path, kind):
    wrap = "shop/" if kind == "wrapped zip" else ""
    files = {f"{wrap}{n}.png": encode(product(n)) for n in range(17)}
    files |= {f"{wrap}broken.jpg": b"", f"{wrap}notes.jpg": b"text"}
    path = fill(tmp_path, files) if kind == "folder" else make_zip(tmp_path / "a.zip", files)
    report = check(path)
    loaded = load_images(path, 64, 3)
    assert report.names == loaded.names
    assert report.unreadable == loaded.skipped
    assert report.unreadable == (("broken.jpg", "empty"), ("notes.jpg", "not an image"))
    assert (report.files, report.images, report.usable) == (19, 17, True)
    assert said(report, "warning")[-1] == (
        "2 files can't be used: broken.jpg (empty), notes.jpg (not an image)."
    )


def test_most_files_unreadable(tmp_path):
    fill(photos(tmp_path), {f"bad-{n:02d}.jpg": b"text" for n in range(30)})
    report = check(tmp_path)
    assert report.usable
    (text,) = [text for text in said(report, "warning") if "file" in text]
    assert text.startswith("Most of the files can't be used, 30 of 50: bad-00.jpg (not an image), ")
    assert text.endswith("and 27 more. Check that they are photos: JPEG, PNG or WebP.")


@pytest.mark.parametrize(
    ("count", "reason"),
    [
        (15, "Only 15 photos can be used, and training needs at least 16."),
        (1, "Only 1 photo can be used, and training needs at least 16."),
    ],
)
def test_below_the_minimum(tmp_path, count, reason):
    report = check(photos(tmp_path, count))
    assert not report.usable
    assert report.reasons == (reason,)
    assert said(report, "bad") == [reason]
    assert said(report, "good") == []
    assert check(tmp_path, minimum=count).usable


def test_copies_do_not_count_towards_the_minimum(tmp_path):
    photos(tmp_path, 15)
    fill(tmp_path, {"copy.png": encode(product(3))})
    report = check(tmp_path)
    assert report.images == 16
    assert report.reasons == (
        "Only 15 different photos can be used, and training needs at least 16.",
    )
    with pytest.raises(DataError):
        load_images(tmp_path, 64, 3, leave_out=frozenset(report.leave_out))


def test_no_file_is_a_photo(tmp_path):
    report = check(fill(tmp_path, {"a.jpg": b"", "b.jpg": b""}))
    assert report.reasons == ("None of the 2 files can be read as a photo.",)
    (tmp_path / "b.jpg").unlink()
    assert check(tmp_path).reasons == ("The only file cannot be read as a photo.",)
    assert check(tmp_path).to_dict()["common_size"] == [0, 0]
    assert check(tmp_path).preview().size == (512, 64)


def test_what_cannot_be_opened_is_a_reason(tmp_path):
    report = check(tmp_path / "nowhere")
    assert not report.usable
    assert report.reasons == (f"There is no file or folder at {tmp_path}/nowhere; check the path.",)
    assert report.thumbnails(["a.png"]) == {}
    (tmp_path / "a.zip").write_bytes(b"PK and no more")
    called = check(tmp_path / "a.zip", called="autumn.zip")
    assert called.reasons == (
        "The zip autumn.zip is broken or incomplete; copy, download or make it again.",
    )
    assert said(called, "bad") == list(called.reasons)


def test_bomb_is_a_reason(tmp_path, monkeypatch):
    monkeypatch.setenv("STUDIO_MAX_ZIP_FILES", "2")
    path = make_zip(tmp_path / "a.zip", {f"{n}.png": b"" for n in range(3)})
    assert "holds 3 files, more than the 2" in check(path).reasons[0]


@pytest.mark.parametrize(
    "options", [{"size": 0}, {"channels": 2}, {"fit": "stretch"}], ids=lambda o: next(iter(o))
)
def test_arguments_out_of_range(tmp_path, options):
    with pytest.raises(ValueError, match=r"Images|The fit"):
        check(tmp_path, **options)


# Few ----------------------------------------------------------------------------------------------


def test_few_photos_and_what_to_start_from(tmp_path):
    photos(tmp_path, 60)
    assert said(check(tmp_path, suggestion="Handbags"), "warning") == [
        "60 photos: it will learn, but it may copy them. Start from Handbags instead of from "
        "nothing."
    ]
    assert said(check(tmp_path), "warning") == [
        "60 photos: it will learn, but it may copy them. More photos would help."
    ]
    fill(tmp_path, {"copy.png": encode(product(3))})
    assert said(check(tmp_path), "warning")[0].startswith("60 photos:")


@pytest.mark.parametrize(("count", "note"), [(199, False), (200, True), (499, True), (500, False)])
def test_not_many_and_enough(tmp_path, count, note):
    photos(tmp_path, count, width=20, height=20)
    report = check(tmp_path, size=8, suggestion="Handbags")
    text = f"{count} photos are few for learning from nothing; starting from Handbags gets further."
    assert (text in said(report, "note")) == note
    assert bool(said(report, "warning")) == (count < 200)


# Sizes and shapes ---------------------------------------------------------------------------------


def test_sizes(tmp_path):
    photos(tmp_path, 17, width=100, height=80)
    fill(
        tmp_path,
        {"small.png": encode(product(90, 50, 40)), "tall.png": encode(product(91, 70, 300))},
    )
    report = check(tmp_path)
    assert report.sizes == (40, 80, 80)
    assert report.common_size == (100, 80)
    assert report.shapes == {"square": 0, "tall": 1, "wide": 18}
    found = report.to_dict()
    assert found["sizes"] == {"smallest": 40, "median": 80, "largest": 80}
    assert found["common_size"] == [100, 80]
    text = "The most common size is 100 × 80 pixels; training sees each photo as 64 × 64."
    assert text in said(report, "note")


def test_sizes_are_of_upright_photos(tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    fill(tmp_path, {f"{n}.png": encode(product(n, 120, 80), exif=exif) for n in range(16)})
    report = check(tmp_path)
    assert report.shapes == {"square": 0, "tall": 16, "wide": 0}
    assert report.common_size == (80, 120)


def test_photos_smaller_than_training_sees_them(tmp_path):
    photos(tmp_path, 20)
    fill(tmp_path, {"tiny.png": encode(product(50, 30, 30))})
    one = "1 photo is smaller than 64 × 64 pixels; enlarging it makes it soft."
    assert one in said(check(tmp_path), "note")
    assert not any("smaller" in text for _, text in check(tmp_path, size=30).sentences)
    many = "21 photos are smaller than 128 × 128 pixels; enlarging them makes them soft."
    assert many in said(check(tmp_path, size=128), "warning")


@pytest.mark.parametrize(
    ("width", "ground", "fit", "reason"),
    [
        (96, (255, 255, 255), "crop", "The photos are square, so they are used whole."),
        (
            93,
            (255, 255, 255),
            "crop",
            "The photos are square or nearly so: some lose a narrow edge.",
        ),
        (
            70,
            (250, 248, 252),
            "pad",
            "20 photos aren't square and have white edges: white is added, so nothing is cut off.",
        ),
        (
            70,
            GREY,
            "crop",
            "20 photos aren't square, and added white would show: only the middle square is used.",
        ),
    ],
)
def test_fit_is_chosen_with_a_reason(tmp_path, width, ground, fit, reason):
    report = check(photos(tmp_path, width=width, height=96, ground=ground))
    assert (report.fit, report.fit_reason) == (fit, reason)
    assert reason in said(report, "note")


def test_only_the_edges_beside_added_white_need_be_white(tmp_path):
    for number in range(20):
        image = product(number, 60, 120)
        image.paste((30, 30, 30), (10, 0, 50, 120))  # from top to bottom
        fill(tmp_path, {f"{number}.png": encode(image)})
    assert check(tmp_path).fit == "pad"


def test_fit_that_was_chosen(tmp_path):
    photos(tmp_path, width=70, height=96)
    pad, crop = (check(tmp_path, fit=fit) for fit in ("pad", "crop"))
    assert (pad.fit, crop.fit) == ("pad", "crop")
    assert pad.fit_reason == (
        "20 photos aren't square: white is added beside the whole photo, as you chose."
    )
    assert crop.fit_reason == (
        "20 photos aren't square: only the middle square is used, as you chose."
    )


# Pictures and JSON --------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("zipped", [False, True])
def test_preview_and_thumbnails_are_what_training_sees(tmp_path, channels, zipped):
    files = {f"w/{n:02d}.png": encode(product(n, 60, 90)) for n in range(20)}
    path = make_zip(tmp_path / "a.zip", files) if zipped else fill(tmp_path, files)
    report = check(path, size=32, channels=channels)
    assert report.fit == "pad"
    loaded = load_images(path, 32, channels, fit="pad")
    assert report.names == loaded.names
    preview = report.preview()
    assert preview.size == (8 * 32, 2 * 32)
    sheet = np.asarray(preview).reshape(64, 256, channels).transpose(2, 0, 1)
    assert np.array_equal(sheet[:, :32, :32], loaded.images[0])
    assert np.array_equal(sheet[:, 32:, -32:], loaded.images[19])
    small = np.asarray(report.thumbnail(report.names[7])).reshape(32, 32, channels)
    assert np.array_equal(small.transpose(2, 0, 1), loaded.images[7])
    assert report.thumbnails(["not there"]) == {}
    with pytest.raises(KeyError):
        report.thumbnail("not there")


def test_preview_of_few_leaves_white(tmp_path):
    preview = np.asarray(check(photos(tmp_path, 3), minimum=1).preview(columns=2))
    assert preview.shape == (128, 128, 3)
    assert (preview[64:, 64:] == 255).all()


def test_preview_leaves_copies_out(tmp_path):
    fill(tmp_path, {f"{n}.png": encode(plain((n % 2 * 200, 0, 0), size=64)) for n in range(6)})
    preview = np.asarray(check(tmp_path, minimum=1).preview())
    assert (preview[:, 128:] == 255).all()


def test_photos_that_went_away(tmp_path):
    report = check(photos(tmp_path / "a"))
    for path in (tmp_path / "a").iterdir():
        path.unlink()
    with pytest.raises(DataError):
        report.preview()


def test_json_has_what_the_page_needs(tmp_path):
    photos(tmp_path)
    fill(tmp_path, {"copy.png": encode(product(3)), "grey.png": encode(noisy(4)), "x.jpg": b""})
    found = json.loads(json.dumps(check(tmp_path).to_dict()))
    assert found["same"] == [["003.png", ["copy.png"]]]
    assert found["leave_out"] == ["copy.png"]
    assert found["unreadable"] == [["x.jpg", "empty"]]
    assert found["odd"][0][0] == "grey.png"
    assert found["sentences"][0] == {"kind": "good", "text": "21 photos can be used."}
    assert set(found) == {
        *("usable", "reasons", "files", "images", "unreadable", "same", "alike", "odd", "sizes"),
        *("common_size", "shapes", "fit", "fit_reason", "leave_out", "sentences", "categories"),
        "products",
    }


def test_idx_files(tmp_path):
    path = fashion(tmp_path)
    report = check(path, channels=1)
    loaded = load_images(path, 64, 1)
    assert report.names == loaded.names
    assert report.common_size == (28, 28)
    thumbnail = report.thumbnail(report.names[5])
    assert np.array_equal(np.asarray(thumbnail), loaded.images[5, 0])
