"""The studio's abilities from a shell: ``python -m studio --help``."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from studio import blend, exports, onnx_export, pictures, settings
from studio.design import Design, DesignError, PhotoError, from_seed
from studio.errors import UserError
from studio.inversion import photos
from studio.render import Renderer


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    result = argparse.ArgumentParser(prog="python -m studio", description=__doc__)
    settings.add_version(result)
    settings.add_folders(result)
    commands = result.add_subparsers(dest="command", required=True)

    listing = commands.add_parser("list", help="list the generators")
    listing.add_argument("--json", action="store_true", help="whole cards, as JSON")
    listing.set_defaults(run=run_list)

    generate = commands.add_parser("generate", help="draw designs as PNG files")
    generate.add_argument("name", metavar="NAME", help="a generator, see list")
    generate.add_argument("--count", type=int, default=8)
    generate.add_argument("--seed", type=int, default=0, help="the first; the next is one more")
    generate.add_argument(
        "--truncation",
        type=float,
        default=1.0,
        metavar="T",
        help="how adventurous: 0 is the average, 1 all that was learnt",
    )
    generate.add_argument(
        "--category", metavar="C", help="what to draw, by name or number from 0, see list"
    )
    generate.add_argument(
        "--text", default="", metavar="WORDS", help="what to draw, for generators of words"
    )
    generate.add_argument(
        "--guidance",
        type=float,
        default=1.0,
        metavar="G",
        help="how closely to follow the words: 0 not at all, 1 as learnt, up to 3",
    )
    generate.add_argument(
        "--detail",
        type=float,
        metavar="D",
        help="how much made-up detail to add to enlarged pictures, 0 to 1, for generators that"
        " have it (as much as is usual)",
    )
    generate.set_defaults(run=run_generate)

    blending = commands.add_parser("blend", help="draw the steps between two designs")
    blending.add_argument("name", metavar="NAME", help="a generator, see list")
    blending.add_argument("--seeds", type=int, nargs=2, required=True, metavar=("A", "B"))
    blending.add_argument("--steps", type=int, default=blend.STRIP_STEPS)
    blending.add_argument(
        "--categories", nargs=2, metavar=("X", "Y"), help="of the two designs, see list"
    )
    blending.add_argument(
        "--surface",
        type=float,
        metavar="S",
        help="keep colours and surface at S of the way, 0 to 1, while the shape goes all of it",
    )
    blending.add_argument(
        "--texts", nargs=2, default=("", ""), metavar=("T", "U"), help="words of the two designs"
    )
    blending.set_defaults(run=run_blend)

    of_photos = commands.add_parser("from-photo", help="make designs of photos, as PNG files")
    of_photos.add_argument("photos", metavar="PHOTO", nargs="+", type=Path)
    of_photos.add_argument(
        "--generator", required=True, metavar="NAME", help="one that takes photos"
    )
    of_photos.add_argument(
        "--category", metavar="C", help="what they show, by name or number (the likeliest of each)"
    )
    of_photos.add_argument("--json", action="store_true", help="print the designs, as JSON")
    of_photos.set_defaults(run=run_from_photo)

    export = commands.add_parser("export", help="write a generator for browsers (ONNX)")
    export.add_argument("name", metavar="NAME", help="a generator, see list")
    export.set_defaults(run=run_export)

    for command in (generate, blending, of_photos):
        command.add_argument("--out", type=Path, required=True, metavar="DIR")
        command.add_argument(
            "--size",
            type=pixels,
            default=0,
            metavar="PX",
            help="enlarge to about this many pixels (the generator's own size)",
        )
    return result


def pixels(text: str) -> int:
    """An argparse type: a picture's size."""
    value = int(text)
    if not 0 <= value <= exports.MAX_SIZE:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to {exports.MAX_SIZE}")
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0, or 1 when a sentence says what can't be done."""
    options = parser().parse_args(arguments)
    renderer = Renderer(options.checkpoints, options.runs)
    try:
        options.run(renderer, options)
    except (UserError, OSError) as error:
        print(f"studio: {error}", file=sys.stderr)
        return 1
    return 0


def run_list(renderer: Renderer, options: argparse.Namespace) -> None:
    found = renderer.checkpoints()
    if options.json:
        print(json.dumps({name: dict(each.card) for name, each in found.items()}, indent=2))
        return
    for name, each in found.items():
        print(f"{name:22} {each.title:28} {each.card.get('description', '')}")
        if each.classes:
            print(f"{'':22} Categories: {', '.join(each.classes)}")
        if encoder := each.load_words():
            print(f"{'':22} Draws by words, such as “{encoder.example}”")
    if not found:
        print(f"No generators under {options.checkpoints} or {options.runs}.")


def run_generate(renderer: Renderer, options: argparse.Namespace) -> None:
    if options.count < 1:
        raise DesignError("--count must be at least 1.")
    label, stem = category(renderer, options.name, options.category)
    remark_on(renderer, options.name, options.text)
    designs = [
        from_seed(
            options.name,
            options.seed + index,
            truncation=options.truncation,
            label=label,
            text=options.text,
            guidance=options.guidance,
        )
        for index in range(options.count)
    ]
    renderer.detail(options.name, options.size, options.detail)  # first: what it refuses, now
    options.out.mkdir(parents=True, exist_ok=True)
    for each in designs:
        write(
            options.out / f"{options.name}-{stem}{each.seed}.png",
            exports.to_png(renderer, each, options.size, options.detail),
        )


def run_blend(renderer: Renderer, options: argparse.Namespace) -> None:
    wanted = options.categories or (None, None)
    found = [category(renderer, options.name, each) for each in wanted]
    first, second = (
        from_seed(options.name, seed, label=label, text=text)
        for seed, (label, _), text in zip(options.seeds, found, options.texts, strict=True)
    )
    for text in options.texts:
        remark_on(renderer, options.name, text)
    steps = blend.steps(first, second, options.steps, options.surface)
    stem = f"{options.name}-{found[0][1]}{first.seed}-{found[1][1]}{second.seed}"
    strip = blend.strip(renderer, steps, options.size)  # first: if one can't be drawn, none is left
    options.out.mkdir(parents=True, exist_ok=True)
    for index, each in enumerate(steps):
        write(
            options.out / f"{stem}-{index + 1:02d}.png",
            exports.to_png(renderer, each, options.size),
        )
    write(options.out / f"{stem}-strip.png", pictures.to_png(strip))


def run_from_photo(renderer: Renderer, options: argparse.Namespace) -> None:
    label, _ = category(renderer, options.generator, options.category)
    # All first: if one can't be used, none is left.
    found = [(path, of_file(renderer, path, options.generator, label)) for path in options.photos]
    options.out.mkdir(parents=True, exist_ok=True)
    taken: set[str] = set()
    said = []
    for path, each in found:
        stem = exports.unused(exports.file_name(f"{options.generator}-{path.stem}"), taken)
        picture = options.out / f"{stem}.png"
        picture.write_bytes(exports.to_png(renderer, each, options.size))
        said.append({"photo": str(path), "picture": str(picture), "design": each.to_dict()})
    print(
        json.dumps(said, indent=2)
        if options.json
        else "\n".join(str(each["picture"]) for each in said)
    )


def of_file(renderer: Renderer, path: Path, generator: str, label: int | None) -> Design:
    """The design of a photo's file; what can't be done is said with the file's name."""
    with path.open("rb") as file:
        data = file.read(photos.MAX_BYTES + 1)
    try:
        return photos.from_photo(renderer, generator, data, name=path.name, label=label)
    except PhotoError as error:
        raise PhotoError(f"{path.name}: {error}") from error


def run_export(renderer: Renderer, options: argparse.Namespace) -> None:
    file = renderer.network(options.name)
    generator = renderer.open(options.name).generator
    difference = onnx_export.most_difference(file.path.read_bytes(), generator)
    print(f"{file.path}  {file.bytes / 1e6:.1f} MB  differs by at most {difference} of 255 levels")


def category(renderer: Renderer, generator: str, wanted: str | None) -> tuple[int | None, str]:
    """A category's label, and what file names say of it; None and nothing where none is wanted."""
    if wanted is None:
        return None, ""
    checkpoint = renderer.open(generator).checkpoint
    label = checkpoint.label(wanted)
    return label, re.sub(r"\W+", "-", checkpoint.classes[label].lower()).strip("-") + "-"


def remark_on(renderer: Renderer, generator: str, text: str) -> None:
    """Say which words the generator does not know; they change nothing."""
    encoder = renderer.open(generator).encoder
    if encoder and (remark := encoder.remark(text)):
        print(f"studio: {remark}", file=sys.stderr)


def write(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    print(path)


if __name__ == "__main__":
    sys.exit(main())
