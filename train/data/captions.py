"""Captions: what a metadata.csv says of each image, in the Hugging Face imagefolder convention."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from train.data.archives import DataError, read_side_files
from train.data.idx import is_idx

FILE = "metadata.csv"
FILE_COLUMNS = ("file_name", "file", "filename")
TEXT_COLUMNS = ("text", "caption")
DELIMITERS = ",;\t"
MAX_BYTES = 64 * 2**20
MAX_CAPTION = 2_000  # characters; what follows is not read
NAMED = 3  # of a problem, in its sentence
# Columns whose values are worth words of their own come first, in this order.
TELLING = ("colour", "color", "type", "gender", "category")
# A column with more values tells each image's own, like a title or a price.
MOST_VALUES = 200


class NoCaptionsError(DataError):
    """Images without any captions beside them."""


@dataclass(frozen=True)
class Captions:
    """The captions of some images, in their order.

    Args:
        texts: one for each image.
        fields: the values of the other columns, by the column's name; "" where there is none.
        problems: sentences about rows and images that could not be used.
    """

    texts: tuple[str, ...]
    fields: Mapping[str, tuple[str, ...]]
    problems: tuple[str, ...] = ()

    def only(self, kept: Sequence[int]) -> Captions:
        """Those at some positions."""
        fields = {name: tuple(all_[at] for at in kept) for name, all_ in self.fields.items()}
        return Captions(tuple(self.texts[at] for at in kept), fields, self.problems)

    @classmethod
    def joined(cls, parts: Sequence[Captions]) -> Captions:
        """Those of several sets, one after the other; a column that one lacks is empty there."""
        names = dict.fromkeys(name for part in parts for name in part.fields)
        fields = {
            name: tuple(
                value for part in parts for value in part.fields.get(name, ("",) * len(part.texts))
            )
            for name in names
        }
        texts = tuple(text for part in parts for text in part.texts)
        return cls(texts, fields, tuple(each for part in parts for each in part.problems))

    def values(self) -> list[str]:
        """The values of columns that sort images, like colours and types: the telling ones first.

        Within a column the most frequent come first.
        """
        columns = sorted(
            self.fields, key=lambda name: TELLING.index(name) if name in TELLING else len(TELLING)
        )
        result: list[str] = []
        for name in columns:
            counted = Counter(value for value in self.fields[name] if value)
            if len(counted) <= min(MOST_VALUES, max(2, len(self.texts) // 4)):
                result += sorted(counted, key=lambda value: (-counted[value], value))
        return result


def load_captions(place: Path, names: Sequence[str]) -> tuple[Captions, list[int]]:
    """The captions of images, and the positions of those ``names`` that have one.

    Every metadata.csv of a folder or zip is read, at its top and in its first-level folders; file
    names are relative to it. Rows that name no image, name one again, or have no text, and images
    without a row are told in the result's ``problems`` and stop nothing.

    Raises:
        DataError: there is no metadata.csv, none of its columns can be understood, or no image has
            a caption.
    """
    files = [] if place.is_file() and is_idx(place) else read_side_files(place, FILE, MAX_BYTES)
    if not files:
        raise NoCaptionsError(
            f"{place} has no captions: put a {FILE} beside the images, with the columns file_name "
            "and text."
        )
    rows: dict[str, dict[str, str]] = {}
    again: list[str] = []
    textless: list[str] = []
    nameless: list[str] = []
    for folder, content in files:
        for row in _rows(content, f"{folder}{FILE}"):
            own = row.pop(FILE).replace("\\", "/").removeprefix("./")
            name = folder + own
            if not own:
                nameless.append(row[TEXT_COLUMNS[0]] or "nor a text")
            elif not row[TEXT_COLUMNS[0]]:
                textless.append(name)
            elif name in rows:
                again.append(name)
            else:
                rows[name] = row
    found = _matched(rows, names)
    kept = [at for at, name in enumerate(names) if name in found]
    if not kept:
        raise DataError(
            f"No image in {place} has a caption: {FILE} names {_some(list(rows)) or 'no file'}, "
            f"and the images are {_some(names)}. File names are relative to the {FILE}."
        )
    used = {id(row) for row in found.values()}
    missing = [name for name, row in rows.items() if id(row) not in used]
    bare = [name for name in names if name not in found]
    problems = [
        _problem(missing, "row names", "rows name", "no image that is there"),
        _problem(again, "row names", "rows name", "an image that has a caption already"),
        _problem(textless, "row has", "rows have", "no text"),
        _problem(nameless, "row has", "rows have", "no file name"),
        _problem(bare, "image has", "images have", "no caption and won't be used"),
    ]
    columns = dict.fromkeys(column for row in rows.values() for column in row)
    ordered = [found[names[at]] for at in kept]
    texts = tuple(row[TEXT_COLUMNS[0]] for row in ordered)
    fields = {
        column: tuple(row.get(column, "") for row in ordered)
        for column in columns
        if column != TEXT_COLUMNS[0]
    }
    return Captions(texts, fields, tuple(filter(None, problems))), kept


def load_columns(place: Path, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The values of every column of metadata.csv for images, by the column's name in lower case.

    Unlike :func:`load_captions` it takes rows without a text, and files without such a column.
    Where an image has no row, or its row no value, there is ""; where there is no file, nothing.

    Raises:
        DataError: a metadata.csv can't be read, or has no column of file names.
    """
    files = [] if place.is_file() and is_idx(place) else read_side_files(place, FILE, MAX_BYTES)
    rows: dict[str, dict[str, str]] = {}
    for folder, content in files:
        for row in _rows(content, f"{folder}{FILE}", captioned=False):
            own = row.pop(FILE).replace("\\", "/").removeprefix("./")
            rows.setdefault(folder + own, row)
    found = _matched(rows, names)
    columns = dict.fromkeys(column for row in rows.values() for column in row)
    return {
        column: tuple(found.get(name, {}).get(column, "") for name in names) for column in columns
    }


def remarks(
    place: Path, names: Sequence[str], *, wanted: bool, offer: str = ""
) -> list[tuple[str, str]]:
    """What to say, before a training, of the captions of images, as (kind, text).

    ``wanted`` tells whether it would learn from them. If not, ``offer`` is what could, and nothing
    is said of images without any.
    """
    try:
        captions, kept = load_captions(place, names)
    except NoCaptionsError as error:
        return [("bad", str(error))] if wanted else []
    except DataError as error:
        return [("bad" if wanted else "warning", str(error))]
    have = f"{len(kept):,} photo{' has a caption' if len(kept) == 1 else 's have captions'}"
    if not wanted:
        return [("note", f"{have}. To learn from those too, choose “{offer}” under Advanced.")]
    return [("note", f"{have}, and it learns to draw by their words.")] + [
        ("warning", problem) for problem in captions.problems
    ]


def _rows(content: bytes, what: str, *, captioned: bool = True) -> Iterator[dict[str, str]]:
    """Rows as {metadata.csv: the file's name, "text": …, and the other columns, in lower case}.

    Unless ``captioned``, a table without a column of texts will do, and its texts are "".
    """
    text = _decoded(content, what)
    head = text.lstrip().split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=head.count)
    try:
        reader = csv.reader(io.StringIO(text.lstrip(), newline=""), delimiter=delimiter)
        columns = [column.strip().lower() for column in next(reader, [])]
        file = next((columns.index(name) for name in FILE_COLUMNS if name in columns), None)
        said = next((columns.index(name) for name in TEXT_COLUMNS if name in columns), None)
        if file is None or (said is None and captioned):
            found = ", ".join(column[:40] for column in columns[:10] if column) or "nothing"
            raise DataError(
                f"{what} needs a column file_name and a column text (or file and caption); its "
                f"first line has {found}."
            )
        for cells in reader:
            cells += [""] * (len(columns) - len(cells))
            if not any(cells):
                continue
            text = "" if said is None else cells[said].strip()[:MAX_CAPTION]
            row = {FILE: cells[file].strip(), TEXT_COLUMNS[0]: text}
            for at, column in enumerate(columns):
                if column and at not in (file, said):
                    row[column] = cells[at].strip()[:MAX_CAPTION]
            yield row
    except csv.Error as error:
        raise DataError(f"{what} can't be read as a table: {error}.") from error


def _decoded(content: bytes, what: str) -> str:
    """Text in UTF-8 or UTF-16, or else in the Western code page that spreadsheets write."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeError:
            continue
        if "\0" not in text:
            return text
    raise DataError(f"{what} is no text in a known encoding; save it as CSV in UTF-8.")


def _matched(rows: dict[str, dict[str, str]], names: Sequence[str]) -> dict[str, dict[str, str]]:
    """The row of each image that has one; names may lack a folder that wraps everything."""
    own = set(names)
    inside = {
        name.partition("/")[2]: row
        for name, row in reversed(rows.items())
        if "/" in name and name not in own
    }
    both = {**inside, **rows}
    return {name: both[name] for name in names if name in both}


def _problem(names: Sequence[str], one: str, many: str, what: str) -> str:
    if not names:
        return ""
    return f"{len(names):,} {one if len(names) == 1 else many} {what}: {_some(names)}."


def _some(names: Sequence[str]) -> str:
    some = ", ".join("".join(c if c.isprintable() else "?" for c in n[:80]) for n in names[:NAMED])
    return f"{some} and {len(names) - NAMED:,} more" if len(names) > NAMED else some
