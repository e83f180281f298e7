"""Forms of 4, 100 and 400 questions (400 with 80 sums): ours beside LHC-Forms and Smart Forms, in Chromium.

Ours is what `ipvscreen questionnaires preview` serves, rendered, calculated and validated anew at each
request, with the QuestionnaireResponse beside it; theirs are static pages that render in the browser. All are
compressed, over the slow line and on the slow processor of `page.py`, each load in a fresh profile.
"""

import asyncio
import json
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
from made_form import made_form
from page import CHROMIUM, CPU, DOWN, FLAGS, LATENCY, UP, WAIT, WATCH, Load, slow_down
from playwright.sync_api import Browser, sync_playwright
from rich.console import Console
from rich.table import Table
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp
from subjects import ROOT, File, application, theirs

from ipvscreen.sdc.file import parse
from ipvscreen.web.preview import make_preview

HERE = Path(__file__).parent
BUILT = ROOT / "var" / "bench"
SIZES = ((4, 0), (100, 20), (400, 80))  # questions, sums
ROUNDS = 5
CLICKS = 4  # the form of 100 has five pages
SUBJECTS = ("ours", "LHC-Forms", "Smart Forms", "ours again")


def clock() -> datetime:
    """Now."""
    return datetime.now(UTC)


@contextmanager
def served(app_at: Any) -> Iterator[str]:
    """The base URL of the app that `app_at(url)` makes, while it serves."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        app: ASGIApp = GZipMiddleware(app_at(base), minimum_size=500)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
        thread.start()
        try:
            yield base
        finally:
            server.should_exit = True
            thread.join()


def preview(form: dict[str, Any]) -> Any:
    """Our app for one form, as the command makes it."""
    questionnaire = parse(json.dumps(form).encode())
    return lambda url: make_preview(questionnaire, ROOT / "smart_app", url=url, clock=clock)


def bundled() -> dict[str, File]:
    """Smart Forms' renderer in one script, minified; its fonts are left out, in its favour."""
    options = ["--bundle", "--minify", "--jsx=automatic", '--define:process.env.NODE_ENV="production"']
    fonts = ["--loader:.woff=empty", "--loader:.woff2=empty"]
    command = [HERE / "node_modules" / ".bin" / "esbuild", HERE / "smart_forms.jsx", *options, *fonts]
    subprocess.run(  # noqa: S603  what npm installed, on our own file
        [*map(str, command), f"--outdir={BUILT}", "--log-level=error"], check=True
    )
    types = {".js": "text/javascript", ".css": "text/css"}
    files = [BUILT / "smart_forms.js", BUILT / "smart_forms.css"]
    return {f"/{f.name}": File(f.read_bytes(), {"content-type": types[f.suffix]}) for f in files}


def smart_page(form: dict[str, Any]) -> File:
    """A page with Smart Forms and the form."""
    html = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Health questionnaire</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><link rel="stylesheet" href="/smart_forms.css"></head>
<body><div id="form"></div>
<script type="application/json" id="questionnaire">{json.dumps(form)}</script>
<script defer src="/smart_forms.js"></script>
</body></html>"""
    return File(html.encode(), {"content-type": "text/html; charset=utf-8"})


def load(browser: Browser, url: str, texts: list[str]) -> dict[str, float]:
    """When each text was first seen, ms, in a fresh profile; RuntimeError if a request fails."""
    failed: list[str] = []
    with browser.new_context() as context:
        page = context.new_page()
        slow_down(page, Load())
        page.on("response", lambda answer: None if answer.ok else failed.append(answer.url))
        page.add_init_script(f"({WATCH})({json.dumps(texts)}, {WAIT})")
        page.goto(url, timeout=WAIT, wait_until="commit")
        seen: dict[str, float] = page.evaluate("() => window.__seen")
    if failed or min(seen.values()) < LATENCY:
        raise RuntimeError(f"not a fair load of {url}: failed {failed}, seen {seen}")
    return seen


def next_page(browser: Browser, url: str) -> list[float]:
    """From a click on Next until the next page's first question is seen, ms; same line and processor."""
    waited = []
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(url, timeout=WAIT)
        slow_down(page, Load())
        for turn in range(1, CLICKS + 1):
            following = page.get_by_text(f"Question number {turn * 20 + 1},")
            began = time.perf_counter()
            page.locator("button.primary").click()
            following.wait_for(timeout=WAIT)
            waited.append((time.perf_counter() - began) * 1000)
    return waited


def compared(
    browser: Browser, items: int, sums: int, smart: dict[str, File]
) -> dict[str, list[dict[str, float]]]:
    """The loads of each subject with a form of this size: first and last question seen."""
    form = made_form(items, sums)
    texts = [f"Question number {number}," for number in (1, items)]
    lhc_path, lhc_files = theirs(form)
    statics = lhc_files | smart | {"/smart": smart_page(form)}
    found: dict[str, list[dict[str, float]]] = {subject: [] for subject in SUBJECTS}
    with ExitStack() as stack:
        ours = stack.enter_context(served(preview(form))) + "/"
        other = stack.enter_context(served(lambda _: application(statics)))
        urls = dict(zip(SUBJECTS, (ours, other + lhc_path, other + "/smart", ours), strict=True))
        for _ in range(ROUNDS):
            for subject, url in urls.items():
                seen = load(browser, url, texts)
                found[subject].append({"first": seen[texts[0]], "last": seen[texts[1]]})
    return found


def median(loads: list[dict[str, float]], what: str) -> float:
    """The median of one of the two."""
    return statistics.median(load[what] for load in loads)


def spread(loads: dict[str, list[dict[str, float]]]) -> str:
    """Ours beside ours again: median, least and most of the ratios."""
    pairs = zip(loads["ours"], loads["ours again"], strict=True)
    ratios = [again["first"] / first["first"] for first, again in pairs]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def row(table: Table, items: int, sums: int, loads: dict[str, list[dict[str, float]]]) -> bool:
    """Add what came of one size; whether ours was first."""
    first = {subject: median(loads[subject], "first") for subject in SUBJECTS[:3]}
    last = {subject: median(loads[subject], "last") for subject in SUBJECTS[:3]}
    times = [f"{first[subject]:,.0f} / {last[subject]:,.0f}" for subject in SUBJECTS[:3]]
    ratios = [f"{first['ours'] / first[subject]:.3f}" for subject in SUBJECTS[1:3]]
    table.add_row(f"{items} + {sums}", *times, *ratios, spread(loads))
    return first["ours"] < min(first["LHC-Forms"], first["Smart Forms"])


def main() -> int:
    """Load them in turn and report; 0 if ours is first on every row."""
    console = Console(width=130, highlight=False)
    table = Table(
        "questions + sums", "ours", "LHC-Forms", "Smart Forms", "ours / LHC", "ours / Smart", "ours / ours"
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        console.print(
            f"Chromium {browser.version}, cold; {DOWN / 1e6} Mbit/s down, {UP / 1e6} up, {LATENCY} ms;"
            f" CPU {CPU} times slower; gzip for all; {ROUNDS} rounds of {', '.join(SUBJECTS)}.\n"
            "Medians, ms: first question seen / last question seen; ratios of the first."
        )
        smart = bundled()
        held = [row(table, *size, compared(browser, *size, smart)) for size in SIZES]
        console.print(table)
        for items, sums in SIZES[1:]:
            with served(preview(made_form(items, sums, paged=True))) as base:
                waited = next_page(browser, base + "/")
            said = f"{statistics.median(waited):,.0f} ms ({min(waited):,.0f} to {max(waited):,.0f})"
            console.print(f"click to next page, {items} questions + {sums} sums, 20 a page: {said}")
        browser.close()
    console.print("PASS" if all(held) else "FAIL", "ours first on every row")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
