"""What the tests that kill need: a house that can be killed, and what truly stands in the record."""

import asyncio
import html
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import processes
import visitor

HERE = Path(__file__).resolve().parent
LEASE = 1.0
YES, NO = "LA33-6", "LA32-8"
HARK = ("76500-8", "76501-6", "76502-4", "76503-2")
NEGATIVE = dict.fromkeys(HARK, NO) | {"aas-1": "no"}
POSITIVE = dict.fromkeys(HARK, NO) | {HARK[1]: YES}
QUIET = {"safe-today": "yes", "neck": "no", "suicide": "no", "flag": "yes"}
SHEET = {"service": "specialist", "way": "phone", "number": "07700 900123", "out": "yes"}
SHEET |= {"back": "no", "until": (datetime.now(UTC) + timedelta(days=90)).date().isoformat()}
STEP = re.compile(r'data-step="([^"]+)"')
KINDS = {
    "the answers": "QuestionnaireResponse",
    "the results": "Observation",
    "a flag": "Flag",
    "who recorded it": "Provenance",
}
TAKEN_BACK = "ALARM: its protection was not kept, so it was taken back"
BARE = "ALARM: stored without protection"
NOTICE = re.compile(r'<div class="notice[^>]*>\s*<p><strong>(.*?)\.</strong>')


@dataclass
class House:
    """A running app that may be killed, and its record system."""

    app: Any
    ehr: str
    http: httpx.Client

    @property
    def folder(self) -> Path:
        return self.app.folder

    def pid(self) -> int:
        return int((self.folder / "pid").read_text(encoding="ascii"))

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid(), signal.SIGKILL)

    def kill_at(self, point: str) -> None:
        (self.folder / "point").write_text(point, encoding="ascii")

    def ends(self) -> list[int]:
        """How each process that served has ended."""
        file = self.folder / "ends"
        return [int(line) for line in file.read_text(encoding="ascii").split()] if file.exists() else []

    def faults(self, share: float, seed: int = 0, *, mark: bool = False) -> None:
        """How many of the requests fail; with `mark`, what is held now is not new any more."""
        told = {"share": share, "seed": seed, "mark": mark}
        self.http.post(f"{self.ehr}/faults", json=told).raise_for_status()

    def switch(self, **switches: Any) -> None:
        self.http.post(f"{self.ehr}/control", json=switches).raise_for_status()

    def deadly(self, method: str, at: int, *, done: bool) -> None:
        """Killed by the record system at the `at`-th request of that method, carried out or not."""
        told = {"method": method, "at": at, "done": done, "pid": str(self.folder / "pid")}
        self.http.post(f"{self.ehr}/deadly", json=told).raise_for_status()

    def held(self, *, new: bool = False) -> dict[str, Any]:
        """Everything, or what came since the last mark."""
        params = {"new": "yes"} if new else None
        return self.http.get(f"{self.ehr}/held", params=params).raise_for_status().json()


@contextmanager
def house(
    folder: Path, env: Mapping[str, str] | None = None, lease: float = LEASE, **top: Any
) -> Iterator[House]:
    """Both running; ended whatever happens."""
    app = processes.App(folder, top=top)
    system = processes.RecordSystem("north", processes.free_port())
    app.add(system)
    app.write()
    told = json.dumps({"port": system.port, "name": "north", "app": app.url})
    with (folder / "log").open("ab") as log:
        started = [
            _started(log, "faulty.py", told),
            _started(log, "killable.py", str(folder), str(app.port), str(lease), env=env),
        ]
    try:
        processes.until(lambda: processes.answers(f"{system.url}/fhir/metadata"))
        processes.until(lambda: processes.answers(f"{app.url}/readyz"))
        with httpx.Client(timeout=60) as http:
            yield House(app, system.url, http)
    finally:
        for process in started:
            process.kill()
            process.wait()
        with suppress(ProcessLookupError, FileNotFoundError):
            os.kill(int((folder / "pid").read_text(encoding="ascii")), signal.SIGKILL)


def _started(log: Any, script: str, *words: str, env: Mapping[str, str] | None = None) -> Any:
    command = [sys.executable, str(HERE / script), *words]
    return subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **(env or {})})  # noqa: S603


@dataclass
class Window:
    """One clinician's window in one visit, which looks again where the app is gone."""

    house: House
    number: int
    save: dict[str, str] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)  # each page, in a word
    pressed: int = 0  # how often "Try again"
    visitor: Any = None
    base: str = ""
    page: Any = None

    async def open(self, answers: dict[str, str], then: dict[str, str] | None = None) -> None:
        """To the page whose Save writes to the record; it is not pressed."""
        launch = f"{self.house.ehr}/launch/new"
        self.page = await self.visitor.first_question(launch, clinician=f"dr-{self.number}")
        self.base = str(self.page.url).rpartition("/")[0]
        assert "/v/" in self.base, f"the launch of dr-{self.number} ended at {self.page.url}"
        if then is not None:
            self.page = await self.visitor.post(self.page, **answers)
        self.save = answers if then is None else then
        self.form = str(self.page.url)

    @property
    def id(self) -> str:
        return self.base.rpartition("/")[2]

    @property
    def step(self) -> str:
        found = STEP.search(self.page.text)
        return found[1] if found else f"problem {self.page.status_code}"

    async def post(self, **fields: str) -> None:
        """Press a button; where the app dies meanwhile, the browser says so and the page stays."""
        with suppress(httpx.TransportError):
            self.page = await self.visitor.post(self.page, **fields)

    async def get(self, url: str) -> None:
        for _ in range(400):
            with suppress(httpx.TransportError):
                self.page = await self.visitor.get(url)
                return
            await asyncio.sleep(0.05)
        raise TimeoutError(url)

    async def told(self) -> str:
        """What `done` says now, in a word; "not yet" where Save did not get there."""
        await self.get(f"{self.base}/done")
        if self.page.status_code == 409:
            return "not yet"
        assert self.page.status_code == 200, self.page.text
        text = self.page.text
        words = {
            "Still being written": "saving",
            "<h1>Saved</h1>": "saved",
            "<h1>Not yet recorded</h1>": "unrecorded",
            "<h1>Interrupted: not finished</h1>": "interrupted",
        }
        return next(word for sign, word in words.items() if sign in text)

    def check(self, told: str, bodies: list[dict[str, Any]]) -> None:
        """The page against what stands there."""
        check_page(told, self.page.text, bodies, self.id, f"dr-{self.number}")

    async def until_saved(self, tries: int = 200, *, new: bool = False) -> None:
        """Press Save, and whatever the pages offer, until one says that it is saved; each page is true.

        `new`: it came since the last mark, so that not all that is held has to be looked through.
        """
        await self.post(**self.save)
        for _ in range(tries):
            told = await self.told()
            self.seen.append(told)
            self.check(told, self.house.held(new=new)["bodies"])
            if told == "saved":
                return
            if told == "not yet":
                await self.get(self.form)
                await self.post(**self.save)
            elif told == "saving":
                await asyncio.sleep(0.5)
            else:
                self.pressed += 1
                await self.post(action="retry")
        raise TimeoutError(self.seen)


@asynccontextmanager
async def window(house: House, number: int) -> AsyncIterator[Window]:
    async with visitor.Visitor() as browser:
        yield Window(house, number, visitor=browser)


def identifiers(body: Mapping[str, Any]) -> list[str]:
    found = body.get("identifier", [])
    return [one["value"] for one in ([found] if isinstance(found, dict) else found)]


def standing(bodies: list[dict[str, Any]], visit: str) -> list[dict[str, Any]]:
    """Everything of that visit: its answers, and what a Provenance names together with them."""
    from ipvscreen.resources.draft import business_key

    own = f"urn:uuid:{business_key(visit, 'hark/response')}"
    answers = [body for body in bodies if own in identifiers(body)]
    ids = {f"{body['resourceType']}/{body['id']}" for body in answers}
    provenances = [body for body in bodies if body["resourceType"] == "Provenance" and targets(body) & ids]
    named = set().union(*map(targets, provenances)) if provenances else set()
    return [*provenances, *(body for body in bodies if f"{body['resourceType']}/{body['id']}" in named | ids)]


def targets(body: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(one["reference"] for one in body.get("target", ()))


def check_page(told: str, text: str, bodies: list[dict[str, Any]], visit: str, clinician: str) -> None:
    """What the page says against what stands there."""
    if told == "saved":
        there = standing(bodies, visit)
        kinds = Counter(body["resourceType"] for body in there)
        assert kinds["Provenance"] == 1, (visit, kinds)
        assert kinds["QuestionnaireResponse"] >= 2, (visit, kinds)
        assert sum(kinds.values()) == 1 + len(targets(there[0])), (visit, kinds)
        assert all(map(labelled, there)), (visit, kinds)
    if told in ("saved", "unrecorded", "interrupted"):
        _check_notices(notices(text), entries(bodies, clinician), clinician)


def notices(text: str) -> dict[str, set[str]]:
    """By what is said of them, the types that the page names."""
    said: dict[str, set[str]] = {}
    for heading in NOTICE.findall(html.unescape(text)):
        start, _, names = heading.rpartition(": ")
        said.setdefault(start, set()).update(KINDS[name] for name in names.split(", "))
    assert said, text
    return said


def _check_notices(said: dict[str, set[str]], there: list[dict[str, Any]], whose: str) -> None:
    kinds = Counter(body["resourceType"] for body in there)
    bare = {body["resourceType"] for body in there if not labelled(body)}
    for start, named in said.items():
        others = set().union(*(kinds for other, kinds in said.items() if other != start))
        if start.startswith("Recorded"):
            assert named <= set(kinds), (whose, said, kinds)
            assert not named & bare, (whose, said, bare)
        elif start == BARE:
            assert named <= bare, (whose, said, bare)
        elif start in (TAKEN_BACK, "NOT recorded"):
            assert not (named - others) & set(kinds), (whose, said, kinds)
        else:
            assert "it may be there" in start, start
    assert bare <= said.get(BARE, set()), (whose, said, bare)


def labelled(body: Mapping[str, Any]) -> bool:
    return bool(body["meta"].get("security"))


def entries(bodies: list[dict[str, Any]], clinician: str) -> list[dict[str, Any]]:
    """All of the encounter in which that clinician has written, whoever names it or not."""
    own = f"Practitioner/{clinician}"
    written = (body for body in bodies if body.get("author", {}).get("reference") == own)
    encounters = {body["encounter"]["reference"] for body in written}
    there = [body for body in bodies if body.get("encounter", {}).get("reference") in encounters]
    ids = {f"{body['resourceType']}/{body['id']}" for body in there}
    return [
        *there,
        *(body for body in bodies if body["resourceType"] == "Provenance" and targets(body) & ids),
    ]


def twice(bodies: list[dict[str, Any]]) -> list[Any]:
    """What stands there more than once: by business identifier, a Provenance by what it is about."""
    keys: Counter[Any] = Counter()
    for body in bodies:
        if body["resourceType"] == "Provenance":
            keys[targets(body)] += 1
        else:
            keys.update((body["resourceType"], value) for value in identifiers(body))
    return [key for key, count in keys.items() if count > 1]
