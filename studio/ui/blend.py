"""Blend: two designs, what lies between them, and the strip of steps."""

from __future__ import annotations

import gradio as gr

from studio.ui.parts import part


def tab() -> None:
    """Make the tab."""
    with gr.Tab("Blend", id="blend", elem_id="blend"):
        part("blend")
