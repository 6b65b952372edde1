"""Runs as folders: create, find, ask, queue. Nothing here imports torch."""
