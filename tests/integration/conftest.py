"""A browser without a screen: it follows launches, reads forms as they are printed, and posts them."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest


class PageForms(HTMLParser):
    """The step of a page, its text, and for each form its action, method and what it posts untouched."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.step: str | None = None
        self.forms: list[dict[str, Any]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "main":
            self.step = given.get("data-step")
        elif tag == "form":
            self.forms.append({"action": given.get("action", ""), "fields": [], "names": set()})
        elif tag in ("input", "select", "textarea", "button") and self.forms:
            self._control(tag, given)

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def _control(self, tag: str, given: dict[str, str | None]) -> None:
        name, form = given.get("name"), self.forms[-1]
        if not name:
            return
        form["names"].add(name)
        chosen = given.get("type") in ("radio", "checkbox") and "checked" in given
        plain = tag == "input" and given.get("type") in ("hidden", "text", "date", "tel", None)
        if chosen or plain:
            form["fields"].append((name, given.get("value") or ""))

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@dataclass
class Visitor:
    """One browser window of one clinician, in one visit at a time."""

    browser: httpx.AsyncClient
    page: httpx.Response = field(init=False)
    visit: str = ""

    async def launch(self, patient: str | None = None, clinician: str | None = None) -> "Visitor":
        params = {k: v for k, v in {"patient": patient, "clinician": clinician}.items() if v}
        self.page = await self.browser.get("https://ehr.test/launch/new", params=params)
        parts = self.page.url.path.split("/")
        if len(parts) > 2 and parts[1] == "v":
            self.visit = parts[2]
        return self

    @property
    def forms(self) -> PageForms:
        return PageForms(self.page.text)

    @property
    def step(self) -> str | None:
        return self.forms.step

    @property
    def text(self) -> str:
        return self.forms.text

    async def get(self, step: str) -> httpx.Response:
        self.page = await self.browser.get(f"/v/{self.visit}/{step}")
        return self.page

    async def post(self, fields: dict[str, Any], *, form: PageForms | None = None) -> httpx.Response:
        """Fill in the form of the page that has these fields, and post it as a browser would."""
        forms = (form or self.forms).forms
        fitting = [one for one in forms if set(fields) <= one["names"]]
        assert fitting, f"no form with {sorted(fields)}; there are {[sorted(f['names']) for f in forms]}"
        chosen = fitting[0]
        kept = [(name, value) for name, value in chosen["fields"] if name not in fields]
        given = [(n, one) for n, v in fields.items() for one in (v if isinstance(v, list) else [v])]
        body = httpx.QueryParams(kept + given)
        target = self.page.url.join(chosen["action"]) if chosen["action"] else self.page.url
        self.page = await self.browser.post(
            target,
            content=str(body),
            headers={
                "Content-Type": "application/x-www-form-urlencoded",
                "Sec-Fetch-Site": "same-origin",
                "Origin": "https://app.test",
            },
        )
        return self.page


@pytest.fixture
async def visitors(house: Any) -> AsyncIterator[Callable[[], Visitor]]:
    """Makes visitors, each with cookies of its own."""
    async with AsyncExitStack() as stack:

        def visitor() -> Visitor:
            one = Visitor(house.browser())
            stack.push_async_callback(one.browser.aclose)
            return one

        yield visitor


@pytest.fixture
def visitor(visitors: Callable[[], Visitor]) -> Visitor:
    """One visitor."""
    return visitors()
