"""What a run is, as its settings.json keeps it. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

# Files of before had no number, and count as 1: what they lack has a default here.
FORMAT = 2
HERE, RENTED = "here", "hf-jobs"  # where a run can be trained
PLACES = (HERE, RENTED)


@dataclass(frozen=True)
class Settings:
    """All that resuming a run needs besides its state.

    What has no default decides what is learnt, and must be there. It is never changed in place:
    see :meth:`train.runs.run.Run.change_settings`.
    """

    recipe: Mapping[str, Any]  # as train.recipes.Recipe.to_dict has it
    data: str  # where the images are
    data_digest: str | None  # of these images; None until a process of the run has read them
    seed: int
    length: Mapping[str, Any]  # epochs, kimg or minutes to train for, else as the recipe says
    card: Mapping[str, Any]  # what the checkpoint's card is to say besides numbers
    more: tuple[str, ...] = ()  # further places of images
    fit: str = "crop"
    ground: int | None = None  # the grey that the white around products is to be
    leave_out: tuple[str, ...] = ()  # names of images that are not learnt from
    live: bool = False  # whether to look at the samples, and keep the best moment
    start_from: str = ""  # the name of what the weights in start/ are of
    # How to work on it, as far as somebody said so: by the names of train.work.worker.Options.
    options: Mapping[str, Any] = field(default_factory=dict)
    device: str = "auto"
    where: str = HERE  # one of PLACES
    rent: Mapping[str, Any] = field(default_factory=dict)  # see train.rented.rental.wish
    rate_lowered: bool = False  # after numbers that were not finite
    created_at: float = 0.0
    # What a file says that this program knows nothing of; it is written back as it was.
    others: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, values: Any) -> Settings:
        """The settings that :meth:`to_dict` wrote, also after a trip through JSON.

        Raises:
            ValueError: they are incomplete, damaged or of a later version of this program.
        """
        if not isinstance(values, Mapping):
            raise ValueError("it is not a JSON object.")
        written = values.get("format", 1)
        if not isinstance(written, int):
            raise ValueError("its format is not a number.")
        if written > FORMAT:
            raise ValueError("it was made by a later version of this program.")
        if missing := NEEDED - set(values):
            raise ValueError(f"it lacks {', '.join(sorted(missing))}.")
        for name, kind in KINDS.items():
            if name in values and not isinstance(values[name], kind):
                raise ValueError(f"its {name} is not of the right kind.")
        given = {name: value for name, value in values.items() if name in KNOWN}
        for name in LISTS:
            given[name] = tuple(values.get(name, ()))
        others = {name: values[name] for name in values if name not in {*KNOWN, "format"}}
        return cls(**given, others=others)

    def to_dict(self) -> dict[str, Any]:
        """As JSON has them."""
        values = {name: getattr(self, name) for name in KNOWN}
        lists = {name: list(values[name]) for name in LISTS}
        return {"format": FORMAT, **values, **lists, **self.others}


LISTS = ("leave_out", "more")
KNOWN = [each.name for each in fields(Settings) if each.name != "others"]
NEEDED = {
    each.name
    for each in fields(Settings)
    if each.default is MISSING and each.default_factory is MISSING
}
KINDS: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("recipe", "length", "card", "options", "rent"), Mapping),
    "data": str,
    **dict.fromkeys(LISTS, (list, tuple)),
}
