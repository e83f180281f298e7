"""What the running app tells its operator: health, counts and log lines, and nothing of anybody."""

import asyncio
import json
import re
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

ROUTE = r"(none|/|(/[a-z.]+|/\{[a-z_]+\})+)"
COUNT = re.compile(r'^app_requests_total\{method="(\w+)",route="([^"]+)",status="(\dxx)"\} ([0-9.]+)$', re.M)
LINE = {"event", "level", "timestamp"}
KEYS = {
    "request": LINE | {"route", "method", "status", "ms", "reference"},
    "page.problem": LINE | {"reference", "status", "kind"},
}
HOSTILE = (
    "CANARY\r\nforged: line",
    "CANARY\x1b[31mred\x1b[0m",
    "CANARY\u2028\u2029\x85next",
    'CANARY"}\n{"event": "forged"}',
    "CANARY\x00\x08\x7f",
    "CANARY%0d%0a%e2%80%a8",
)


def metrics(house: Any, running: Any) -> str:
    answer = httpx.get(
        f"{house.app.url}/metrics", headers={"Authorization": f"Bearer {running.METRICS_TOKEN}"}, timeout=60
    )
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return answer.text


def counted(text: str) -> dict[tuple[str, str, str], float]:
    return {(method, route, status): float(n) for method, route, status, n in COUNT.findall(text)}


def flushed(house: Any, lines: int) -> list[dict[str, Any]]:
    """The log once it has that many lines of requests; a worker may still be writing the last."""
    deadline = 100
    while house.app.events("request") < lines and deadline:
        deadline -= 1
        httpx.get(f"{house.app.url}/healthz", timeout=60)
    return house.app.lines()


def test_it_is_alive_and_ready(house: Any) -> None:
    answers = [httpx.get(f"{house.app.url}/{probe}", timeout=60) for probe in ("healthz", "readyz")]

    assert [(one.status_code, one.text) for one in answers] == [(200, "alive\n"), (200, "ready\n")]
    for one in answers:
        assert one.headers["cache-control"] == "no-store"
        assert "server" not in one.headers


@pytest.mark.parametrize(
    "shown", [None, "Bearer", "Bearer wrong", "Basic {token}", "{token}", "bearer {token}"]
)
def test_without_the_token_there_are_no_metrics(house: Any, running: Any, shown: str | None) -> None:
    headers = {} if shown is None else {"Authorization": shown.format(token=running.METRICS_TOKEN)}

    assert httpx.get(f"{house.app.url}/metrics", headers=headers, timeout=60).status_code == 404


def test_without_a_token_in_the_settings_nothing_is_shown(tmp_path: Path, running: Any) -> None:
    with running.app_in(tmp_path, top={"metrics_token": ""}) as app:
        app.write()
        app.start(workers=1)
        for shown in ("Bearer", "Bearer None"):
            answer = httpx.get(f"{app.url}/metrics", headers={"Authorization": shown}, timeout=60)
            assert answer.status_code == 404


async def test_requests_of_both_workers_are_counted_by_template(
    house: Any, running: Any, visiting: Any
) -> None:
    """The control of the canaries: what is counted and logged is really there, once each."""
    before, lines = counted(metrics(house, running)), house.app.events("request")

    for _ in range(6):
        async with visiting.Visitor(fresh=True) as browser:
            assert visiting.asked(await browser.first_question(house.north.launch))
    after = counted(metrics(house, running))

    new = {key: after[key] - before.get(key, 0) for key in after if after[key] != before.get(key, 0)}
    assert new.pop(("GET", "/metrics", "2xx")) == 1
    assert new == {
        ("GET", "/launch", "3xx"): 6,
        ("GET", "/callback/{ehr}", "3xx"): 6,
        ("GET", "/v/{visit_id}/{step}", "2xx"): 12,
        ("POST", "/v/{visit_id}/{step}", "3xx"): 6,
    }
    logged = [line["route"] for line in flushed(house, lines + 30) if line["event"] == "request"][lines:]
    assert sorted(logged) == sorted(route for (_, route, _), n in new.items() for _ in range(int(n)))


async def test_requests_to_record_systems_are_counted_by_name_and_outcome(
    house: Any, running: Any, visiting: Any
) -> None:
    async with visiting.Visitor() as browser:
        await browser.first_question(house.south.launch)

    told = re.findall(
        r'^app_ehr_requests_total\{ehr="(\w+)",outcome="(\S+)"\}', metrics(house, running), re.M
    )
    assert ("south", "answered") in told


# --- canaries ----------------------------------------------------------------------------------------------


@pytest.fixture
def canaries(house: Any) -> set[str]:
    """What must be nowhere: a patient's details, and every value of a handshake that comes by."""
    patient = next(one for one in house.north.search("Patient") if one["id"] == "anna-woman")
    name = patient["name"][0]
    found = {patient["id"], patient["birthDate"], name["family"], *name["given"], "CANARY", "forged"}
    found |= {identifier["value"] for identifier in patient.get("identifier", ())}
    return {one for one in found if one}


def note_secrets(page: httpx.Response, canaries: set[str]) -> set[str]:
    """Add every code, state, launch value, cookie, verifier and visit of that way; their names."""
    seen = set()
    for answer in [*page.history, page]:
        for name, value in answer.url.params.multi_items():
            if name in ("code", "state", "launch", "nonce", "code_challenge"):
                seen.add(name)
                canaries.add(value)
        for cookie in answer.headers.get_list("set-cookie"):
            seen.add("cookie")
            canaries.update(part for part in cookie.split(";")[0].partition("=")[::2] if part)
        if match := re.match(r"/v/([^/]+)/", answer.url.path):
            seen.add("visit")
            canaries.add(match[1])
    for token in re.findall(r'name="token" value="([^"]+)"', page.text):
        seen.add("form token")
        canaries.add(token)
    return seen


async def test_no_canary_is_in_the_log_or_the_counts(
    house: Any, running: Any, visiting: Any, canaries: set[str]
) -> None:
    async with visiting.Visitor() as browser:
        page = await browser.get(house.north.launch, patient="anna-woman")
        seen = note_secrets(page, canaries)
        questions = await browser.post(page, door="ask")
        seen |= note_secrets(questions, canaries)
        again = await browser.get(str(page.history[-1].url))  # the callback once more: refused and logged
        await browser.get(f"{house.app.url}/launch", iss="https://CANARY.example/fhir", launch="CANARY")
        await browser.get(f"{house.app.url}/CANARY/{'CANARY' * 20}")
    for iss in house.north, house.south:
        held = json.dumps(iss.search("Encounter"))
        canaries.update(re.findall(r'"id": "([^"]{8,})"', held))

    assert seen >= {"code", "state", "launch", "cookie", "visit", "form token"}, "all kinds came by"
    assert again.status_code == 400
    assert len(canaries) > 15
    told = house.app.log.read_text(encoding="utf-8") + metrics(house, running)
    assert {one for one in canaries if one.lower() in told.lower()} == set()
    assert "/v/{visit_id}/{step}" in told, "and it does tell of these requests"


def test_every_line_has_its_keys_and_only_closed_values(house: Any) -> None:
    for line in house.app.lines():
        if line["event"] in KEYS:
            assert set(line) == KEYS[line["event"]]
        else:
            assert set(line) <= LINE | {"workers"}, line
        if line["event"] == "request":
            assert re.fullmatch(ROUTE, line["route"]), line
            assert re.fullmatch(r"[0-9a-f]{8}", line["reference"])


def raw(house: Any, request: bytes) -> bytes:
    """Bytes as they are: no client would send these."""
    with socket.create_connection(("127.0.0.1", house.app.port), timeout=60) as connection:
        connection.sendall(request)
        connection.settimeout(60)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_no_request_can_write_a_line_of_its_own(house: Any, running: Any, text: str) -> None:
    before = house.app.events("request")
    lines = len(house.app.log.read_bytes().splitlines())

    async with httpx.AsyncClient(base_url=house.app.url, timeout=60) as http:
        answers = [
            await http.get(f"/v/{httpx.QueryParams({'': text})}/start"),
            await http.get("/launch", params={"iss": text, "launch": text}),
            await http.get("/callback/north", params={"state": text, "code": text, "error": text}),
            await http.request("PURGE", "/healthz"),
        ]
    raw(house, b"GET /%s HTTP/1.1\r\nHost: x\r\nX: " % text.encode() + text.encode() + b"\r\n\r\n")
    printed = flushed(house, before + len(answers))

    assert {answer.status_code for answer in answers} <= {400, 404, 405}
    assert all("\n" not in line["event"] and "\x1b" not in line["event"] for line in printed)
    content = house.app.log.read_bytes()
    assert b"CANARY" not in content
    assert b"forged" not in content
    assert not set(content) - {10, *range(32, 127)}, "nothing but printable ASCII and line ends"
    fresh = [json.loads(line) for line in content.splitlines()[lines:]]
    assert sum(line["event"] == "request" for line in fresh) in (len(answers), len(answers) + 1)
    assert sum(line["event"] == "page.problem" for line in fresh) <= len(answers) + 1
    assert sum(line["event"] not in KEYS for line in fresh) <= 1, (
        "at most uvicorn's about what it cannot read"
    )


async def test_a_problem_page_shows_the_reference_of_its_lines(house: Any) -> None:
    before = house.app.events("request")
    async with httpx.AsyncClient(base_url=house.app.url, timeout=60) as http:
        page = await http.get("/launch", params={"iss": "https://elsewhere.example"})
    shown = re.search(r"Reference ([0-9a-f]{8})", page.text)

    assert shown
    told = [line for line in flushed(house, before + 1) if line.get("reference") == shown[1]]
    assert {line["event"] for line in told} == {"request", "page.problem"}


# --- bodies ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/launch", "/callback/north", "/v/x/start", "/s/page.css", "/healthz", "/nothing"]
)
@pytest.mark.parametrize("declared", [True, False], ids=["declared", "streamed"])
async def test_a_body_beyond_the_cap_is_refused_everywhere(house: Any, path: str, declared: bool) -> None:
    async def stream() -> Any:
        for _ in range(300):
            yield b"a" * 1000
            await asyncio.sleep(0)

    body = b"a" * 300_000 if declared else stream()
    async with httpx.AsyncClient(base_url=house.app.url, timeout=60) as http:
        try:
            answer = await http.post(path, content=body, headers={"Sec-Fetch-Site": "same-origin"})
        except (httpx.WriteError, httpx.ReadError):
            return  # hung up on while still sending
    assert answer.status_code == 413 if declared else answer.status_code >= 400
    assert "content-security-policy" in answer.headers
