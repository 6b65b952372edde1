"""What ``python -m train`` can do: one file per command, each with a ``main(arguments)``."""
