"""The studio's look for Gradio's own parts; page/studio.css draws the rest in the same colours."""

from __future__ import annotations

import gradio as gr
from gradio.themes.utils import colors

SANS = ["system-ui", "-apple-system", "Segoe UI", "Helvetica Neue", "Arial", "sans-serif"]
MONO = ["ui-monospace", "Menlo", "Consolas", "monospace"]

# Warm paper to ink.
PAPER = colors.Color(
    name="paper",
    c50="#fcfbf8",
    c100="#f6f4f0",
    c200="#e4dfd7",
    c300="#cfc8bc",
    c400="#a39a8c",
    c500="#786f63",
    c600="#5c554b",
    c700="#433e37",
    c800="#2b2824",
    c900="#1d1b19",
    c950="#141311",
)


def theme() -> gr.themes.Base:
    """Quiet and editorial: paper ground, ink buttons, hairlines, no shadows on controls."""
    return gr.themes.Base(
        primary_hue=PAPER, secondary_hue=PAPER, neutral_hue=PAPER, font=SANS, font_mono=MONO
    ).set(
        body_background_fill="*neutral_100",
        body_background_fill_dark="*neutral_950",
        body_text_color="*neutral_900",
        body_text_color_dark="*neutral_100",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        border_color_primary="*neutral_200",
        border_color_primary_dark="*neutral_800",
        button_primary_background_fill="*neutral_900",
        button_primary_background_fill_dark="*neutral_100",
        button_primary_text_color="*neutral_50",
        button_primary_text_color_dark="*neutral_900",
    )
