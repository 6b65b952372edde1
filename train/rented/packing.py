"""A run's photos as it trains on them, in a zip: small squares instead of the photos themselves.

So what is sent to rented hardware is quickly sent, and the photos stay at home. Reading the zip
gives the same names and the same pixels, to the bit: PNG loses nothing, and preparing a square of
the right size leaves it as it is.

``python -m train.rented.packing RUN ZIP`` does it in a process of its own, since this needs torch,
and whoever follows a rented machine for hours had better not hold that in memory.
"""

from __future__ import annotations

import csv
import io
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from studio.errors import UserError
from train.data.captions import FILE, Captions
from train.data.images import ImageSet, folder_labels
from train.runs.run import Run, RunError
from train.work.dataset import check_same, digest, load

# Reading a zip drops the one folder that holds everything. With this one around them, names that
# are themselves all in one folder stay whole.
WRAP = "photos"
WHEN = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip knows, so that equal photos give equal zips


def pack(run: Run, path: Path) -> None:
    """Write a run's prepared photos to a zip, and note in its settings which and how many.

    Raises:
        UserError: the photos can't be read, or are not those the run was started on.
    """
    settings = run.settings
    data = load(settings, quiet=True)
    found = digest(data)
    check_same(settings, found)
    if run.recipe.conditional and data.labels is not None and folder_labels(data.names)[0] is None:
        raise RunError(
            f"The categories of {settings.data} can't be sent, as they lie in a file of their "
            "own. Unpack the images into one folder for each category, and train on those."
        )
    write(data, path)
    card = Run.open(run.folder).settings.card  # it may have been renamed meanwhile
    described = {**card.get("data", {}), "images": len(data)}
    run.change_settings(data_digest=found, card={**card, "data": described})


def write(data: ImageSet, path: Path) -> None:
    """Write images to a zip of PNG files under their names, and their captions if they have any."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, image in zip(data.names, data.images, strict=True):
            pixels = image.permute(1, 2, 0).numpy()
            file = io.BytesIO()
            Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(file, "PNG")
            archive.writestr(zipfile.ZipInfo(f"{WRAP}/{name}", WHEN), file.getvalue())
        if data.captions:
            table = zipfile.ZipInfo(f"{WRAP}/{FILE}", WHEN)
            archive.writestr(table, captions_table(data.names, data.captions))


def captions_table(names: Sequence[str], captions: Captions) -> bytes:
    """Captions as the metadata.csv that :func:`train.data.captions.load_captions` reads."""
    columns = {"file_name": names, "text": captions.texts, **captions.fields}
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue().encode("utf-8", "replace")


def main() -> int:
    """Pack one run; what can't be done is one sentence and status 1."""
    folder, path = sys.argv[1:]
    try:
        pack(Run.open(Path(folder)), Path(path))
    except UserError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
