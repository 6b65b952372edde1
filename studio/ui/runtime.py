"""Where the page finds what runs generators in it: ONNX Runtime's npm package."""

from __future__ import annotations

from studio.ui.parts import PAGE, URL

FOLDER = PAGE
RUNTIME = "node_modules/onnxruntime-web/dist"


def address() -> str:
    """The path, from the app's root, of the package that ``npm ci`` put beside the page.

    Empty where nobody did: the page then takes the same files from a public CDN.
    """
    return f"/{URL}/{RUNTIME}" if (FOLDER / RUNTIME).is_dir() else ""
