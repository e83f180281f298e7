"""What the tests that kill need: a house that can be killed, and what truly stands in the record."""

import asyncio
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
OWN = "the answers"


@dataclass
class House:
    """A running app that may be killed, and its record system."""

    app: Any
    ehr: str

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

    def faults(self, share: float, seed: int = 0) -> None:
        httpx.post(f"{self.ehr}/faults", json={"share": share, "seed": seed}, timeout=60).raise_for_status()

    def switch(self, **switches: Any) -> None:
        httpx.post(f"{self.ehr}/control", json=switches, timeout=60).raise_for_status()

    def held(self) -> dict[str, Any]:
        return httpx.get(f"{self.ehr}/held", timeout=60).raise_for_status().json()


@contextmanager
def house(folder: Path, env: Mapping[str, str] | None = None, **top: Any) -> Iterator[House]:
    """Both running; ended whatever happens."""
    app = processes.App(folder, top=top)
    system = processes.RecordSystem("north", processes.free_port())
    app.add(system)
    app.write()
    told = json.dumps({"port": system.port, "name": "north", "app": app.url})
    with (folder / "log").open("ab") as log:
        started = [
            _started(log, "faulty.py", told),
            _started(log, "killable.py", str(folder), str(app.port), str(LEASE), env=env),
        ]
    try:
        processes.until(lambda: processes.answers(f"{system.url}/fhir/metadata"))
        processes.until(lambda: processes.answers(f"{app.url}/readyz"))
        yield House(app, system.url)
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
    visitor: Any = None
    base: str = ""
    page: Any = None

    async def open(self, answers: dict[str, str], then: dict[str, str] | None = None) -> None:
        """To the page whose Save writes to the record; it is not pressed."""
        launch = f"{self.house.ehr}/launch/new"
        self.page = await self.visitor.first_question(launch, clinician=f"dr-{self.number}")
        self.base = str(self.page.url).rpartition("/")[0]
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

    async def until_saved(self, tries: int = 200) -> None:
        """Press Save, and whatever the pages offer, until one says that it is saved."""
        await self.post(**self.save)
        for _ in range(tries):
            told = await self.told()
            self.seen.append(told)
            check_page(told, self.page.text, self.house.held()["bodies"], self.id)
            if told == "saved":
                return
            if told == "not yet":
                await self.get(self.form)
                await self.post(**self.save)
            elif told == "saving":
                await asyncio.sleep(0.3)
            else:
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


def check_page(told: str, text: str, bodies: list[dict[str, Any]], visit: str) -> None:
    """What the page says against what stands there."""
    there = standing(bodies, visit)
    kinds = Counter(body["resourceType"] for body in there)
    if told == "saved":
        assert kinds["Provenance"] == 1, (visit, kinds)
        assert kinds["QuestionnaireResponse"] >= 2, (visit, kinds)
        assert sum(kinds.values()) == 1 + len(targets(there[0])), (visit, kinds)
        assert all(body["meta"]["security"] for body in there)
    nothing = "may be there" not in text and "Recorded" not in text
    if told == "unrecorded" and f"NOT recorded: {OWN}" in text and nothing:
        assert kinds["QuestionnaireResponse"] == 0, (visit, kinds)


def twice(bodies: list[dict[str, Any]]) -> list[Any]:
    """What stands there more than once: by business identifier, a Provenance by what it is about."""
    keys: Counter[Any] = Counter()
    for body in bodies:
        if body["resourceType"] == "Provenance":
            keys[targets(body)] += 1
        else:
            keys.update((body["resourceType"], value) for value in identifiers(body))
    return [key for key, count in keys.items() if count > 1]
