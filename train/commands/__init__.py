"""What ``python -m train`` can do: one file per command, each with a ``main(arguments)``.

What commands that make a checkpoint of another one share is in :mod:`train.commands.derived`; how a
shell's run is made, in :mod:`train.commands.beginning`.
"""

from __future__ import annotations

# What runs without the name of a command.
DEFAULT = "start_or_resume"
# What each does, for --help. Nothing is imported for it: a run that waits is to weigh little.
COMMANDS = {
    "categorise": "make a generator by category of one that draws by words",
    "check": "look at photos: how many can be used, copies, odd ones out",
    "detail": "learn to add detail to what a coded generator draws, enlarged",
    "encode": "have a generator's designs spread as photos are",
    "enlarge": "give a trained generator twice the pixels",
    "evaluate": "measure generators against real images",
    "extractor": "learn a feature network from your photos, to measure with",
    "follow": "follow a run on rented hardware, or end it",
    "match": "bring a trained generator nearer to photos",
    "probe": "measure how many images a second this machine trains on",
    "queue": "go on with a run when a device is free; the page starts this",
    "reconstruct": "measure how near photos come back from their codes",
    "sheet": "draw what a generator draws when nobody selects, for its card",
}


def listed() -> str:
    """The commands in lines of their own."""
    return "\n".join(f"  {name:12} {about}" for name, about in COMMANDS.items())
