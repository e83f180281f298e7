"""Real processes on loopback: sandbox record systems, and the app with its workers. For bench and tests."""

import base64
import json
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from record_system import CLIENT_ID, TOKEN

HERE = Path(__file__).resolve().parent
PATIENCE = 120.0  # seconds, for a machine that others use too
METRICS_TOKEN = secrets.token_urlsafe(16)


def until(what: Callable[[], object], seconds: float = PATIENCE) -> Any:
    """What it answers, as soon as that is true; TimeoutError if it never is."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := what():
            return answer
        time.sleep(0.05)
    raise TimeoutError(f"waited {seconds} s for {what}")


def free_port() -> int:
    """A port that nobody listens on, below those that outgoing connections take."""
    for port in random.sample(range(20_000, 32_000), 200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise OSError("no free port")


def answers(url: str) -> bool:
    """Whether something answers there."""
    try:
        return httpx.get(url, timeout=5.0).status_code < 500
    except httpx.HTTPError:
        return False


@dataclass(slots=True)
class RecordSystem:
    """A running sandbox record system."""

    name: str
    port: int

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://localhost:{self.port}"

    @property
    def launch(self) -> str:
        """A URL that starts a launch anew at every GET."""
        return f"{self.url}/launch/new"

    def switch(self, **switches: Any) -> None:
        """Set its switches."""
        httpx.post(f"{self.url}/control", json=switches, timeout=PATIENCE).raise_for_status()

    def wait(self, seconds: float) -> None:
        """Be that far away from now on."""
        httpx.get(f"{self.url}/seen", params={"latency": seconds}, timeout=PATIENCE).raise_for_status()

    def seen(self) -> list[tuple[float, float]]:
        """When each FHIR request began and ended since this was last asked (time.monotonic)."""
        answer = httpx.get(f"{self.url}/seen", timeout=PATIENCE).raise_for_status()
        return [(began, ended) for began, ended in answer.json()]

    def search(self, kind: str, **params: str) -> list[dict[str, Any]]:
        """What it holds of that kind."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        found = httpx.get(f"{self.url}/fhir/{kind}", params=params, headers=headers, timeout=PATIENCE)
        return [entry["resource"] for entry in found.raise_for_status().json().get("entry", ())]


@contextmanager
def record_system(name: str, app: str, log: Path, **more: Any) -> Iterator[RecordSystem]:
    """A record system that launches the app at that public URL; `more` is for `create_ehr`."""
    running = RecordSystem(name, free_port())
    told = json.dumps({"port": running.port, "name": name, "app": app, **more})
    with log.open("ab") as out:
        process = subprocess.Popen(  # noqa: S603  our own program
            [sys.executable, str(HERE / "record_system.py"), told], stdout=out, stderr=out
        )
    try:
        until(lambda: answers(f"{running.url}/fhir/metadata"))
        yield running
    finally:
        process.kill()
        process.wait()


# Somebody who hears of what waits: without, nothing is referred. No mail server listens there.
MAIL = {"host": "127.0.0.1", "port": 9, "security": "none", "sender": "app@practice.test"}
STAFFED = {"members": ["Practitioner/dr-marsh"], "mailbox": "duty@practice.test"}
HOURS = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "08:00-18:30")


@dataclass(slots=True)
class App:
    """The app of one folder: its ipvscreen.toml, its store, its log, and `ipvscreen serve` once started."""

    folder: Path
    port: int = field(default_factory=free_port)
    base: str = ""
    top: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=lambda: {"one": fresh_key()})
    ehrs: list[dict[str, Any]] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None

    @property
    def origin(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Its public URL."""
        return f"{self.origin}{self.base}"

    @property
    def log(self) -> Path:
        """What it printed."""
        return self.folder / "app.log"

    def add(self, system: RecordSystem, **more: Any) -> None:
        """One more record system that may launch it."""
        entry = {
            "name": system.name,
            "iss": f"{system.url}/fhir",
            "allow_http_loopback": True,
            "client_id": CLIENT_ID,
            "exit_url": f"{system.url}/",
        }
        self.ehrs.append(entry | more)

    def write(self) -> None:
        """Write its settings as they are now."""
        top = {
            "public_url": self.url,
            "key": next(iter(self.keys)),
            "metrics_token": METRICS_TOKEN,
            "inside_hosts": ["127.0.0.1", "localhost"],
            "launches_per_minute": 1_000_000,
            "launches_per_address": 1_000_000,
            **self.top,
        }
        parts = [toml(top), "[keys]", toml(self.keys), "[mail]", toml(MAIL)]
        for ehr in self.ehrs:
            parts += [
                "[[ehr]]",
                toml(ehr),
                "[ehr.staffed]",
                toml(STAFFED),
                "[ehr.staffed.hours]",
                toml(HOURS),
            ]
        (self.folder / "ipvscreen.toml").write_text("\n".join(parts) + "\n", encoding="utf-8")

    def run(self, *words: str) -> str:
        """A command of ours in its folder; what it printed."""
        command = [sys.executable, "-m", "ipvscreen", *words]
        done = subprocess.run(  # noqa: S603  our own program
            command, cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{words}: {done.stderr}")
        return done.stdout

    def start(self, *words: str, workers: int = 2, ready: bool = True) -> None:
        """Serve, and wait until it is ready."""
        command = [sys.executable, "-m", "ipvscreen", "serve", "--port", str(self.port)]
        self.log.write_bytes(b"")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603  our own program
                [*command, "--workers", str(workers), *words], cwd=self.folder, stdout=log, stderr=log
            )
        if ready:
            until(lambda: self.events("workers.started") or self.process.poll() is not None)

    def signal(self, number: signal.Signals) -> None:
        """Send the parent of the workers a signal."""
        assert self.process is not None  # noqa: S101  it was started
        self.process.send_signal(number)

    def stop(self) -> int:
        """End it by SIGTERM; its exit code."""
        assert self.process is not None  # noqa: S101  it was started
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def lines(self) -> list[dict[str, Any]]:
        """Its whole log lines; ValueError where one is no JSON."""
        text = self.log.read_text(encoding="utf-8")
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def events(self, name: str) -> int:
        """How many lines of that event it has printed."""
        return sum(line["event"] == name for line in self.lines())

    def reload(self) -> None:
        """SIGHUP, and wait until the new workers serve and the old ones have gone."""
        before = self.events("workers.retired")
        self.signal(signal.SIGHUP)
        until(lambda: self.events("workers.retired") > before)

    def workers(self) -> list[int]:
        """The process ids of its workers."""
        assert self.process is not None  # noqa: S101  it was started
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(
            encoding="ascii"
        )
        return [pid for pid in map(int, children.split()) if _is_worker(pid)]


def _is_worker(pid: int) -> bool:
    return "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8")


@contextmanager
def app_in(folder: Path, **more: Any) -> Iterator[App]:
    """An app that is not started yet; killed at the end if it still runs."""
    made = App(folder, **more)
    try:
        yield made
    finally:
        if made.process and made.process.poll() is None:
            workers = made.workers()
            made.process.kill()
            made.process.wait()
            for pid in workers:
                _kill(pid)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


@contextmanager
def served(
    folder: Path, names: Sequence[str] = ("north",), *words: str, **more: Any
) -> Iterator[tuple[App, Mapping[str, RecordSystem]]]:
    """The app and record systems of those names, all running."""
    with ExitStack() as stack:
        app = stack.enter_context(app_in(folder, **more))
        systems = {
            name: stack.enter_context(record_system(name, app.url, folder / f"{name}.log")) for name in names
        }
        for system in systems.values():
            app.add(system)
        app.write()
        app.start(*words)
        yield app, systems


def fresh_key() -> str:
    """32 bytes in base64."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def toml(values: Mapping[str, Any]) -> str:
    """Flat TOML; JSON's strings, numbers and true are TOML's too."""
    return "\n".join(f"{name} = {json.dumps(value)}" for name, value in values.items())
