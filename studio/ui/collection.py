"""Collection: the kept designs, which live in the visitor's own browser."""

from __future__ import annotations

import gradio as gr

from studio.ui.parts import part

STORAGE_KEY = "atelier-collection"
# Fixed, so that a collection outlives the server. It hides nothing: the page knows it too, and
# what it wraps is the visitor's own list on the visitor's own machine.
STORAGE_SECRET = "atelier-collection-1"


def tab() -> None:
    """Make the tab."""
    with gr.Tab("Collection", id="collection", elem_id="collection"):
        part("collection")


def shelf(page: gr.Blocks) -> None:
    """The kept designs at the foot of every tab, read from and written to the browser's storage."""
    stored = gr.BrowserState({"kept": []}, storage_key=STORAGE_KEY, secret=STORAGE_SECRET)
    foot = part("shelf", value=None)
    foot.change(fn=None, js="(kept) => kept", inputs=foot, outputs=stored, show_progress="hidden")
    page.load(fn=None, js="(kept) => kept", inputs=stored, outputs=foot, show_progress="hidden")
