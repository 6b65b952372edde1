"""A checkpoint is a folder: card.json, safetensors and pictures. List, load and save them.

Layout of one checkpoint::

    card.json                  how to build the networks, what they were trained on, how good
    generator.safetensors      the generator's averaged weights, float16 or float32
    flow.safetensors           those of a coded generator's flow
    condition.safetensors      what its flow knows of categories or words: collections of photos of
                               one kind share all the rest
    discriminator.safetensors  for training on
    encoder.safetensors        from photos to codes, see studio.inversion.loading
    preview.jpg                a sheet of unselected designs
    directions.json            the sliders (written when first needed)
    words.json                 the words it draws by, where it does
    generator.onnx             the generator for browsers, see studio.onnx_files (likewise written
                               when first needed, or at the end of its training)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from studio import words
from studio.errors import UserError
from studio.files import sha256, write_file_whole, write_whole
from studio.generators import Generator, build
from studio.generators.base import MAX_CLASSES
from studio.words import Encoder, WordsError

CARD = "card.json"
GENERATOR = "generator.safetensors"
DISCRIMINATOR = "discriminator.safetensors"
FLOW, CONDITION = "flow.safetensors", "condition.safetensors"
ENCODER = "encoder.safetensors"
PREVIEW = "preview.jpg"
# Files of a generator's weights, and what its card calls their hashes; the first is always there.
HASHES = {
    GENERATOR: "generator_sha256",
    FLOW: "flow_sha256",
    CONDITION: "condition_sha256",
}
FORMAT = 1
MAX_NAME = 40  # of a class
NAMES_SHOWN = 8  # in a sentence


class CheckpointError(UserError):
    """A checkpoint that can't be used; the message says which and why, for a person."""


@dataclass(frozen=True)
class Checkpoint:
    """One checkpoint folder and its card, read but not loaded: cheap to list."""

    folder: Path
    card: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name it is picked by: the folder's, which is its recipe's for those that ship."""
        return self.folder.parent.name if self.folder.name == "checkpoint" else self.folder.name

    @property
    def title(self) -> str:
        """What people call it."""
        return str(self.card.get("title") or self.name)

    @property
    def fingerprint(self) -> str:
        """Which weights a design was made with: 12 hex digits of the generator file's SHA-256.

        Where parts of it have files of their own, which other checkpoints' generators don't share,
        or its configuration has a guidance, it is that of all of these.
        """
        hashes = [str(self.card[each]) for each in HASHES.values() if each in self.card]
        guidance = self.card["generator"].get("guidance")
        hashes += [] if guidance is None else [f"guidance {guidance}"]
        together = hashlib.sha256("".join(hashes).encode()).hexdigest()
        return (together if len(hashes) > 1 else hashes[0])[:12]

    @property
    def weights(self) -> tuple[Path, ...]:
        """The files that hold its generator's weights."""
        return tuple(self.folder / name for name, each in HASHES.items() if each in self.card)

    @property
    def classes(self) -> tuple[str, ...]:
        """What its generator can be asked to draw, in the labels' order; empty if just one thing.

        Where the card does not name them all, they go by their numbers.
        """
        count, names = self.card["generator"].get("classes"), self.card.get("classes")
        if not isinstance(count, int) or not 0 < count <= MAX_CLASSES:
            return ()
        if isinstance(names, list) and len(names) == count and all(map(is_name, names)):
            return tuple(name.strip() for name in names)
        return tuple(f"Category {number}" for number in range(1, count + 1))

    def label(self, wanted: str) -> int:
        """The label of a class by its name, whatever its case, or by its number, from 0.

        Raises:
            CheckpointError: there is no such class.
        """
        names = [name.casefold() for name in self.classes]
        if wanted.strip().casefold() in names:
            return names.index(wanted.strip().casefold())
        number = wanted.strip()
        if len(number) < 6 and number.isascii() and number.isdecimal() and int(number) < len(names):
            return int(number)
        offer = f"it draws {listed(self.classes)}" if names else "it draws just one thing"
        raise CheckpointError(f"{self.name} has no category {wanted[:40]!r}: {offer}.")

    @property
    def draws_by_words(self) -> bool:
        """Whether its generator can be told what to draw in words."""
        return bool(self.card["generator"].get("words"))

    def load_words(self) -> Encoder | None:
        """What turns a text into its generator's vector; None where it takes no words.

        Raises:
            CheckpointError: the file is missing, damaged or does not fit the card.
        """
        if not self.draws_by_words:
            return None
        try:
            encoder = words.load(self.folder)
        except WordsError as error:
            raise CheckpointError(f"{self.name}: {error}") from error
        if len(encoder.terms) != self.card["generator"]["words"]:
            raise CheckpointError(f"{self.name}: {words.WORDS} is not the one its card describes.")
        return encoder

    def load_generator(self) -> Generator:
        """Build the generator in evaluation mode with these weights, in float32.

        Raises:
            CheckpointError: the file is missing, damaged or does not fit the card.
        """
        for path in self.weights:
            try:
                found = sha256(path)
            except OSError as error:
                name = path.name
                raise CheckpointError(f"{self.name}: {name} can't be read ({error}).") from error
            if found != self.card[HASHES[path.name]]:
                raise CheckpointError(
                    f"{self.name}: {path.name} is not the file its card describes; it may be cut"
                    " short or changed. Copy the folder again."
                )
        try:
            with torch.device("meta"):  # sizes only: a hostile card must not fill the memory
                sketch = build(self.card["generator"])
            size = sum(path.stat().st_size for path in self.weights)
            if sum(each.numel() for each in sketch.state_dict().values()) > size:
                raise ValueError(f"{GENERATOR} is far too small for the network on its card.")
            generator = build(self.card["generator"])
        except ValueError as error:
            raise CheckpointError(f"{self.name}: {error}") from error
        load_weights(generator, *self.weights)
        return generator.eval().requires_grad_(False)


def is_name(value: Any) -> bool:
    """Whether a class can be called so."""
    return isinstance(value, str) and 0 < len(value.strip()) <= MAX_NAME


def listed(names: Sequence[str]) -> str:
    """Names in a sentence, the first of them if there are many."""
    if len(names) == 1:
        return names[0]
    if len(names) <= NAMES_SHOWN:
        return f"{', '.join(names[:-1])} and {names[-1]}"
    return f"{', '.join(names[:NAMES_SHOWN])} and {len(names) - NAMES_SHOWN} more"


def load_weights(network: nn.Module, *paths: Path) -> None:
    """Read safetensors files into ``network``, whatever float type they were stored in.

    Raises:
        CheckpointError: a file can't be read, or their tensors do not fit the network.
    """
    tensors: dict[str, Tensor] = {}
    try:
        for path in paths:
            tensors.update(load_file(path))
        network.load_state_dict(tensors)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise CheckpointError(f"{paths[0]}: these weights can't be used ({error}).") from error


def save_weights(
    network: nn.Module, path: Path, *, half: bool, apart: Mapping[str, Path] | None = None
) -> None:
    """Write ``network`` as safetensors; ``half`` puts tensors of 2 and more dimensions in float16.

    Vectors (biases, batch norm) stay float32: they weigh nothing and running variances can leave
    float16's range. What begins with a name of ``apart`` goes to that file instead, if any does.
    """
    files: dict[Path, dict[str, Tensor]] = {path: {}}
    for name, value in network.state_dict().items():
        value = value.detach().cpu().contiguous()
        if half and value.is_floating_point() and value.dim() > 1:
            value = value.half()
        places = [place for start, place in (apart or {}).items() if name.startswith(start)]
        files.setdefault(places[0] if places else path, {})[name] = value
    for place, tensors in files.items():
        save_file(tensors, place)


def read(folder: str | Path) -> Checkpoint:
    """Read a checkpoint's card.

    Raises:
        CheckpointError: there is no card, or it is not one of this version.
    """
    folder = Path(folder)
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(f"There is no checkpoint in {folder}: it has no {CARD}.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{folder / CARD} can't be read: {error}.") from error
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise CheckpointError(f"{folder / CARD} is not a card of format {FORMAT}.")
    hashes = [card.get(HASHES[GENERATOR])]
    hashes += [card.get(HASHES[part], "0" * 64) for part in (FLOW, CONDITION)]
    named = all(isinstance(each, str) and len(each) == 64 for each in hashes)
    if not isinstance(card.get("generator"), dict) or not named:
        raise CheckpointError(f"{folder / CARD} does not say how to build its generator.")
    return Checkpoint(folder, card)


def find(*roots: str | Path) -> dict[str, Checkpoint]:
    """All readable checkpoints under ``roots``, by name, in the order of their cards' ``order``.

    A root holds checkpoint folders, or run folders with a ``checkpoint`` inside. Folders without a
    usable card are passed over: someone else's folder must not keep the page from opening. So are
    hidden ones, where :func:`studio.files.write_whole` is at work.
    """
    found: dict[str, Checkpoint] = {}
    for root in map(Path, roots):
        for child in sorted(root.iterdir()) if root.is_dir() else ():
            if child.name.startswith("."):
                continue
            for folder in (child, child / "checkpoint"):
                with suppress(CheckpointError):
                    checkpoint = read(folder)
                    found.setdefault(checkpoint.name, checkpoint)
    return dict(sorted(found.items(), key=lambda item: (order(item[1]), item[0])))


def order(checkpoint: Checkpoint) -> float:
    """Where a checkpoint stands in the picker: its card's ``order``, else after those with one."""
    value = checkpoint.card.get("order")
    # Cards are other people's: NaN would unsort the list, and no float can hold 10**400.
    if isinstance(value, int | float) and abs(value) < 1e9:
        return float(value)
    return float("inf")


def save(
    folder: Path,
    generator: Generator,
    discriminator: nn.Module | None,
    card: Mapping[str, Any],
    preview: Any,
    *,
    half: bool = True,
    encoder: Encoder | None = None,
    encoders: nn.ModuleDict | None = None,
) -> Checkpoint:
    """Write a checkpoint folder whole, replacing one that is there.

    ``card`` is completed with the format, the generator's configuration and its file's hash;
    ``preview`` is a Pillow image, ``encoder`` that of a generator that draws by words. Without a
    ``discriminator``, a training that goes on from it begins with a new one. ``encoders`` are those
    of photos (:mod:`studio.inversion.loading`), whose settings the card has in ``encoders``.
    """
    with write_whole(folder) as fresh:
        apart = {}
        if generator.kind == "coded":  # the first that fits is taken
            apart = {"flow.embedding.": fresh / CONDITION, "flow.": fresh / FLOW}
        save_weights(generator, fresh / GENERATOR, half=half, apart=apart)
        if discriminator:
            save_weights(discriminator, fresh / DISCRIMINATOR, half=half)
        complete = {
            **card,
            "format": FORMAT,
            "generator": generator.config,
            **{
                key: sha256(fresh / file) for file, key in HASHES.items() if (fresh / file).exists()
            },
        }
        if encoders:
            save_weights(encoders, fresh / ENCODER, half=half)
            complete["encoder_sha256"] = sha256(fresh / ENCODER)
        (fresh / CARD).write_bytes(as_text(complete))
        preview.save(fresh / PREVIEW, quality=90)
        if encoder:
            words.save(encoder, fresh)
    return read(folder)


def update_card(found: Checkpoint, **parts: Any) -> None:
    """Put ``parts`` on the checkpoint's card as it is now.

    Raises:
        CheckpointError: a training has replaced the checkpoint since ``found`` was read.
        OSError: the folder can't be written to.
    """
    replaced = CheckpointError(
        f"{found.name} was trained on in the meantime, so its card was left as it is; "
        "try again when the training is over."
    )

    def write(file: Any) -> None:
        # Now that the fresh file lies in the folder: if a training puts another folder in this
        # one's place from here on, the file is gone with the old one and nothing is renamed.
        now = read(found.folder)
        if now.fingerprint != found.fingerprint:
            raise replaced
        file.write(as_text({**now.card, **parts}))

    try:
        write_file_whole(found.folder / CARD, write)
    except FileNotFoundError as error:
        raise replaced from error


def as_text(card: Mapping[str, Any]) -> bytes:
    """A card as its file holds it."""
    return (json.dumps(card, indent=2, ensure_ascii=False) + "\n").encode()
