"""How a part of the page is made: its HTML skeleton and the module that brings it to life."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

PAGE = Path(__file__).parent / "page"
# Where app routes serve PAGE; a folder of its own, so that it can't hide one of Gradio's.
URL = "studio-page"

# Runs once when Gradio has put the skeleton into the page. The module is imported, because
# scripts given to Gradio's head can run before or after this. Until it has, a click would be lost,
# so none is taken: Gradio makes the parts of a tab when it is first opened.
ON_LOAD = """
const root = window.gradio_config.root;
element.inert = true;
import(`${root}/%(url)s/%(module)s.js`)
  .then((part) => part.mount({ element, props, watch, root }))
  .catch((error) => {
    console.error(error);
    element.textContent = "This part of the page could not be loaded. Reload the page.";
  })
  .finally(() => (element.inert = false));
"""


def part(name: str, **settings: Any) -> gr.HTML:
    """The part made of page/``name``.html and page/``name``.js.

    The skeleton has no placeholders, so Gradio never draws over what the module made.
    """
    return gr.HTML(
        html_template=(PAGE / f"{name}.html").read_text(encoding="utf-8"),
        js_on_load=ON_LOAD % {"url": URL, "module": name},
        elem_id=f"part-{name}",
        apply_default_css=False,
        **settings,
    )
