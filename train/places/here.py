"""Training on this computer: a process of its own, in turn with others."""

from __future__ import annotations

from train.places.machine import Machine
from train.places.place import Place
from train.places.probe import Probe
from train.runs.run import Run


class Here(Place):
    """This computer.

    Args:
        machine: what can train.
        probe: measures its speed, and makes room for trainings.
    """

    def __init__(self, machine: Machine, probe: Probe) -> None:
        self.machine, self.probe = machine, probe

    def begin(self, run: Run, flavor: str = "") -> None:
        """Start a process that waits for a free device, the one that was wished for if it is here.

        Raises:
            train.runs.run.RunError: it is being trained already.
        """
        self.probe.stand_aside()
        wanted = run.settings.device
        here = wanted == "cpu" or wanted in self.machine.devices
        run.start_process([wanted] if here else self.machine.devices)
