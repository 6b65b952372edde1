"""What ``python -m train`` can do: one file per command, each with a ``main(arguments)``.

What commands that make a checkpoint of another one share is in :mod:`train.commands.derived`.
"""
