"""The demonstration over real sockets: every way in, every way to prove who the app is, and each flaw."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from ipvscreen.cli import main
from ipvscreen.cli.demo import Demo, demo_settings, open_demo
from ipvscreen.delivery.backend import Tokens, signing_key_of
from ipvscreen.resources.directory import kept_service
from ipvscreen.sandbox.flaws import FLAWS
from ipvscreen.sandbox.profiles import PROFILES
from ipvscreen.sandbox.switches import Switches

PORTS = (0, 0, 0)


@asynccontextmanager
async def serving(**given: Any) -> AsyncIterator[Demo]:
    """The demonstration, served beside the test in one event loop."""
    async with open_demo(PORTS, **given) as demo:
        server = demo.server()
        running = asyncio.create_task(demo.serve(server))
        while not server.started:  # noqa: ASYNC110  uvicorn tells it in no other way
            await asyncio.sleep(0.01)
        try:
            yield demo
        finally:
            server.should_exit = True
            await running


def trust_loopback(browser: httpx.AsyncClient) -> None:
    """Send Secure cookies to 127.0.0.1 over http too, as browsers do: loopback counts as secure."""

    async def add(request: httpx.Request) -> None:
        if request.url.host == "127.0.0.1":
            pairs = (f"{cookie.name}={cookie.value}" for cookie in browser.cookies.jar)
            request.headers["Cookie"] = "; ".join(pairs)

    browser.event_hooks = {"request": [add]}


@pytest.fixture
async def opened() -> AsyncIterator[Callable[..., Any]]:
    """Makes a served demonstration and a browser beside it."""
    async with AsyncExitStack() as stack:

        async def make(**given: Any) -> tuple[Demo, httpx.AsyncClient]:
            demo = await stack.enter_async_context(serving(**given))
            browser = httpx.AsyncClient(follow_redirects=True, timeout=30)
            trust_loopback(browser)
            return demo, await stack.enter_async_context(browser)

        yield make


@pytest.mark.parametrize("auth", ["none", "client_secret_basic", "private_key_jwt"])
async def test_the_app_opens_whatever_it_has_registered(opened: Callable[..., Any], auth: str) -> None:
    demo, browser = await opened(auth=auth)
    page = await browser.get(demo.addresses["launch"], params={"patient": "rosa-mother"})
    assert page.status_code == 200, page.text
    assert 'data-step="start"' in page.text
    assert "Rosa Delgado" in page.text


async def test_the_app_opens_by_itself_and_for_a_clinician_alone(opened: Callable[..., Any]) -> None:
    demo, browser = await opened(switches=Switches())
    picker = await browser.get(demo.addresses["standalone"])
    assert 'data-step="choose"' in picker.text
    page = await browser.get(picker.url.copy_merge_params({"patient": "peter-man"}))
    assert 'data-step="start"' in page.text
    assert "Peter Hallam" in page.text
    mine = await browser.get(demo.addresses["list"])
    assert mine.status_code == 200
    assert str(mine.url).startswith(demo.addresses["app"])


async def test_switches_and_flaws_reach_the_record_system(opened: Callable[..., Any]) -> None:
    switches = Switches(empty_201=True)
    demo, browser = await opened(switches=switches, flaws=["no-flag-create"])
    assert demo.ehr.state.sandbox.switches is switches
    statement = (await browser.get(f"{demo.addresses['ehr_fhir']}/metadata")).json()
    [flag] = [one for one in statement["rest"][0]["resource"] if one["type"] == "Flag"]
    assert {"code": "create"} not in flag["interaction"]


async def test_a_profile_reaches_the_record_system_and_our_entry(opened: Callable[..., Any]) -> None:
    demo, browser = await opened(profile="minimal")
    page = await browser.get(demo.addresses["launch"], params={"patient": "rosa-mother"})
    assert 'data-step="start"' in page.text, page.text
    assert "does not accept new Observations" in page.text
    assert "does not accept new Tasks" not in page.text


async def test_settings_of_the_entry_can_be_given(opened: Callable[..., Any], tmp_path: Path) -> None:
    given = {"refresh": "online_access", "authorize": "post"}
    [ehr] = demo_settings("http://127.0.0.1:1", "http://localhost:2", tmp_path / "store.db", **given).ehr
    assert (ehr.refresh, ehr.authorize, ehr.token_auth) == ("online_access", "post", "none")
    assert ehr.frame_ancestors == ("http://localhost:2",)


async def test_the_charity_gives_tokens_for_keys_that_the_app_publishes(
    opened: Callable[..., Any],
) -> None:
    demo, browser = await opened(service_tokens=True)
    rooms = next(app.state.rooms for app in demo.apps.values() if hasattr(app.state, "rooms"))
    service = kept_service((await rooms.store.services.all())[0])
    sign = partial(signing_key_of, rooms.store, rooms.clock)
    tokens = Tokens(browser, sign, rooms.clock, rooms.jwks_url)
    message = f"{service.endpoint}/$process-message"

    bare = await browser.post(message, json={})
    token = await tokens.token(service.backend, service.endpoint)
    with_it = await browser.post(message, json={}, headers={"Authorization": f"Bearer {token}"})

    assert (bare.status_code, with_it.status_code) == (401, 400)
    assert demo.charity.state.sandbox.tokens.issued == 1


async def test_an_unknown_flaw_starts_nothing() -> None:
    with pytest.raises(KeyError):
        async with open_demo(PORTS, flaws=["unheard-of"]):
            pytest.fail("it was opened")


def test_the_command_takes_known_flaws_alone() -> None:
    answer = CliRunner().invoke(main, ["sandbox", "--flaw", "unheard-of"])
    assert answer.exit_code == 2
    for name in ("unheard-of", *FLAWS):
        assert name in answer.output


def test_the_command_takes_a_known_profile_alone() -> None:
    answer = CliRunner().invoke(main, ["sandbox", "--profile", "unheard-of"])
    assert answer.exit_code == 2
    for name in ("unheard-of", *PROFILES):
        assert name in answer.output


def test_the_json_line_says_where_everything_is(tmp_path: Path) -> None:
    ports = [word for name in ("app", "ehr", "service") for word in (f"--port-{name}", "0")]
    flaws = [word for name in FLAWS for word in ("--flaw", name)]
    command = [sys.executable, "-m", "ipvscreen", "sandbox", "--json", *flaws, *ports]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=tmp_path) as server:  # noqa: S603  our own program
        assert server.stdout is not None
        try:
            line = json.loads(server.stdout.readline())
            base = line["ehr_fhir"]
            found = httpx.get(f"{base}/.well-known/smart-configuration", timeout=30).json()
        finally:
            server.terminate()
    assert line.keys() == {
        "app",
        "inbox",
        "launch",
        "framed",
        "list",
        "standalone",
        "ehr_fhir",
        "service_fhir",
        "token",
    }
    assert "code_challenge_methods_supported" not in found
