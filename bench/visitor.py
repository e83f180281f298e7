"""A browser without a screen that opens a visit from a record system, over real sockets."""

import re
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import urlencode

import httpx

PATIENCE = 60.0  # seconds for one answer
_TOKEN = re.compile(r'name="token" value="([^"]+)"')
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}


@dataclass
class Visitor:
    """Cookies of its own; with `fresh` each request comes by a new connection."""

    fresh: bool = False
    address: str = "127.0.0.1"  # that it comes from; any of 127.0.0.0/8
    http: httpx.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        limits = httpx.Limits(max_keepalive_connections=0 if self.fresh else 10)
        self.http = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(limits=limits, local_address=self.address),
            timeout=PATIENCE,
            event_hooks={"request": [self._trust_loopback]},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.http.aclose()

    async def get(self, url: str, **params: str) -> httpx.Response:
        """The page at the end of all redirects."""
        return await self.http.get(url, params=params or None, follow_redirects=True)

    async def post(self, page: httpx.Response, *, follow: bool = True, **fields: str) -> httpx.Response:
        """Post the form of that page, with its token; the page that follows, or the answer itself."""
        token = _TOKEN.search(page.text)
        body = urlencode(fields | ({"token": token[1]} if token else {}))
        return await self.http.post(page.url, content=body, headers=_FORM, follow_redirects=follow)

    async def first_question(
        self, launch: str, *, patient: str = "anna-woman", clinician: str = "dr-osei"
    ) -> httpx.Response:
        """From the record system's button to the page of questions; the last page, whatever it is."""
        page = await self.get(launch, patient=patient, clinician=clinician)
        if not page.url.path.endswith("/start"):
            return page
        return await self.post(page, door="ask")

    async def _trust_loopback(self, request: httpx.Request) -> None:
        # Browsers send Secure cookies to 127.0.0.1 over http too; httpx does not.
        if request.url.host == "127.0.0.1":
            pairs = (f"{cookie.name}={cookie.value}" for cookie in self.http.cookies.jar)
            request.headers["Cookie"] = "; ".join(pairs)


def asked(page: httpx.Response) -> bool:
    """Whether it is the page of questions."""
    return page.status_code == 200 and page.url.path.endswith("/questions")


def addresses(page: httpx.Response) -> list[str]:
    """Every address that the page names."""
    return re.findall(r'(?:href|src|action)="([^"#]+)"', page.text)
