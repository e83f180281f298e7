"""Canaries: a unique string in every field, visits with failures, and a search of all places that could leak.

The app is a real `ipvscreen serve`; the record system and the service run in threads here, so that what
reaches them can be read. Then a visit is made with an app that leaks on purpose: each place must go red.
"""

import asyncio
import base64
import gzip
import html
import json
import os
import re
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import tomllib
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import md5, sha1, sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import aiosmtplib
import httpx
import pytest
import uvicorn
from aiosmtpd.smtp import SMTP

sys.path.append(str(Path(__file__).resolve().parents[2] / "bench"))

import processes

import ipvscreen
from ipvscreen.app import create_app, import_services, notices_of
from ipvscreen.delivery import mail
from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.members import Member, Organisation, Role
from ipvscreen.ipv.referral import Agreement, ContactWay, ReferralRequest, SafeContact
from ipvscreen.sandbox.charity import create_charity
from ipvscreen.sandbox.directory import services_bundle
from ipvscreen.sandbox.ehr import create_ehr
from ipvscreen.settings import Settings
from ipvscreen.store import anchor as anchor_module
from ipvscreen.store import backup as backup_module
from ipvscreen.store.anchor import anchor
from ipvscreen.store.backup import backup
from ipvscreen.store.facade import Store, open_store
from ipvscreen.store.members import new_id, new_invitation
from ipvscreen.store.sealed import Ring, SealedTable
from ipvscreen.store.spent import Once
from ipvscreen.web.watch import Watch

YES, NO = "LA33-6", "LA32-8"
HARK = ("76500-8", "76501-6", "76502-4", "76503-2")
QUICK = {
    "safe-today": "yes",
    "neck": "no",
    "suicide": "no",
    "children-or-pregnant": "children",
    "flag": "yes",
}
TYPED = [f"typed-{number}" for number in range(24)]  # items of a form of the deployer's own
PATIENTS = ("anna-woman", "helen-woman")


class Canaries(dict[str, str]):
    """By field; `protocol` are those that the sign-in carries through addresses, once and for minutes."""

    def __init__(self) -> None:
        super().__init__()
        self.protocol: set[str] = set()

    def new(self, field: str, shape: str = "Kz{}") -> str:
        self[field] = shape.format(secrets.token_hex(6))
        return self[field]

    def phone(self, field: str) -> str:
        self[field] = f"07{secrets.randbelow(10**9):09d}"
        return self[field]

    def caught(self, field: str, value: str | None) -> None:
        """One that a system made up, such as a token."""
        if value:
            number = sum(name.startswith(field) for name in self)
            if value not in self.values():
                self[f"{field} {number}"] = value


# --- the search --------------------------------------------------------------------------------------------


@cache
def forms_of(canary: str) -> set[bytes]:
    """How a value can show: plain or in part, in other cases and encodings, escaped, or as a plain hash."""
    plain = canary.encode()
    texts = {canary, canary.upper(), canary.lower(), quote(canary), quote_plus(canary)}
    texts |= {json.dumps(canary)[1:-1], json.dumps(canary, ensure_ascii=False)[1:-1], plain.hex()}
    texts |= {html.escape(canary), *re.findall(r"[A-Za-z0-9]{12,}", canary)}
    found = {text.encode() for text in texts}
    found |= {canary.encode("utf-16-le"), canary.encode("utf-16-be")}
    for by in range(3):  # wherever it stands in a longer text
        shifted = b" " * by + plain
        for code in (base64.b64encode, base64.urlsafe_b64encode):
            found.add(code(shifted)[4:-4] if by else code(shifted)[:-4])
    for digest in (sha256(plain), sha1(plain), md5(plain)):  # noqa: S324  to find them, not to use them
        found |= {digest.digest(), digest.hexdigest().encode(), digest.hexdigest().upper().encode()}
    return {form for form in found if len(form) >= 8}


def unpacked(content: bytes) -> bytes:
    """The content, and what is packed in it."""
    parts = [content]
    for start in re.finditer(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]", content):
        unpacking = zlib.decompressobj(47)
        try:
            parts.append(unpacking.decompress(content[start.start() :], 10_000_000))
        except zlib.error:
            continue
    return b"\n".join(parts)


def found_in(content: bytes, canaries: dict[str, str]) -> set[str]:
    """The fields whose canary is there, in any form."""
    everything = unpacked(content)
    return {field for field, value in canaries.items() if any(form in everything for form in forms_of(value))}


@pytest.mark.parametrize(
    "hide",
    [
        lambda text: text,
        lambda text: text.upper(),
        lambda text: quote(text),
        lambda text: json.dumps({"a": text}),
        lambda text: base64.b64encode(f"name={text}&".encode()).decode(),
        lambda text: base64.b64encode(text.encode()).decode(),
        lambda text: sha256(text.encode()).hexdigest(),
        lambda text: md5(text.encode()).hexdigest(),  # noqa: S324  as above
    ],
)  # fmt: skip
@pytest.mark.parametrize("canary", ['Kz12ab34cd56ef é"x/?', "07912345678", "1991-07-19"])
def test_a_canary_is_found_however_it_is_written(hide: Callable[[str], str], canary: str) -> None:
    for content in (
        hide(canary).encode(),
        hide(canary).encode("utf-8") * 2,
        b"before" + gzip.compress(hide(canary).encode()) + b"after",
        zlib.compress(hide(canary).encode()),
    ):
        assert found_in(content, {"field": canary}) == {"field"}
    assert found_in(canary.encode("utf-16-le"), {"field": canary}) == {"field"}
    assert found_in(hide("another word that is not it").encode(), {"field": canary}) == set()


# --- the systems around the app ----------------------------------------------------------------------------


class Recorder:
    """Before a sandbox: notes what reaches it, and what it answers; fails where it is told to."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.lines: list[str] = []
        self.sent: list[bytes] = []
        self.answered: list[bytes] = []
        self.quoting = 0  # so many POSTs are refused in words that quote what was posted

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        ours = dict(scope["headers"]).get(b"user-agent", b"").startswith(b"test browser")
        if not ours:
            self._note(scope, body)
        given = iter([{"type": "http.request", "body": body}])

        async def again() -> Any:
            return next(given, {"type": "http.disconnect"})

        async def out(message: Any) -> None:
            self.answered.append(message.get("body", b""))
            await send(message)

        if self.quoting and scope["method"] == "POST" and scope["path"].startswith("/fhir") and not ours:
            self.quoting -= 1
            await refuse(out, body)
            return
        await self.app(scope, again, out)

    def _note(self, scope: Any, body: bytes) -> None:
        path = (scope["raw_path"] + b"?" + scope["query_string"]).decode()
        self.lines.append(f"{scope['method']} {path}")
        shown = [(n, v) for n, v in scope["headers"] if n != b"authorization"]
        self.lines += [f"{name.decode()}: {value.decode()}" for name, value in shown]
        self.sent.append(body)


async def refuse(send: Any, body: bytes) -> None:
    words = f"Refused: {body.decode()}"
    issue = {"severity": "error", "code": "invalid", "diagnostics": words, "details": {"text": words[:900]}}
    outcome = json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode()
    headers = [(b"content-type", b"application/fhir+json")]
    await send({"type": "http.response.start", "status": 422, "headers": headers})
    await send({"type": "http.response.body", "body": outcome})


@contextmanager
def serving(app: Any, port: int) -> Iterator[None]:
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="critical", log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        processes.until(lambda: server.started)
        yield
    finally:
        server.should_exit = True
        thread.join()


def now() -> datetime:
    return datetime.now(UTC)


def demographics(canaries: Canaries, body: dict[str, Any], number: int) -> dict[str, Any]:
    """A patient, or a clinician, with a canary in every field that a record system has for one."""

    def new(field: str, shape: str = "Kz{}") -> str:
        return canaries.new(f"{body['resourceType']} {number} {field}", shape)

    def phone(field: str) -> str:
        return canaries.phone(f"{body['resourceType']} {number} {field}")

    name = {"use": "official", "family": new("family"), "given": [new("given"), new("second given")]}
    canaries[f"{body['resourceType']} {number} birth date"] = born = f"19{81 + number}-0{3 + number}-17"
    more: dict[str, Any] = {
        "name": [name | {"prefix": [new("prefix")]}],
        "birthDate": born,
        "identifier": [{"system": "urn:mrn", "value": new("record number")}],
        "telecom": [
            {"system": "phone", "value": phone("phone")},
            {"system": "email", "value": new("mail", "kz{}@mail.test")},
        ],
        "address": [
            {"line": [new("street", "{} Kz Lane")], "city": new("city"), "postalCode": new("post code")}
        ],
    }
    if body["resourceType"] == "Patient":
        more["contact"] = [
            {
                "name": {"text": new("next of kin")},
                "telecom": [{"system": "phone", "value": phone("next of kin phone")}],
            }
        ]
    return body | more


class House:
    """Record system, service and app, and everything that could be seen of a run."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.canaries = folder, Canaries()
        self.secret = self.canaries.new("client secret")
        self.ports = [processes.free_port() for _ in range(2)]
        self.anchor = folder / "anchor"
        top = {"questionnaires": str(folder / "forms"), "audit_anchor": str(self.anchor)}
        self.app = processes.App(folder / "cwd", top=top)
        for name in ("cwd", "forms", "temporary", "backups"):
            (folder / name).mkdir()
        self.browsers: list[Browser] = []
        self._systems()
        self._settings()

    @property
    def ehr_url(self) -> str:
        return f"http://localhost:{self.ports[0]}"

    @property
    def charity_url(self) -> str:
        return f"http://localhost:{self.ports[1]}"

    def _systems(self) -> None:
        ehr = create_ehr(
            base_url=self.ehr_url,
            app_launch_url=f"{self.app.url}/launch",
            client_id="health-questionnaire",
            redirect_uris=(f"{self.app.url}/callback/north",),
            token="reads-everything-here",
            clock=now,
            auth="client_secret_basic",
            client_secret=self.secret,
        )
        self.sandbox = ehr.state.sandbox
        for number, patient in enumerate(PATIENTS):
            body = self.sandbox.memory.find("Patient", patient)
            self.sandbox.memory.put(demographics(self.canaries, body, number), now())
        doctor = self.sandbox.memory.find("Practitioner", "dr-osei")
        self.sandbox.memory.put(demographics(self.canaries, doctor, 5), now())
        charity = create_charity(base_url=self.charity_url, token="t", clock=now)
        self.charity = charity.state.sandbox
        self.ehr, self.service = Recorder(ehr), Recorder(charity)

    def _settings(self) -> None:
        self.app.ehrs.append(
            {
                "name": "north",
                "iss": f"{self.ehr_url}/fhir",
                "allow_http_loopback": True,
                "client_id": "health-questionnaire",
                "token_auth": "client_secret_basic",
                "client_secret": self.secret,
                "exit_url": f"{self.ehr_url}/",
                "told_if_no_answer": self.canaries.new("role that is told"),
                "who_can_see": self.canaries.new("sentence on who can see"),
            }
        )
        self.app.write()
        self.canaries["field key"] = next(iter(self.app.keys.values()))
        self.canaries["metrics token"] = processes.METRICS_TOKEN
        items = [{"linkId": name, "text": name, "type": "string"} for name in TYPED]
        form = {
            "resourceType": "Questionnaire",
            "url": "https://clinic.test/Questionnaire/sleep",
            "version": "3",
        }
        form |= {"name": "Sleep", "title": "Sleep", "status": "active", "language": "en", "copyright": "Ours"}
        (self.folder / "forms" / "sleep.json").write_text(json.dumps(form | {"item": items}))

    def settings(self) -> Settings:
        key, value = next(iter(self.app.keys.items()))
        return Settings(public_url=self.app.url, database=self.database, key=key, keys={key: value})

    @property
    def database(self) -> str:
        return f"sqlite+aiosqlite:///{self.folder / 'cwd' / 'ipvscreen.db'}"

    def import_services(self) -> None:
        bundle = services_bundle(f"{self.charity_url}/fhir")
        for entry in bundle["entry"][:2]:
            service = entry["resource"]
            service["comment"] = self.canaries.new(f"service {service['id']} comment")
            service["telecom"] = [
                {"system": "phone", "value": self.canaries.phone(f"service {service['id']} phone")}
            ]
        asyncio.run(import_services(self.settings(), bundle))

    def start(self, *python: str, **environment: str) -> None:
        """As App.start, with options for Python and variables."""
        command = [sys.executable, *python, "-m", "ipvscreen", "serve", "--port", str(self.app.port)]
        told = os.environ | {"TMPDIR": str(self.folder / "temporary")} | environment
        with self.app.log.open("ab") as log:
            self.app.process = subprocess.Popen(  # noqa: S603  our own program
                [*command, "--workers", "1"], cwd=self.app.folder, stdout=log, stderr=log, env=told
            )
        processes.until(lambda: self.app.events("workers.started") or self.app.process.poll() is not None)
        assert self.app.process.poll() is None, self.app.log.read_text()

    def sinks(self) -> dict[str, bytes]:
        """Every place where something could leak, with what stands there now."""
        app, cwd = self.app, self.folder / "cwd"
        token = {"Authorization": f"Bearer {processes.METRICS_TOKEN}"}
        pids = [app.process.pid, *app.workers()]
        others = [path for path in cwd.rglob("*") if path.name not in ("ipvscreen.toml", "app.log")]
        stores = [path for path in others if path.name.startswith("ipvscreen.db")]
        rest = [path for path in others if path not in stores]
        lines = [line for browser in self.browsers for line in browser.seen]

        def kind(name: str) -> bytes:
            return "\n".join(text for what, text in lines if what == name).encode()

        return {
            "log": app.log.read_bytes(),
            "metrics": httpx.get(f"{app.url}/metrics", headers=token, timeout=60).content,
            "database": b"".join(path.read_bytes() for path in stores),
            "temporary folder": tree(self.folder / "temporary"),
            "working folder": named(rest),
            "arguments": b"\n".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids),
            "environment": b"\n".join(Path(f"/proc/{pid}/environ").read_bytes() for pid in pids),
            "backup": self.backup(),
            **self.log_of_acts(),
            **asyncio.run(self.mail()),
            "request lines to the record system": "\n".join(self.ehr.lines).encode(),
            "request lines to the service": "\n".join(self.service.lines).encode(),
            "addresses": kind("address"),
            "addresses of the sign-in": kind("sign-in"),
            "cookies": kind("cookie"),
            "headers of answers": kind("header"),
            "titles": kind("title"),
            "pages about a mistake": kind("mistake"),
        }

    def log_of_acts(self) -> dict[str, bytes]:
        """The rows of the audit log as they lie in the store, and the anchor, which leaves this machine."""
        with closing(sqlite3.connect(self.folder / "cwd" / "ipvscreen.db")) as connection:
            rows = connection.execute("SELECT * FROM audit").fetchall()
        assert {"opened", "sent"} <= {value for row in rows for value in row}

        async def anchored() -> None:
            store = await open_store(self.database, self.ring())
            await anchor(store.audit, self.anchor, now())
            await store.close()

        asyncio.run(anchored())
        return {"rows of acts": repr(rows).encode(), "anchor": self.anchor.read_bytes()}

    async def mail(self) -> dict[str, bytes]:
        """What a mail server has of it, were nobody to look for a week: sent by the app, from a copy."""
        box, port = Box(), processes.free_port()
        server = {"host": "127.0.0.1", "port": port, "security": "none", "sender": "app@practice.test"}
        told = tomllib.loads((self.folder / "cwd" / "ipvscreen.toml").read_text("utf-8"))
        told |= {"mail": server | {"services": {HOSTED: "team@service.test"}}, "audit_anchor": None}
        told["inbox"] = {"origin": "https://inbox.test", "exit_url": "https://weather.test/"}
        copy = self.folder / f"{secrets.token_hex(4)}.db"
        file = self.folder / "cwd" / "ipvscreen.db"
        with closing(sqlite3.connect(file)) as there, closing(sqlite3.connect(copy)) as here:
            there.backup(here)
        settings = Settings(**told | {"database": f"sqlite+aiosqlite:///{copy}"})
        outside = httpx.AsyncClient(transport=httpx.MockTransport(nobody))
        app = create_app(settings, http=outside, clock=next_week, deliver=False)
        listening = await asyncio.get_running_loop().create_server(lambda: SMTP(box), "127.0.0.1", port)
        async with app.router.lifespan_context(app):
            rooms = app.state.rooms
            await self._hosted(rooms.store)
            await Watch(rooms, notices_of(settings, rooms), on_fault=raised).run_once()
        listening.close()
        copy.unlink()
        assert {one for came in box.came for one in came.rcpt_tos} == {
            "duty@practice.test",
            "team@service.test",
        }
        return box.sinks()

    async def _hosted(self, store: Store) -> None:
        """What a service has received lies in an inbox here too, with a name and a safe number."""
        with closing(sqlite3.connect(self.folder / "cwd" / "ipvscreen.db")) as connection:
            (key,) = connection.execute("SELECT id FROM referrals WHERE state = 'received'").fetchone()
        home, until = Organisation(new_id(), self.canaries.new("organisation"), "020 7946 0123"), next_week()
        first = Member(new_id(), Role.COORDINATOR, self.canaries.new("member"), home.id)
        invitation = new_invitation(first.id, until)
        act = store.doing(Act.ORGANISATION_ADDED, now())
        await act.organisations.add(first, home, first, invitation, Once(new_id(), now(), until))
        contact = SafeContact(ContactWay.PHONE, self.canaries["safe number of anna"])
        agreed = Agreement(out=True, back=True, until=next_week().date())
        request = ReferralRequest(HOSTED, contact, agreement=agreed)
        await store.cases.take_in(key, request, self.canaries["Patient 0 family"], now(), home.id)

    def ring(self) -> Ring:
        return Ring(*reversed(self.settings().ring()))

    def backup(self) -> bytes:
        file = self.folder / "backups" / secrets.token_hex(4)
        asyncio.run(backup(self.database, file, self.ring()))
        return b"".join(path.read_bytes() for path in file.parent.iterdir())


HOSTED = "mentor-mothers"


class Box:
    """A mail server's: all that it is told."""

    def __init__(self) -> None:
        self.came: list[Any] = []
        self.names: set[str] = set()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  its name
        self.came.append(envelope)
        self.names.add(session.host_name)
        return "250 taken"

    def sinks(self) -> dict[str, bytes]:
        told = [(one.mail_from, one.mail_options, one.rcpt_tos, one.rcpt_options) for one in self.came]
        parts = [one.content.partition(b"\r\n\r\n") for one in self.came]
        return {
            "envelopes of mail": repr((told, self.names)).encode(),
            "headers of mail": b"\n".join(headers for headers, _, _ in parts),
            "bodies of mail": b"\n".join(body for _, _, body in parts),
        }


def nobody(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("nobody is there", request=request)


def next_week() -> datetime:
    return now() + timedelta(days=7)


def raised(fault: BaseException) -> None:
    raise fault


def read(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def tree(folder: Path) -> bytes:
    return named(folder.rglob("*"))


def named(paths: Iterable[Path]) -> bytes:
    return b"\n".join(b"%s\n%s" % (path.name.encode(), read(path)) for path in paths)


class Browser:
    """A browser without a screen; notes what others than its user could see of it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.seen: list[tuple[str, str]] = []
        self.http = httpx.Client(timeout=60, headers={"User-Agent": "test browser"}, follow_redirects=False)
        self.page: httpx.Response
        self.pages: list[str] = []
        house.browsers.append(self)

    def go(self, method: str, url: str, *, hostile: bool = False, **more: Any) -> httpx.Response:
        """The page at the end of all redirects; `hostile` is of our making, and its address not the app's."""
        for _ in range(12):
            self.page = self._send(method, url, hostile=hostile, **more)
            if not self.page.is_redirect:
                break
            method, url, more, hostile = "GET", str(self.page.next_request.url), {}, False
        if "text/html" in self.page.headers.get("content-type", ""):
            self.pages.append(self.page.text)
            if self.page.status_code >= 400:
                self.seen.append(("mistake", self.page.text))
        return self.page

    def _send(self, method: str, url: str, *, hostile: bool, **more: Any) -> httpx.Response:
        request = self.http.build_request(method, url, **more)
        ours = str(request.url).startswith(self.house.app.url)
        sign_in = request.url.path.startswith(("/launch", "/callback", "/auth"))
        if ours:
            cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.http.cookies.jar)
            if cookies:
                request.headers["Cookie"] = cookies
        if not hostile:
            self._note_address(str(request.url), sign_in, ours)
        answer = self.http.send(request)
        answer.read()
        if ours:
            self._note_answer(answer, sign_in)
        return answer

    def _note_address(self, url: str, sign_in: bool, ours: bool) -> None:
        self.seen.append(("sign-in" if sign_in or not ours else "address", url))
        query = httpx.URL(url).params
        for name in ("code", "state", "nonce", "launch"):
            self.house.canaries.caught(name, query.get(name))
            self.house.canaries.protocol |= {
                field for field in self.house.canaries if field.startswith(f"{name} ")
            }

    def _note_answer(self, answer: httpx.Response, sign_in: bool) -> None:
        for name, value in answer.headers.multi_items():
            what = {"set-cookie": "cookie", "location": "sign-in" if sign_in else "address"}.get(
                name, "header"
            )
            self.seen.append((what, value))
        text = answer.text if "text/html" in answer.headers.get("content-type", "") else ""
        self.seen += [("title", title) for title in re.findall(r"<title>(.*?)</title>", text)]
        self.seen += [("address", link) for link in re.findall(r'(?:href|action|src)="?([^">]+)', text)]

    def launch(self, patient: str) -> None:
        self.go("GET", f"{self.house.ehr_url}/launch/new?patient={patient}&clinician=dr-osei")
        assert "/v/" in str(self.page.url), self.page.text

    def get(self, step: str) -> None:
        self.go("GET", re.sub(r"/[a-z-]+$", f"/{step}", str(self.page.url)))

    def post(self, fields: dict[str, str], *, token: str | None = None) -> None:
        given = token or (re.findall(r'name="token" value="([^"]+)"', self.page.text) or [""])[0]
        body = urlencode(fields | {"token": given})
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
        headers["Origin"] = self.house.app.origin
        self.go("POST", str(self.page.url), content=body, headers=headers)

    @property
    def step(self) -> str:
        return (re.findall(r'data-step="([a-z-]+)"', self.page.text) or [""])[0]


# --- visits, with failures ---------------------------------------------------------------------------------


def sheet(canaries: Canaries, who: str) -> dict[str, str]:
    return {
        "service": "mentor-mothers",
        "way": "phone",
        "number": canaries.phone(f"safe number of {who}"),
        "times": canaries.new(f"safe times of {who}", 'after {} é "x" <b>'),
        "code_word": canaries.new(f"safe code word of {who}", '{} é "x" <b>'),
        "not_to_know": canaries.new(f"safe from whom of {who}", 'Kz {} é "x" <b>'),
    }


def agreed() -> dict[str, str]:
    return {"out": "yes", "back": "yes", "until": (now() + timedelta(days=60)).date().isoformat()}


def asked(house: House, browser: Browser) -> None:
    """A yes, a form with something typed in every field, a refusal that quotes it all, a referral."""
    canaries = house.canaries
    browser.launch("anna-woman")
    browser.post({"door": "ask"})
    answers = dict.fromkeys(HARK, NO) | {HARK[1]: YES}
    browser.post(answers | {"open": "sleep"})
    assert browser.step == "form", browser.page.text
    typed = {name: canaries.new(name, 'Kz{} é "x" <b>') for name in TYPED}
    browser.post(typed)
    browser.post(answers | {"open": "sleep"})  # and looks at it again
    browser.post(typed)
    assert browser.step == "questions", browser.page.text
    browser.post(answers)
    assert browser.step == "respond", browser.page.text
    house.ehr.quoting = 3
    browser.post(QUICK)
    browser.get("done")
    house.ehr.quoting = 0
    browser.post({"action": "retry"})
    browser.get("refer")
    browser.post(
        sheet(canaries, "a") | {"number": canaries.new("number that is none"), "out": "yes", "back": "yes"}
    )
    assert browser.step == "refer", "it was not taken, and is shown again"
    browser.post(sheet(canaries, "anna") | agreed())
    assert browser.step == "sent", browser.page.text


def shared(house: House, browser: Browser) -> None:
    """Without agreement, with a service that breaks off and quotes; the worker is killed in between."""
    canaries = house.canaries
    house.service.quoting = 0
    house.charity.switches.hang_up = True
    browser.launch("helen-woman")
    browser.post({"door": "told"})
    browser.post(QUICK | {"recording": "conversation"})
    kill_worker(house)
    browser.get("share")
    who = {"decided_by": canaries.new("who decided"), "basis": "child", "told": "no"}
    browser.post(sheet(canaries, "helen") | who | {"why_not_told": canaries.new("why not told")})
    assert browser.step == "sent", browser.page.text
    house.charity.switches.hang_up = False


def kill_worker(house: House) -> None:
    before = house.app.workers()
    os.kill(before[0], signal.SIGKILL)
    processes.until(
        lambda: house.app.events("worker.died") and house.app.workers() and house.app.workers() != before
    )
    processes.until(lambda: processes.answers(f"{house.app.url}/readyz"))


# What nobody of ours would send, by what is the canary in it: path and headers.
HOSTILE: dict[str, tuple[str, dict[str, str]]] = {
    "unknown path": ("/{}", {}),
    "unknown visit": ("/v/{}/start", {}),
    "unknown query": ("/?q={}", {}),
    "foreign iss": ("/launch?iss=https://{}.test&launch=x", {}),
    "foreign launch": ("/launch?iss=x&launch={}", {}),
    "foreign state": ("/callback/north?state={}&code=x", {}),
    "foreign code": ("/callback/north?state=x&code={}", {}),
    "error words": ("/callback/north?state=x&error=access_denied&error_description={}", {}),
    "referer": ("/launch", {"Referer": "https://{}.test/"}),
    "agent": ("/v/x/start", {"User-Agent": "test browser {}"}),
    "forwarded for": ("/launch", {"X-Forwarded-For": "{}"}),
    "foreign cookie": ("/v/x/start", {"Cookie": "a={}"}),
    "foreign token": ("/metrics", {"Authorization": "Bearer {}"}),
}


def hostile(house: House, browser: Browser) -> None:
    """Each with a canary, and each an answer that says nothing back; then systems that do not answer."""
    url, canaries = house.app.url, house.canaries
    for field, (path, headers) in HOSTILE.items():
        canary = canaries.new(field)
        given = {name: value.format(canary) for name, value in headers.items()}
        browser.go("GET", f"{url}{path.format(canary)}", hostile=True, headers=given)
        assert browser.page.status_code < 500, (field, browser.page)
    browser.launch("anna-woman")
    start = browser.page
    browser.post({"door": canaries.new("value not offered")})
    browser.page = start
    browser.post({canaries.new("field not offered"): "x"})
    browser.page = start
    browser.post({"door": "ask"}, token=canaries.new("forged form token"))
    browser.page = start
    house.sandbox.switches.hang_up = True  # from now on nobody answers there
    browser.go("GET", f"{house.ehr_url}/launch/new?patient=helen-woman&clinician=dr-osei")
    house.sandbox.switches.hang_up = False
    house.sandbox.switches.refuse[("POST", "token")] = 500
    browser.go("GET", f"{house.ehr_url}/launch/new?patient=helen-woman&clinician=dr-osei")
    house.sandbox.switches.refuse.clear()


def catch_tokens(house: House) -> None:
    """What the record system made up for the sign-in, out of what it was sent and what it answered."""
    for body in house.ehr.answered:
        for name in ("access_token", "id_token", "refresh_token"):
            for value in re.findall(rb'"%s": ?"([^"]+)"' % name.encode(), body):
                house.canaries.caught(name, value.decode())
    for body in house.ehr.sent:
        for value in re.findall(rb"code_verifier=([^&]+)", body):
            house.canaries.caught("code verifier", value.decode())


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """After all visits, the app still running."""
    with joined(tmp_path_factory.mktemp("canaries")) as made:
        made.start()
        for visit in (asked, shared, hostile):
            visit(made, Browser(made))
        processes.until(lambda: len(made.charity.received()) == 2, 40)
        catch_tokens(made)
        yield made


def end(app: processes.App) -> None:
    """At once: what it does when it is stopped is seen elsewhere."""
    if app.process and app.process.poll() is None:
        workers = app.workers()
        for pid in (app.process.pid, *workers):
            os.kill(pid, signal.SIGKILL)
        app.process.wait()


@contextmanager
def joined(folder: Path) -> Iterator[House]:
    folder.mkdir(exist_ok=True)
    made = House(folder)
    made.import_services()
    with serving(made.ehr, made.ports[0]), serving(made.service, made.ports[1]):
        try:
            yield made
        finally:
            for browser in made.browsers:
                browser.http.close()
            end(made.app)
            shutil.rmtree(folder, ignore_errors=True)


# --- the searches ------------------------------------------------------------------------------------------

# By place, canaries that belong there: the protocol carries them through addresses, or hashes them for a row.
MAY = {"addresses of the sign-in": ("code", "state", "nonce", "launch")}


def hits(house: House, sinks: dict[str, bytes]) -> dict[str, list[str]]:
    """By place, the fields that should not be found there."""
    found = {}
    for place, content in sinks.items():
        allowed = house.canaries.protocol if place in MAY else set()
        if place == "database":  # a launch's row is named by the hash of its state, as good as random
            allowed = {field for field in house.canaries if field.startswith("state ")}
            states = {field: house.canaries[field] for field in allowed}
            assert not any(value.encode() in content for value in states.values())
        wrong = found_in(content, {f: v for f, v in house.canaries.items() if f not in allowed})
        if wrong:
            found[place] = sorted(wrong)
    return found


def test_no_canary_is_found_where_others_could_see_it(house: House) -> None:
    sinks = house.sinks()

    assert len(house.canaries) >= 100
    assert len(sinks) >= 20
    assert {place for place, content in sinks.items() if not content} <= {"working folder"}
    assert hits(house, sinks) == {}


def test_each_is_where_it_belongs(house: House) -> None:
    """So that the search cannot pass because nothing was entered, sent or shown."""
    canaries = house.canaries

    def fields(*begin: str) -> set[str]:
        return {field for field in canaries if field.startswith(begin)}

    record = found_in(b"\n".join(house.ehr.sent), canaries)
    assert record >= fields("typed-", "code ", "code verifier")
    assert not record & fields("safe ", "number that is none", "Patient 0 phone", "Patient 0 street")
    service = found_in(b"\n".join(house.service.sent), canaries)
    assert service >= {"safe number of anna", "safe times of anna", "safe number of helen"}
    assert service >= {"safe code word of anna", "safe from whom of anna"}
    assert service >= {"Patient 0 family", "Patient 1 family"}
    assert not service & fields(
        "typed-", "Patient 0 birth", "Patient 0 street", "Patient 0 phone", "Patient 0 record"
    )
    first, second, third = ("\n".join(browser.pages).encode() for browser in house.browsers)
    assert found_in(first, canaries) >= {
        "Patient 0 family",
        "typed-0",
        "number that is none",
        "role that is told",
    }
    assert not found_in(first, canaries) & fields("Patient 1", "safe number of helen")
    assert found_in(second, canaries) >= {"Patient 1 family"}
    assert not found_in(second, canaries) & fields("Patient 0", "typed-", "safe number of anna")
    assert found_in(third, canaries) & fields("foreign", "unknown", "forged", "error words") == set()
    answered = found_in(b"\n".join(house.ehr.answered), canaries)
    assert answered >= fields("access_token", "id_token", "Patient 0", "Patient 1")


def test_what_happened_was_as_bad_as_was_said(house: House) -> None:
    log = house.app.log.read_text()

    assert "worker.died" in log
    assert log.count("page.problem") >= 8
    statuses = set(re.findall(r'"status": ?(\d+)', log))
    assert statuses >= {"400", "404"}, statuses
    assert house.canaries.protocol


def test_there_is_no_page_for_developers_and_mail_leaves_by_one_door(house: House) -> None:
    for path in ("docs", "redoc", "openapi.json", "debug", "console"):
        assert httpx.get(f"{house.app.url}/{path}", timeout=60).status_code == 404
    package = Path(ipvscreen.__file__).parent
    imports = {
        (path.relative_to(package).as_posix(), name)
        for path in package.rglob("*.py")
        for name in re.findall(r"^ *(?:from|import) ([a-z_]+)", path.read_text("utf-8"), re.MULTILINE)
    }
    senders = ("smtplib", "aiosmtplib", "mailbox", "logfire", "sentry_sdk")
    assert "httpx" in {name for _, name in imports}, "this sees imports"
    assert {one for one in imports if one[1] in senders} == {("delivery/mail.py", "aiosmtplib")}


# --- the control -------------------------------------------------------------------------------------------

# Read by every Python of the leaking app at its start, workers included.
LEAKY = """
import os, pathlib, sys, tempfile
if "ipvscreen" in " ".join(sys.orig_argv) or "spawn_main" in " ".join(sys.orig_argv):
    import structlog, httpx
    from dataclasses import replace
    from starlette.datastructures import MutableHeaders
    from ipvscreen.cli import logs, worker
    from ipvscreen.store import sealed, visits
    from ipvscreen.web import observe
    known = [""]

    def leak(name):
        known[0] = name
        structlog.get_logger().info("request", kind=name)
        observe._ehr_requests.labels(name, "answered").inc()
        tempfile.NamedTemporaryFile(delete=False, prefix="x").write(name.encode())
        pathlib.Path("notes.txt").write_text(name)

    create = visits.Visits.create
    async def created(self, visit, grant):
        leak(visit.person.name)
        return await create(self, visit, grant)
    visits.Visits.create = created

    seal, opens, mark = sealed.SealedTable.seal, sealed.SealedTable.open, b"plain"
    import json
    def plainly(self, column, row, value):
        shut = column not in ("person", "body")
        return seal(self, column, row, value) if shut else mark + json.dumps(value).encode()
    def opened(self, column, row, shut):
        return json.loads(shut[5:]) if shut.startswith(mark) else opens(self, column, row, shut)
    sealed.SealedTable.seal, sealed.SealedTable.open = plainly, opened

    from ipvscreen.store import audit
    note = audit._append
    async def noted(connection, ring, act, at, subject):
        return await note(connection, ring, act, at, replace(subject, user_name=known[0]))
    audit._append = noted

    send = httpx.AsyncClient.send
    async def sent(self, request, **more):
        request.headers["X-Name"] = known[0]
        return await send(self, request, **more)
    httpx.AsyncClient.send = sent

    class Leak:
        def __init__(self, app): self.app = app
        async def __call__(self, scope, receive, send):
            async def out(message):
                if message["type"] == "http.response.start":
                    headers = MutableHeaders(scope=message)
                    headers.append("Set-Cookie", "name=" + known[0].replace(" ", "_"))
                    headers["X-Name"] = known[0]
                    if "location" in headers:
                        mark = "&" if "?" in headers["location"] else "?"
                        headers["Location"] += mark + "n=" + known[0].replace(" ", "_")
                    headers["Transfer-Encoding"] = "chunked"
                    del headers["content-length"]
                if message["type"] == "http.response.body" and b"</title>" in message.get("body", b""):
                    message["body"] = message["body"].replace(b"</title>", known[0].encode() + b"</title>")
                await send(message)
            await self.app(scope, receive, out)

    make = worker.create_app
    def made(settings, **more):
        app = make(settings, **more)
        app.add_middleware(Leak)
        return app
    worker.create_app = made
"""


def test_an_app_that_leaks_is_seen_in_every_one_of_these_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "leaky").mkdir()
    (tmp_path / "leaky" / "sitecustomize.py").write_text(LEAKY)
    with joined(tmp_path / "house") as made:
        family = made.canaries["Patient 0 family"]
        made.start("-X", f"leak={family}", PYTHONPATH=str(tmp_path / "leaky"), LEAK=family)
        browser = Browser(made)
        browser.launch("anna-woman")
        browser.post({"door": "told"})
        browser.post(QUICK)
        browser.get("refer")
        browser.post(sheet(made.canaries, "anna") | agreed())
        browser.go("GET", f"{made.ehr_url}/launch/new?patient=helen-woman&clinician=dr-osei")
        browser.go("GET", f"{made.app.url}/nothing")
        processes.until(lambda: made.charity.received(), 20)
        monkeypatch.setattr(backup_module, "seal_file", lambda _ring, plain, shut: shut.write(plain.read()))
        monkeypatch.setattr(backup_module, "wrap_rows", lambda *_: None)
        monkeypatch.setattr(SealedTable, "open", of_leaky(SealedTable.open))
        monkeypatch.setattr(mail, "_SUBJECT", family)
        monkeypatch.setattr(mail, "_BODY", family + " {address}")
        monkeypatch.setattr(aiosmtplib, "send", from_somebody(family))
        monkeypatch.setattr(anchor_module, "_add", lambda file, *_: file.write_text(family))

        found = hits(made, made.sinks())

    seen = {place for place, fields in found.items() if any("family" in field for field in fields)}
    assert seen == PLACES


def of_leaky(opens: Callable[..., Any]) -> Callable[..., Any]:
    """Opens too what the leaking app has not sealed."""

    def opened(self: SealedTable, column: str, row: str, shut: bytes) -> Any:
        return json.loads(shut[5:]) if shut.startswith(b"plain") else opens(self, column, row, shut)

    return opened


def from_somebody(name: str) -> Callable[..., Any]:
    """What tells the mail server a name in the envelope."""
    send = aiosmtplib.send

    async def sent(made: Any, **how: Any) -> Any:
        return await send(made, **how | {"sender": f"{name}@practice.test"})

    return sent


PLACES = {
    *("envelopes of mail", "headers of mail", "bodies of mail"),
    *(
        "log",
        "metrics",
        "database",
        "backup",
        "rows of acts",
        "anchor",
        "temporary folder",
        "working folder",
        "arguments",
        "environment",
    ),
    *("request lines to the record system", "request lines to the service", "addresses", "cookies"),
    *("addresses of the sign-in", "headers of answers", "titles", "pages about a mistake"),
}
