"""What a designer uses: designs, generators, checkpoints, rendering, the page and the shell.

Nothing here imports ``train``; see README.md for the map.
"""

__version__ = "0.4.0"
