"""What ``python -m train`` can do: one file per command, each with a ``main(arguments)``."""

from studio.checkpoint import CheckpointError
from train.data import DataError
from train.metrics import MetricsError
from train.runs import RunError

# Errors whose message is written for the person at the shell.
UserError = (CheckpointError, DataError, MetricsError, RunError)
