"""Explore: a wall of designs, one of them on the easel, and the sliders that shape it."""

from __future__ import annotations

import gradio as gr

from studio.ui.parts import part


def tab() -> None:
    """Make the tab."""
    with gr.Tab("Explore", id="explore", elem_id="explore"):
        part("explore")
