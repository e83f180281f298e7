"""What is compared: our question page as the sandbox serves it, LHC-Forms as npm installed it; one server."""

import asyncio
import gzip
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from playwright.sync_api import Browser, Response
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response as Answer
from starlette.routing import Route

ROOT = Path(__file__).parents[1]
LFORMS = Path(__file__).parent / "node_modules" / "lforms"
QUESTIONNAIRE = json.loads((ROOT / "questionnaires" / "hark.json").read_text(encoding="utf-8"))

# What the README of lforms 40.1.3 says to load, with the FHIR library for one version, the smaller choice.
STYLE = "webcomponent/styles.css"
SCRIPTS = {
    "webcomponent/assets/lib/zone.min.js": "",
    "webcomponent/runtime.js": 'type="module"',
    "webcomponent/polyfills.js": 'type="module"',
    "webcomponent/main.js": 'type="module"',
    "fhir/R4/lformsFHIR.min.js": "defer",  # in turn with the modules; it looks for what main.js defines
}


@dataclass(frozen=True, slots=True)
class File:
    """What one path answers with."""

    body: bytes
    headers: Mapping[str, str]


@contextmanager
def sandbox() -> Iterator[dict[str, str]]:
    """The sandbox on free ports; its addresses."""
    ports = ["--port-app=0", "--port-ehr=0", "--port-service=0"]
    command = [str(Path(sys.executable).with_name("ipvscreen")), "sandbox", "--json", *ports]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  ours
        try:
            yield json.loads(process.stdout.readline())  # type: ignore[union-attr]  # stdout is a pipe
        finally:
            process.terminate()


def ours(browser: Browser) -> tuple[str, dict[str, File]]:
    """The path of the question page of a fresh visit, and every file that the browser fetched for it."""
    answers: list[Response] = []
    with sandbox() as addresses, browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{addresses['launch']}?patient=anna-woman&clinician=dr-osei")
        page.click("button[name=door][value=ask]")
        page.wait_for_selector("main[data-step=questions]")
        page.on("response", lambda answer: answers.append(answer))
        page.reload(wait_until="networkidle")
        files = {urlsplit(answer.url).path: kept(answer) for answer in answers if answer.ok}
        return urlsplit(page.url).path, files


def kept(answer: Response) -> File:
    """The body and the headers that a page of ours came with, without those that the bench sets itself."""
    own = {"content-length", "content-encoding", "transfer-encoding", "date", "server", "set-cookie"}
    return File(answer.body(), {name: value for name, value in answer.headers.items() if name not in own})


def theirs(form: Mapping[str, Any] = QUESTIONNAIRE) -> tuple[str, dict[str, File]]:
    """The path of a page with LHC-Forms and this form, and its files as npm installed them."""
    dist = LFORMS / "dist" / "lforms"
    types = {".js": "text/javascript", ".css": "text/css", ".png": "image/png"}
    names = [STYLE, *SCRIPTS, *(f"webcomponent/{image.name}" for image in dist.glob("webcomponent/*.png"))]
    files = {
        f"/lforms/{name}": File((dist / name).read_bytes(), {"content-type": types[Path(name).suffix]})
        for name in names
    }
    scripts = "\n".join(f'<script src="/lforms/{name}" {kind}></script>' for name, kind in SCRIPTS.items())
    html = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Health questionnaire</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><link rel="stylesheet" href="/lforms/{STYLE}"></head>
<body><div id="form"></div>
{scripts}
<script type="module">
LForms.Util.addFormToPage({json.dumps(form)}, 'form', {{fhirVersion: 'R4'}});
</script>
</body></html>"""
    return "/lforms", files | {"/lforms": File(html.encode(), {"content-type": "text/html; charset=utf-8"})}


def application(files: Mapping[str, File]) -> Starlette:
    """Serve the files, compressed once and beforehand, so that no page waits for the compressor."""
    packed = {path: gzip.compress(file.body, 9, mtime=0) for path, file in files.items()}

    async def serve(request: Request) -> Answer:
        file = files.get(request.url.path)
        if file is None:
            return Answer(status_code=404)
        headers = {"cache-control": "no-store", **file.headers, "content-encoding": "gzip"}
        return Answer(packed[request.url.path], headers=headers)

    return Starlette(routes=[Route("/{path:path}", serve)])


@contextmanager
def serving(files: Mapping[str, File]) -> Iterator[str]:
    """The base URL while it serves."""
    config = uvicorn.Config(application(files), log_level="warning", access_log=False)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
