"""A training: its state, its steps, how long it lasts. It knows no folder and no screen."""
