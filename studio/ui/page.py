"""The whole page: its tabs, its API, and how it is served."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from studio import checkpoint, exports, onnx_files
from studio.render import Renderer
from studio.ui import blend, collection, explore
from studio.ui.api import API
from studio.ui.parts import PAGE, URL
from studio.ui.theme import theme
from studio.ui.training import Access, Trainer, TrainingAPI, UploadGuard, tab

STYLES = ("studio.css", "gradio.css", "train.css", "watch.css")
QUEUE_REST = 0.25  # seconds
# Files made for downloads are dropped after a day, looked for every hour.
DELETE_CACHE = (3600, 24 * 3600)


def build(
    renderer: Renderer, training: Trainer | None = None, access: Access | None = None
) -> gr.Blocks:
    """The page over one renderer; it holds no visitor's state.

    ``training`` is what trains, for the tab of that name; without it the page has no such tab.
    ``access`` says who may use it; everybody unless given.
    """
    with gr.Blocks(
        title="Atelier",
        analytics_enabled=False,
        fill_width=True,
        delete_cache=DELETE_CACHE,
    ) as page:
        with gr.Tabs(elem_id="tabs"):
            explore.tab()
            blend.tab()
            collection.tab()
            if training:
                tab()
        collection.shelf(page)
        API(renderer).register()
        if training:
            TrainingAPI(training, access or Access()).register()
    # Nothing here is queued, and Gradio would look into the empty queue a thousand times a second:
    # a fifteenth of a core that a training on the same machine misses twice over.
    page._queue.sleep_when_free = QUEUE_REST
    return page


def launch_settings(
    renderer: Renderer, training: Trainer | None = None, access: Access | None = None
) -> dict[str, Any]:
    """What ``Blocks.launch`` needs besides host and port."""
    trains = training and (access or Access()).on
    return {
        "theme": theme(),
        "css_paths": [PAGE / name for name in STYLES if (PAGE / name).exists()],
        "head": f'<script type="module" src="{URL}/header.js"></script>',
        "footer_links": [],
        "run_history": False,
        "ssr_mode": False,
        # A zip of photos is one file.
        "max_file_size": training.limits.bytes if training and trains else exports.MAX_BYTES,
        "favicon_path": PAGE / "favicon.svg",
        "app_kwargs": {
            "routes": routes(renderer),
            "middleware": [Middleware(UploadGuard, access=access)] if trains and access else [],
        },
    }


def routes(renderer: Renderer) -> list[Route]:
    """The page's own files, and of the generators their preview pictures and exported networks."""

    async def page_file(request: Request) -> Response:
        return served(PAGE, request.path_params["path"])

    async def preview(request: Request) -> Response:
        found = renderer.checkpoints().get(request.path_params["name"])
        return served(found.folder, checkpoint.PREVIEW) if found else Response(status_code=404)

    def network(request: Request) -> Response:  # in a thread: finding it reads all of it
        found = renderer.checkpoints().get(request.path_params["name"])
        file = found and onnx_files.find(found)
        if not file:
            return Response(status_code=404)
        return served(file.path.parent, file.path.name, "application/octet-stream")

    return [
        Route(f"/{URL}/preview/{{name}}", preview),
        Route(f"/{URL}/network/{{name}}", network),
        Route(f"/{URL}/{{path:path}}", page_file),
    ]


def served(folder: Path, path: str, media_type: str | None = None) -> Response:
    """A file below ``folder``, to be asked for again each time but sent only when it changed."""
    file = (folder / path).resolve()
    if folder.resolve() not in file.parents or not file.is_file():
        return Response(status_code=404)
    return FileResponse(file, headers={"Cache-Control": "no-cache"}, media_type=media_type)
