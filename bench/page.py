"""Our question page beside LHC-Forms with the same form: bytes sent, and time until the first item is seen.

Both pages come from one server on loopback, compressed alike, into a browser that knows nothing of them,
over a slow line and on a slow processor. Ours is the page of a visit in the sandbox with all that is on it
(banner, both forms of the visit, folded explanations) and the headers that it came with; theirs: HARK alone.
"""

import json
import statistics
import sys
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright
from rich.console import Console
from rich.table import Table
from subjects import LFORMS, QUESTIONNAIRE, ours, serving, theirs

ITEMS = [item["text"] for item in QUESTIONNAIRE["item"]]

ROUNDS = 7
CPU = 4  # times slower
DOWN, UP, LATENCY = 1_600_000, 750_000, 150  # bit/s, bit/s, ms before each answer begins
MOST_BYTES, MOST_SCRIPT, MOST_TIME = 30_000, 3_000, 1 / 5  # gzip bytes, gzip bytes, of their time
WAIT = 120_000  # ms

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# A promise of when each of the texts first stood in a box that has a size; milliseconds since navigation.
WATCH = """(texts, wait) => {
  const seen = {}, nextFrame = requestAnimationFrame.bind(window);  // before zone.js wraps it, at their cost
  window.__seen = new Promise((done, fail) => {
    const look = () => {
      const walk = document.createTreeWalker(document, NodeFilter.SHOW_TEXT);
      for (let node; (node = walk.nextNode());) {
        const said = node.data.replace(/\\s+/g, ' ');
        for (const text of texts) {
          if (text in seen || !said.includes(text)) continue;
          const box = node.parentElement;
          if (box.checkVisibility() && box.getBoundingClientRect().height > 0) seen[text] = performance.now();
        }
      }
      if (texts.every((text) => text in seen)) done(seen);
      else if (performance.now() > wait) fail(new Error('an item was not seen'));
      else nextFrame(look);
    };
    nextFrame(look);
  });
}"""


@dataclass(slots=True)
class Load:
    """One load of one page: bytes on the wire with response headers, and when the first item was seen."""

    by_type: dict[str, int] = field(default_factory=dict)
    seen: float = 0.0

    @property
    def all(self) -> int:
        """Bytes of every response."""
        return sum(self.by_type.values())

    @property
    def script(self) -> int:
        """Bytes of the scripts."""
        return self.by_type.get("Script", 0)


def slow_down(page: Page, load: Load) -> None:
    """Slow line, slow processor, and a count of what comes in."""
    kinds: dict[str, str] = {}

    def finished(event: dict[str, Any]) -> None:
        kind = kinds[event["requestId"]]
        load.by_type[kind] = load.by_type.get(kind, 0) + int(event["encodedDataLength"])

    wire = page.context.new_cdp_session(page)
    wire.on("Network.responseReceived", lambda event: kinds.update({event["requestId"]: event["type"]}))
    wire.on("Network.loadingFinished", finished)
    wire.send("Network.enable")
    line = {"offline": False, "latency": LATENCY, "downloadThroughput": DOWN / 8, "uploadThroughput": UP / 8}
    wire.send("Network.emulateNetworkConditions", line)
    wire.send("Emulation.setCPUThrottlingRate", {"rate": CPU})


def load_page(browser: Browser, url: str) -> Load:
    """Load it in a fresh profile; RuntimeError if the slow line is not in force or a request fails."""
    load = Load()
    failed: list[str] = []
    with browser.new_context() as context:
        page = context.new_page()
        slow_down(page, load)
        page.on("response", lambda answer: None if answer.ok else failed.append(answer.url))
        page.add_init_script(f"({WATCH})({json.dumps(ITEMS)}, {WAIT})")
        page.goto(url, timeout=WAIT)
        load.seen = page.evaluate("() => window.__seen")[ITEMS[0]]
        page.wait_for_load_state("networkidle", timeout=WAIT)
        came = page.evaluate("performance.getEntriesByType('navigation')[0].responseEnd")
    if failed or came < LATENCY:
        raise RuntimeError(f"not a fair load of {url}: failed {failed}, page came after {came:.0f} ms")
    return load


def compared(a: list[Load], b: list[Load], what: str) -> tuple[float, float, float]:
    """Medians of ours and theirs, and their ratio."""
    x, y = (statistics.median(getattr(load, what) for load in loads) for loads in (a, b))
    return x, y, x / y


def report(console: Console, a: list[Load], b: list[Load], again: list[Load]) -> bool:
    """Print the table and the verdicts; whether all hold."""
    version = json.loads((LFORMS / "package.json").read_text(encoding="utf-8"))["version"]
    table = Table("median", "ours", f"LHC-Forms {version}", "ours / theirs")
    sent, script, seen = (compared(a, b, what) for what in ("all", "script", "seen"))
    rows = {"sent in all, bytes": sent, "of it script, bytes": script, "first item seen, ms": seen}
    for label, (x, y, ratio) in rows.items():
        table.add_row(label, f"{x:,.0f}", f"{y:,.0f}", f"{ratio:.4f}")
    console.print(table)
    same = [y.seen / x.seen for x, y in zip(a, again, strict=True)]
    spread = f"{statistics.median(same):.2f} (from {min(same):.2f} to {max(same):.2f})"
    console.print(f"A/A, first item seen, ours / ours: {spread}")
    verdicts = {
        f"sent in all at most {MOST_BYTES:,} bytes": sent[0] <= MOST_BYTES,
        f"of it script at most {MOST_SCRIPT:,} bytes": script[0] <= MOST_SCRIPT,
        f"first item seen in at most {MOST_TIME} of their time": seen[2] <= MOST_TIME,
    }
    for claim, holds in verdicts.items():
        console.print("PASS" if holds else "FAIL", claim)
    return all(verdicts.values())


def main() -> int:
    """Load them in turn and report; 0 if ours keeps its budget."""
    console = Console(width=100, highlight=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        (our_path, our_files), (their_path, their_files) = ours(browser), theirs()
        console.print(
            f"Chromium {browser.version}, cold; {DOWN / 1e6} Mbit/s down, {UP / 1e6} up, {LATENCY} ms;"
            f" CPU {CPU} times slower; gzip for both; bytes with response headers;"
            f" {ROUNDS} rounds of ours, theirs, ours."
        )
        a: list[Load] = []
        b: list[Load] = []
        again: list[Load] = []
        with serving(our_files | their_files) as base:
            for _ in range(ROUNDS):
                for path, loads in ((our_path, a), (their_path, b), (our_path, again)):
                    loads.append(load_page(browser, base + path))
        browser.close()
    return 0 if report(console, a, b, again) else 1


if __name__ == "__main__":
    sys.exit(main())
