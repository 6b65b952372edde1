"""The studio's abilities as API endpoints; the page itself uses the same ones.

Each works on plain JSON designs (see :mod:`studio.design`) and answers without a queue. What can't
be done comes back as one sentence.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import os
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import gradio as gr
from gradio import FileData
from gradio.utils import get_upload_folder

from studio import blend, enlarging, exports, pictures
from studio import design as designs_
from studio.checkpoint import Checkpoint, CheckpointError
from studio.design import Design, DesignError, PhotoError
from studio.errors import UserError
from studio.inversion import loading, photos
from studio.render import Renderer
from studio.ui import runtime

MAX_SHEET = 64
MAX_COLLECTION = 500
MAX_NAME = 80
MIN_SIZE, MAX_SIZE = 16, 2048
MAX_STRIP = 16384  # pixels across
# PNG's effort: higher saves a few bytes and costs more time than sending them.
SHEET_COMPRESSION = 3
VARIATION_AMOUNT = 0.3
ANIMATION_SIZE, ANIMATION_FRAMES = 512, 25


class API:
    """The endpoints over one renderer. Every method's name is its endpoint's."""

    def __init__(self, renderer: Renderer) -> None:
        self.renderer = renderer

    def register(self) -> None:
        """Make the endpoints in the Blocks that is being built."""
        for function in (
            self.generators,
            self.sliders,
            self.understand,
            self.places,
            self.network,
            self.render,
            self.sheet,
            self.detailed,
            self.variations,
            self.blend,
            self.blend_strip,
            self.blend_animation,
            self.design_from_photo,
            self.open_picture,
            self.open_link,
            self.link,
            self.collection_zip,
        ):
            gr.api(sentences(function), api_name=function.__name__, queue=False)

    def generators(self) -> list:
        """All generators, in the picker's order: name, title, description, categories and more.

        ``classes`` are the names of the categories in the labels' order; empty if there are none.
        ``words`` tells whether it draws by words, and ``examples`` are texts to offer then;
        ``photos``, whether a design can start from a photo.
        """
        return [
            {
                "name": name,
                "title": each.title,
                "description": each.card.get("description", ""),
                "classes": list(each.classes),
                "words": each.draws_by_words,
                "examples": examples(each),
                "photos": loading.takes_photos(each),
                "data": each.card.get("data", {}),
                "quality": each.card.get("quality", {}),
                "fingerprint": each.fingerprint,
                "cover": each.card.get("cover", 0),
                "first": each.card.get("first", 0),
                "enlargement": each.card.get("enlargement", "lanczos"),
                "truncation": each.card.get("truncation", 1.0),
                "guidance": each.card.get("guidance", 1.0),
            }
            for name, each in self.renderer.checkpoints().items()
        ]

    def sliders(self, generator: str) -> dict:
        """A generator's sliders [low end, high end], its picture size and its fine controls.

        ``apart`` tells whether shape and surface can be blended apart.
        """
        opened = self.renderer.open(generator)
        return {
            "directions": [list(ends) for ends in opened.directions.names],
            "dimensions": opened.space.dimensions,
            "apart": opened.space.apart,
            "size": opened.generator.image_size,
        }

    def understand(self, generator: str, text: str) -> dict:
        """What a generator makes of a text: ``remark`` is a sentence on words it does not know.

        It is empty where all are known, or there are none. ``known`` are the words that count.
        """
        encoder = self.renderer.open(generator).encoder
        if encoder is None:
            raise DesignError("This generator does not draw by words.")
        text = designs_.words(text)
        known = [word for word in encoder.understood(text) if word in encoder.known]
        return {"remark": encoder.remark(text), "known": known}

    def places(self, designs: list) -> list:
        """Where designs of one generator lie, for a page that goes on from there by itself.

        Of each design ``styles``, what its picture is drawn from; ``centre``, what truncation draws
        it towards; and ``deviation``, how far a step of a fine control is: float32 in base64.
        """
        if not 1 <= len(designs) <= MAX_SHEET:
            raise DesignError(f"Ask for the places of 1 to {MAX_SHEET} designs.")
        return [self.renderer.place(designs_.from_dict(each)) for each in designs]

    def network(self, generator: str) -> dict:
        """A generator for the page to draw with by itself, exported now if it never was.

        The file is at /studio-page/network/NAME: ``bytes`` long, with the hash ``sha256``. It draws
        pictures of ``size`` pixels from styles of ``dim`` values; of ``layers`` of them where the
        generator is ``mapped``, of which ``coarse`` decide shapes. Slider n adds row n of
        ``vectors``, float32 in base64, to all layers' styles, one after the other. Truncation is
        ``linear`` in styles, or else has to be placed here. ``runtime`` is where what runs it lies
        here; "" if it does not.
        """
        file, opened = self.renderer.network(generator), self.renderer.open(generator)
        form = {**opened.form, "runtime": runtime.address()}
        return {"sha256": file.sha256, "bytes": file.bytes, **form}

    def render(
        self, design: dict, size: int = exports.EXPORT_SIZE, detail: float | None = None
    ) -> FileData:
        """A PNG of a design, enlarged to about ``size`` pixels, that carries its design.

        A size below the generator's own gives the picture as it is drawn, pixel for pixel. Where
        the generator's ``enlargement`` is "detail", a learnt enlarger makes up what is finer, as
        strongly as ``detail`` says, from 0 to 1; a comment in the PNG tells.
        """
        picture = designs_.from_dict(design)
        data = exports.to_png(self.renderer, picture, checked_size(size), detail)
        return download(data, f"{picture.generator}-{picture.seed}.png")

    def sheet(self, designs: list) -> dict:
        """Designs of one generator side by side at its own size, as one PNG in base64."""
        if not 1 <= len(designs) <= MAX_SHEET:
            raise DesignError(f"A sheet holds 1 to {MAX_SHEET} designs.")
        checked = [designs_.from_dict(each) for each in designs]
        if len({each.generator for each in checked}) > 1:
            raise DesignError("A sheet holds designs of one generator.")
        image = self.renderer.sheet(checked)
        png = pictures.to_png(image, compress_level=SHEET_COMPRESSION)
        return {"png": base64.b64encode(png).decode(), "count": len(checked), "size": image.height}

    def detailed(self, design: dict) -> dict:
        """A design at twice its generator's size, with as much made-up detail as is usual.

        ``png`` is what ``render`` gives, in base64: it leaves no file, as the page asks whenever a
        hand rests. ``size`` is its side. Refused where the generator has no detail.
        """
        picture = designs_.from_dict(design)
        size = 2 * self.renderer.open(picture.generator).generator.image_size
        png = exports.to_png(self.renderer, picture, size, enlarging.STRENGTH)
        return {"png": base64.b64encode(png).decode(), "size": size}

    def variations(self, design: dict, count: int = 8, seed: int = 0) -> list:
        """``count`` close relatives of a design, of its category or words, decided by ``seed``."""
        if not 1 <= count <= MAX_SHEET:
            raise DesignError(f"Ask for 1 to {MAX_SHEET} relatives.")
        checked = designs_.from_dict(design)
        stream = random.Random(designs_.whole(seed, "seed", designs_.MAX_SEED))
        relatives = (
            designs_.variation(checked, stream.randrange(designs_.MAX_SEED), VARIATION_AMOUNT)
            for _ in range(count)
        )
        return [each.to_dict() for each in relatives]

    def blend(self, first: dict, second: dict, amount: float, surface: float | None = None) -> dict:
        """The design ``amount`` (0..1) of the way from the first to the second.

        ``surface`` (0..1) is how far its colours and surface are, where not as far as its shape.
        """
        return blend.blend(*two(first, second), amount, surface).to_dict()

    def blend_strip(
        self,
        first: dict,
        second: dict,
        steps: int = 9,
        size: int = 512,
        surface: float | None = None,
    ) -> FileData:
        """A PNG of ``steps`` designs from the first to the second, side by side.

        Shape and surface go together; with a ``surface`` (0..1), only the shape goes and the
        surface stays there.
        """
        between = blend.steps(*two(first, second), steps, surface)
        strip = blend.strip(self.renderer, between, min(checked_size(size), MAX_STRIP // steps))
        return download(pictures.to_png(strip), "blend-strip.png")

    def blend_animation(self, first: dict, second: dict, surface: float | None = None) -> FileData:
        """A GIF from the first design to the second and back; ``surface`` as for a strip."""
        between = blend.steps(*two(first, second), ANIMATION_FRAMES, surface)
        gif = blend.animation(self.renderer, between, ANIMATION_SIZE)
        return download(gif, "blend.gif")

    def design_from_photo(self, photo: FileData, generator: str, label: int | None = None) -> dict:
        """The design of a photo of one thing, for a generator that takes photos.

        ``label`` is the number of its category; without, the likeliest is taken.
        """
        data = uploaded(photo)
        name = str(dict(photo).get("orig_name") or "")
        if label is not None:
            label = designs_.whole(label, "label", designs_.MAX_LABEL)
        made = photos.from_photo(self.renderer, generator, data, name=name, label=label)
        self.renderer.pixels(made)  # so that what can't be drawn is said now
        return made.to_dict()

    def open_picture(self, picture: FileData) -> dict:
        """The design that a PNG downloaded from here carries."""
        return self.known(exports.from_png(uploaded(picture)))

    def open_link(self, code: str) -> dict:
        """The design of a link's code (what stands after ``?design=``)."""
        return self.known(designs_.from_code(code))

    def link(self, design: dict) -> str:
        """The code of a design, for a link that ends in ``?design=`` and this code."""
        return self.renderer.stamped(designs_.from_dict(design)).to_code()

    def collection_zip(self, kept: list) -> FileData:
        """A zip of PNGs that carry their designs, from a list of {name, design}."""
        if not 1 <= len(kept) <= MAX_COLLECTION:
            raise DesignError(f"A collection to download holds 1 to {MAX_COLLECTION} designs.")
        archive = exports.to_zip(self.renderer, [named(each) for each in kept])
        return download(archive, "designs.zip")

    def known(self, design: Design) -> dict:
        """The design for the page, drawn once so that what can't be drawn is said now.

        ``note`` is a sentence when the weights have changed since the design was made, or when its
        photo is not one for them and is left out.
        """
        note = ""
        try:
            self.renderer.pixels(design)
        except PhotoError as error:
            note, design = f"{error} It is left out.", designs_.without_photos(design)
            self.renderer.pixels(design)
        now = self.renderer.stamped(design)
        if not note and design.fingerprint not in ("", now.fingerprint):
            note = "This generator has been trained anew since, so the picture may look different."
        return {"design": now.to_dict(), "note": note}


def examples(found: Checkpoint) -> list[str]:
    """Texts to offer for a checkpoint; none where it takes no words, or its list is damaged."""
    with suppress(CheckpointError):
        encoder = found.load_words()
        return list(encoder.offers) if encoder else []
    return []


def sentences(function: Callable) -> Callable:
    """Turn the studio's own errors into the sentence that a caller or the page is shown."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except UserError as error:
            raise gr.Error(str(error), print_exception=False) from error
        except TypeError as error:
            raise gr.Error("This request has a part of the wrong type.") from error

    return wrapped


def two(first: dict, second: dict) -> tuple[Design, Design]:
    return designs_.from_dict(first), designs_.from_dict(second)


def named(entry: Any) -> tuple[str, Design]:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise DesignError("Each design of a collection needs a name.")
    return entry["name"][:MAX_NAME], designs_.from_dict(entry.get("design"))


def checked_size(size: int) -> int:
    if not MIN_SIZE <= size <= MAX_SIZE:
        raise DesignError(f"A picture's size lies between {MIN_SIZE} and {MAX_SIZE} pixels.")
    return int(size)


def download(data: bytes, name: str) -> FileData:
    """Put bytes where Gradio serves files from, in a folder named after their content."""
    folder = Path(get_upload_folder()) / hashlib.sha256(data).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    fresh = path.with_name(f".{name}.{os.getpid()}-{random.getrandbits(32):x}")
    fresh.write_bytes(data)
    os.replace(fresh, path)
    return FileData(path=str(path), orig_name=name)


def uploaded(file: Any) -> bytes:
    """The bytes of an uploaded picture, or one more than a picture may have.

    Raises:
        UserError: it is not a file that was uploaded here, or it can't be read.
    """
    path = uploaded_path(file, "Upload the picture first.")
    try:
        with open(path, "rb") as handle:
            return handle.read(exports.MAX_BYTES + 1)
    except OSError as error:
        raise DesignError("The uploaded picture can't be read; try again.") from error


def uploaded_path(file: Any, sentence: str) -> Path:
    """Where an uploaded file lies; it may be gone.

    Raises:
        UserError: with ``sentence``: it is not a file that was uploaded here. Gradio passes any
            path on, so a caller could otherwise have the server read its own files.
    """
    path = file.get("path") if isinstance(file, dict) else None
    folder = Path(get_upload_folder()).resolve()
    # A path with a zero byte can't be resolved, nor be a file.
    if not isinstance(path, str) or "\0" in path or folder not in Path(path).resolve().parents:
        raise UserError(sentence)
    return Path(path).resolve()
