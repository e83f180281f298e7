"""`ipvscreen doctor` as an integrator runs it: real sockets, a browser's GET, an exit code, a table."""

import asyncio
import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from typer.testing import CliRunner

from ipvscreen.app import keep_services, utc_now
from ipvscreen.cli import main
from ipvscreen.cli.demo import open_demo
from ipvscreen.cli.serve import _can_start
from ipvscreen.errors import LaunchRefused
from ipvscreen.ipv.by_hand import ByHand
from ipvscreen.ipv.services import Service
from ipvscreen.resources.bundle import read_bundle
from ipvscreen.resources.scopes import requested
from ipvscreen.sandbox.directory import services_bundle
from ipvscreen.sandbox.flaws import FLAWS
from ipvscreen.sandbox.people import GP, ORDINARY, PATIENTS
from ipvscreen.sandbox.switches import Switches
from ipvscreen.settings import Settings
from ipvscreen.smart.client import Client
from ipvscreen.smart.discovery import Endpoints
from ipvscreen.smart.loopback import SignedIn, sign_in

PATIENT = ORDINARY.id
SETTINGS = """
public_url = "{app}"
database = "{database}"
key = "{kid}"

[keys]
{kid} = "{key}"

[[ehr]]
name = "sandbox"
iss = "{iss}"
client_id = "health-questionnaire"
exit_url = "https://example.org/"
allow_http_loopback = true
{more}

[ehr.staffed]
members = ["Practitioner/dr-marsh"]
mailbox = "duty@practice.test"

[ehr.staffed.hours]
mon = "08:00-18:30"

[mail]
host = "127.0.0.1"
sender = "app@practice.test"
"""


class Served:
    """The demonstration on loopback, in a thread of its own."""

    def __init__(self, **how: Any) -> None:
        self._how = how
        self._server: uvicorn.Server | None = None
        self.demo: Any = None
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(),))
        self._thread.start()
        for _ in range(3000):
            if self._server and self._server.started:
                return
            time.sleep(0.01)
        raise AssertionError("it did not start")

    async def _serve(self) -> None:
        async with open_demo((0, 0, 0), **self._how) as self.demo:
            self._server = self.demo.server()
            await self._server.serve(sockets=list(self.demo.sockets))

    def stop(self) -> None:
        assert self._server is not None
        self._server.should_exit = True
        self._thread.join(20)

    @property
    def sandbox(self) -> Any:
        return self.demo.ehr.state.sandbox

    def snapshot(self) -> dict[str, Any]:
        everything = list(self.sandbox.memory.everything())
        # A standalone launch opens an encounter there; that is the record system's own doing.
        return {f"{b['resourceType']}/{b['id']}": b for b in everything if b["resourceType"] != "Encounter"}

    def write_settings(self, folder: Path, more: str = "") -> None:
        rooms = next(iter(self.demo.apps.values())).state.rooms
        text = SETTINGS.format(
            app=self.demo.addresses["app"],
            iss=self.demo.addresses["ehr_fhir"],
            database=rooms.store._engine.url.render_as_string(),
            kid=rooms.ring.current,
            key=base64.b64encode(rooms.ring.keys[rooms.ring.current]).decode(),
            more=more,
        )
        (folder / "ipvscreen.toml").write_text(text)


@contextmanager
def served(**how: Any) -> Iterator[Served]:
    one = Served(**how)
    try:
        yield one
    finally:
        one.stop()


@pytest.fixture(scope="module")
def good() -> Iterator[Served]:
    """A record system without a flaw, shared: the doctor leaves it as it was."""
    with served() as one:
        yield one


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Doctor:
    """The command in a process of its own, up to the address that it prints."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        command = [sys.executable, "-m", "ipvscreen", "doctor", "sandbox", "--launch", *arguments]
        environment = {**os.environ, "NO_PROXY": "*"}
        self.process = subprocess.Popen(  # noqa: S603  our own program
            command,
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # What was started in the background ignores SIGINT, and so would its children.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        assert self.process.stderr is not None
        self.said = ""
        while not self.said.rstrip().rpartition("\n")[2].startswith("http"):
            line = self.process.stderr.readline()
            assert line, self.said
            self.said += line
        self.address = self.said.split()[-1]

    def end(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, self.said + err


def browse(address: str, patient: str = PATIENT) -> httpx.Response:
    """What a browser does with the address, and with the patient picker of the sandbox."""
    with httpx.Client(follow_redirects=True, trust_env=False) as browser:
        return browser.get(f"{address}&patient={patient}")


def test_a_good_record_system_is_green_by_a_real_sign_in(good: Served, tmp_path: Path) -> None:
    good.write_settings(tmp_path)
    before = good.snapshot()

    doctor = Doctor(tmp_path, "--patient", PATIENT, "--json")
    page = browse(doctor.address)
    code, out, err = doctor.end()

    result = json.loads(out)
    assert (code, result["exit"]) == (0, 0)
    assert {one["level"] for one in result["findings"]} == {"good"}, out
    assert "All 8 entries of the probe are gone again." in out
    assert "It says who, and that can be trusted." in out
    assert good.snapshot().keys() == before.keys()
    assert f"Patient/{PATIENT}" in err
    assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
    assert httpx.URL(doctor.address).params["redirect_uri"].startswith("http://127.0.0.1:")


def test_nothing_secret_and_no_name_is_printed(good: Served, tmp_path: Path) -> None:
    good.write_settings(tmp_path)
    doctor = Doctor(tmp_path, "--patient", PATIENT)
    browse(doctor.address)

    code, out, err = doctor.end()

    assert code == 0, out
    shown = out + err
    assert "good" in out
    assert PATIENTS[PATIENT].family not in shown
    assert "Osei" not in shown
    assert "eyJ" not in shown  # how every JWT begins
    assert len(good.sandbox.tokens._accesses) > 1
    assert not any(token in shown for token in good.sandbox.tokens._accesses)


@pytest.mark.parametrize(
    ("auth", "more"),
    [
        ("private_key_jwt", 'token_auth = "private_key_jwt"'),
        ("private_key_jwt", 'token_auth = "private_key_jwt"\nsigning_alg = "RS384"\nscopes = "v1"'),
        ("client_secret_basic", 'token_auth = "client_secret_basic"\nclient_secret = "{secret}"'),
    ],
    ids=["ES384", "RS384 and scopes of version 1", "secret"],
)
def test_a_confidential_client_signs_in_as_the_app_does(auth: str, more: str, tmp_path: Path) -> None:
    with served(auth=auth) as one:
        secret = one.sandbox.app.secret
        one.write_settings(tmp_path, more.format(secret=secret))
        doctor = Doctor(tmp_path, "--patient", PATIENT, "--json")
        browse(doctor.address)
        code, out, err = doctor.end()

    findings = json.loads(out)["findings"]
    assert code == 0, out
    assert {one["level"] for one in findings} == {"good"}, out
    assert ("shows the key that signs now" in out) is (auth == "private_key_jwt")
    assert secret is None or secret not in out + err


def test_our_own_keys_are_missed_where_public_url_leads_elsewhere(here: Path) -> None:
    with served(auth="private_key_jwt") as one:
        one.write_settings(here, 'token_auth = "private_key_jwt"')
        toml = here / "ipvscreen.toml"
        elsewhere = one.demo.addresses["ehr_fhir"]
        toml.write_text(toml.read_text().replace(one.demo.addresses["app"], elsewhere, 1))
        code, out, _ = run("--json")

    (ours,) = [one for one in json.loads(out)["findings"] if one["title"] == "Our own keys"]
    assert code == 1
    assert ours["level"] == "bad"
    assert "does not show the key" in ours["words"]


def test_without_a_key_yet_it_says_how_to_make_one(good: Served, here: Path) -> None:
    good.write_settings(here, 'token_auth = "private_key_jwt"')  # whose store has none

    code, out, _ = run("--json")

    (ours,) = [one for one in json.loads(out)["findings"] if one["title"] == "Our own keys"]
    assert code == 1
    assert "ipvscreen keys rotate" in ours["do"]


def run(*arguments: str, token: str | None = None) -> tuple[int, str, str]:
    """The command in this process; `token` comes by standard input."""
    given = ["--token-file", "-"] if token is not None else []
    answer = CliRunner().invoke(main, ["doctor", "sandbox", *given, *arguments], input=token)
    assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception
    return answer.exit_code, answer.stdout, answer.stderr


def token_response(one: Served, **more: Any) -> str:
    kinds = ("QuestionnaireResponse", "Observation", "Flag", "Procedure", "Provenance", "ServiceRequest")
    removal = " ".join(f"patient/{kind}.ud" for kind in (*kinds, "Task", "Consent"))
    scope = f"{requested(purpose='standalone')} {removal}"
    token = one.sandbox.token(patient=PATIENT, clinician=GP.id, scope=scope)
    return json.dumps({"access_token": token, "scope": scope, "patient": PATIENT, **more})


FAULTS = {
    "no-s256": (1, "does not say that it checks PKCE with S256"),
    "drops-labels": (1, "has lost its labels: V, SDV, NOPAT, NORDSCLCDS"),
    "no-flag-create": (0, "The record system does not accept new Flags."),
    "labels-missing-in-bundles": (1, "Set labels_in_lists to one of two"),
    "downgrades-labels": (1, "(downgraded)"),
    "drops-labels-on-update": (1, "(on-update)"),
    "labels-missing-in-search": (1, "Set labels_in_lists to one of two"),
    "labels-missing-in-history": (1, "Its first version has no such labels"),
    "labels-of-other-system": (1, "(other-system)"),
    "saves-nothing": (1, "It was taken, but cannot be read back by its id."),
    "labels-late": (1, "has lost its labels"),
}


def test_every_flaw_of_the_sandbox_is_looked_for() -> None:
    assert FAULTS.keys() == FLAWS.keys()


@pytest.mark.parametrize("flaw", FAULTS)
def test_each_flaw_is_named_in_the_table_and_nothing_is_left(
    flaw: str, good: Served, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    switches = Switches()
    FLAWS[flaw](switches)
    monkeypatch.setattr(good.sandbox, "switches", switches)
    good.write_settings(here)
    before = good.snapshot()

    code, out, _ = run("--patient", PATIENT, token=token_response(good))

    status, words = FAULTS[flaw]
    assert code == status, out
    assert words in cells(out)
    assert good.snapshot().keys() == before.keys()


def cells(table: str) -> str:
    """The last two columns as running text: the lines of a cell belong together."""
    header = next(line for line in table.splitlines() if "Found" in line)
    start, end = header.index("Found"), header.index("To do")
    columns = [[line[start:end] for line in table.splitlines()], [line[end:] for line in table.splitlines()]]
    return " ".join(" ".join(part.strip() for part in column) for column in columns)


def test_only_discovery_is_looked_at_without_a_sign_in(good: Served, here: Path) -> None:
    good.write_settings(here)
    before = good.snapshot()

    code, out, _ = run("--patient", PATIENT, "--json")

    findings = {one["title"]: one for one in json.loads(out)["findings"]}
    assert code == 0
    assert findings["Sign-in"]["level"] == "warning"
    assert "nothing was written" in findings["Sign-in"]["words"]
    assert good.snapshot() == before


@pytest.mark.parametrize(
    ("left_out", "named"),
    [
        ('mailbox = "duty@practice.test"', {"staffed.mailbox"}),
        ('members = ["Practitioner/dr-marsh"]', {"staffed.members"}),
        (SETTINGS[SETTINGS.index("[mail]") :], {"[mail]"}),
        (
            SETTINGS[SETTINGS.index("[ehr.staffed]") :],
            {"staffed.members", "staffed.hours", "staffed.mailbox", "[mail]"},
        ),
    ],
)
def test_where_nobody_would_hear_it_says_that_referrals_are_off_and_what_to_set(
    good: Served, here: Path, capsys: pytest.CaptureFixture[str], left_out: str, named: set[str]
) -> None:
    good.write_settings(here)
    file = here / "ipvscreen.toml"
    whole = file.read_text()
    assert left_out in whole
    file.write_text(whole.replace(left_out, ""))
    assert _can_start(), "the app works; only nothing is referred"
    said = capsys.readouterr().err

    for told in (said, run("--json")[1]):
        for name in ("staffed.members", "staffed.hours", "staffed.mailbox", "[mail]"):
            assert (name in told) == (name in named), told
    assert "Switched off" in told


def test_where_a_service_takes_letters_and_none_can_be_printed_it_says_so(
    good: Served, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good.write_settings(here)
    file, store = here / "ipvscreen.toml", here / "own.db"
    own = f'database = "sqlite+aiosqlite:///{store}"'
    file.write_text(re.sub("(?m)^database = .*$", own, file.read_text()))

    def told() -> list[str]:
        findings = json.loads(run("--json")[1])["findings"]
        return [one["words"] for one in findings if one["title"] == "Letters"]

    def keep(*services: Service) -> None:
        asyncio.run(keep_services(Settings(), services))

    (mothers, *others) = read_bundle(services_bundle("https://service.test/fhir")).services
    by_letter = replace(mothers, endpoint="", by_hand=frozenset({ByHand.LETTER}))
    assert told() == [], "with Typst, which is here"
    monkeypatch.setitem(sys.modules, "typst", None)
    assert ["cannot be read" in words for words in told()] == [True], "there is no store"
    keep(replace(by_letter, by_hand=frozenset({ByHand.TELEPHONE})), *others)
    assert told() == []
    keep(by_letter, *others)
    (words,) = told()
    assert words.endswith(f"as one: {mothers.short_name}.")
    keep(replace(by_letter, endpoint="https://service.test/fhir"), *others)
    assert told() == [], "it has an address"


def test_a_bare_token_does_with_a_warning_that_its_rights_are_not_known(good: Served, here: Path) -> None:
    good.write_settings(here)
    token = json.loads(token_response(good))["access_token"]
    (here / "token").write_text(f"{token}\n")
    before = good.snapshot()

    code, out, _ = run("--patient", PATIENT, "--json", "--token-file", "token")

    warnings = [one["title"] for one in json.loads(out)["findings"] if one["level"] != "good"]
    assert (code, warnings) == (0, ["Rights"])
    assert good.snapshot().keys() == before.keys()
    assert token not in out


@pytest.mark.parametrize(
    ("arguments", "token", "words"),
    [
        (["--launch", "--token-file", "x"], None, "not both"),
        (["--patient", "../Patient"], None, "takes the id of a FHIR Patient"),
        (["--patient", ".."], None, "takes the id of a FHIR Patient"),
        (["--token-file", "missing"], None, "no token that can be read"),
        ([], "", "no token that can be read"),
        ([], "two words", "no token that can be read"),
        ([], "line\nbreak", "no token that can be read"),
        ([], '{"scope": "x"}', "no token that can be read"),
        ([], "{", "no token that can be read"),
    ],
)
def test_arguments_that_cannot_be_used_end_with_2(
    good: Served, here: Path, arguments: list[str], token: str | None, words: str
) -> None:
    good.write_settings(here)

    code, out, err = run(*arguments, token=token)

    assert (code, out) == (2, "")
    assert words in err


def test_an_unknown_record_system_ends_with_2_and_the_names_of_the_known(good: Served, here: Path) -> None:
    good.write_settings(here)

    answer = CliRunner().invoke(main, ["doctor", "elsewhere"])

    assert answer.exit_code == 2
    assert "There are: sandbox." in answer.stderr


def test_another_patient_than_the_one_typed_is_never_written_to(good: Served, tmp_path: Path) -> None:
    good.write_settings(tmp_path)
    before = good.snapshot()

    doctor = Doctor(tmp_path, "--patient", PATIENT, "--json")
    browse(doctor.address, "freya-woman")
    code, out, _ = doctor.end()

    assert code == 1
    assert "the sign-in is for another patient" in out
    assert "freya" not in out.lower()
    assert good.snapshot() == before


def test_a_sign_in_that_is_denied_says_what_to_check(good: Served, tmp_path: Path) -> None:
    good.write_settings(tmp_path)
    doctor = Doctor(tmp_path, "--patient", PATIENT, "--json")
    good.sandbox.switches.deny_authorization = True
    try:
        browse(doctor.address)
    finally:
        good.sandbox.switches.deny_authorization = False

    code, out, _ = doctor.end()

    (bad,) = [one for one in json.loads(out)["findings"] if one["level"] == "bad"]
    assert (code, bad["title"]) == (1, "Sign-in")
    assert "client_id" in bad["do"]


async def test_nobody_comes_back_or_the_port_is_taken() -> None:
    endpoints = Endpoints(None, "https://auth.example/authorize", "https://auth.example/token", None)
    shown: list[str] = []

    async def signing_in(port: int) -> SignedIn:
        async with httpx.AsyncClient() as http:
            return await sign_in(
                http,
                endpoints,
                Client("app"),
                iss="https://ehr.example/fhir",
                scope="openid",
                path="/callback/x",
                port=port,
                show=shown.append,
                now=utc_now,
                seconds=0.2,
            )

    with pytest.raises(LaunchRefused, match="Nobody came back"):
        await signing_in(0)
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(LaunchRefused, match="is taken"):
        await signing_in(taken.getsockname()[1])
    assert len(shown) == 1


def test_the_listener_takes_only_the_answer_to_its_own_question(good: Served, tmp_path: Path) -> None:
    good.write_settings(tmp_path)
    doctor = Doctor(tmp_path, "--json")
    redirect = httpx.URL(httpx.URL(doctor.address).params["redirect_uri"])
    state = httpx.URL(doctor.address).params["state"]

    with httpx.Client(trust_env=False) as other:
        refused = [
            other.get(redirect, params={"state": "guessed", "code": "x"}),
            other.get(redirect, params={"code": "x"}),
            other.get(redirect.join("/callback/other"), params={"state": state, "code": "x"}),
            other.post(redirect, params={"state": state, "code": "x"}),
            other.get(redirect, params={"state": state, "code": "x"}, headers={"Host": "rebound.example"}),
        ]
    assert {answer.status_code for answer in refused} == {400}
    assert doctor.process.poll() is None

    browse(doctor.address)
    code, out, _ = doctor.end()
    assert code == 0, out


def test_an_interruption_removes_what_was_written(tmp_path: Path) -> None:
    with served() as one:
        one.write_settings(tmp_path)
        before = one.snapshot()
        one.sandbox.switches.hang, one.sandbox.switches.at = 4.0, ("GET", "Task")
        doctor = Doctor(tmp_path, "--patient", PATIENT, "--json")
        browse(doctor.address)
        for _ in range(500):
            if len(one.snapshot()) == len(before) + 8:
                break
            time.sleep(0.02)
        assert len(one.snapshot()) == len(before) + 8
        one.sandbox.switches.hang = 0.0

        doctor.process.send_signal(signal.SIGINT)
        code, out, _ = doctor.end()

        assert one.snapshot().keys() == before.keys()
    assert code == 1
    assert json.loads(out)["findings"][-1]["title"] == "Broken off"


def test_nobody_answers_at_all(here: Path) -> None:
    with served() as one:
        one.write_settings(here)
    code, out, _ = run("--json")

    (only,) = json.loads(out)["findings"]
    assert (code, only["title"], only["level"]) == (1, "Discovery", "bad")
    assert "Check iss in ipvscreen.toml" in only["do"]
