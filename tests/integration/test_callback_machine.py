"""The callback under every mixture of state, cookie, code, iss, path, time and repetition.

Two record systems, any number of launches under way, and a model of seven lines that says what must come of
each call. Of all mixtures only the one right one opens a visit, and no launch ever asks for more than one
token.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from ipvscreen.store.launches import LIFETIME, Launches
from ipvscreen.web import callback as callback_pages
from ipvscreen.web.cookies import launch_cookie

EXAMPLES = 60 * int(os.environ.get("IPVSCREEN_SOAK") or 1)
STEPS = 20
CODE_LIFETIME = timedelta(seconds=60)  # of the sandbox
NAMES = {"https://ehr.test": "sandbox", "https://second.test": "other"}
NOBODY = "nobody-knows-this-value-0000000000000000000"


@dataclass(eq=False)
class Launch:
    """One launch that has come to its answer; `taken`: its state came with its cookie, rightly or not."""

    base: str
    state: str
    cookie: str
    code: str
    iss: str
    at: datetime
    taken: bool = False
    code_used: bool = False
    token_requests: int = 0

    @property
    def path(self) -> str:
        return f"/callback/{NAMES[self.base]}"


class Callback(RuleBasedStateMachine):
    """Calls, and what must come of them; `house` and `runner` are set by the test."""

    house: Any
    runner: asyncio.Runner
    browser: httpx.AsyncClient
    sent: list[httpx.Request]
    tally: Counter[str]
    launches = Bundle("launches")

    def __init__(self) -> None:
        super().__init__()
        self.made: list[Launch] = []

    def _get(self, url: Any, **headers: str) -> httpx.Response:
        """As a browser without a memory: it sends the cookie that it is told to."""

        self.browser.cookies.clear()
        return self.runner.run(self.browser.get(url, headers=headers, follow_redirects=False))

    def _launch(self, base: str) -> Launch:
        clicked = self._get(f"{base}/launch/new")
        there = self._get(clicked.headers["location"])
        cookie = there.headers["set-cookie"].partition("=")[2].partition(";")[0]
        at = self.house.clock()
        answer = httpx.URL(self._get(there.headers["location"]).headers["location"]).params
        made = Launch(base, answer["state"], cookie, answer["code"], answer["iss"], at)
        self.made.append(made)
        return made

    @initialize(target=launches)
    def two(self) -> Any:
        return multiple(*(self._launch(base) for base in NAMES))

    @rule(target=launches, base=st.sampled_from([*NAMES]))
    def another(self, base: str) -> Launch:
        return self._launch(base)

    @rule(seconds=st.sampled_from([1, 20, 59, 60, 120, 299, 300]))
    def later(self, seconds: int) -> None:
        self.house.clock.forward(seconds=seconds)

    @rule(launch=consumes(launches))
    def right(self, launch: Launch) -> None:
        """As the record system meant it, unless something was wrong before."""
        self._call(launch, launch, launch, launch, launch)

    @rule(
        state=launches,
        cookie=st.one_of(launches, st.sampled_from([None, NOBODY])),
        named=st.booleans(),
        code=st.one_of(launches, st.just(NOBODY)),
        iss=st.one_of(launches, st.sampled_from([None, "https://evil.example", ""])),
        path=st.one_of(launches, st.sampled_from(["/callback/nobody", "/callback"])),
    )
    def mixed(
        self,
        state: Launch,
        cookie: Launch | str | None,
        named: bool,
        code: Launch | str,
        iss: Launch | str | None,
        path: Launch | str,
    ) -> None:
        """Each part of any launch, of none, or made up; `named`: the cookie's value under the right name."""
        self._call(state, cookie, code, iss, path, named=named)

    @rule(launch=launches, part=st.sampled_from(["cookie", "code", "iss", "path"]), other=launches)
    def one_part_of_another(self, launch: Launch, part: str, other: Launch) -> None:
        """All but one part is right: where mixtures at random hardly ever come."""
        parts = dict.fromkeys(("cookie", "code", "iss", "path"), launch) | {part: other}
        self._call(launch, parts["cookie"], parts["code"], parts["iss"], parts["path"])

    @rule(launch=launches, doubled=st.sampled_from(["state", "code", "iss"]))
    def doubled(self, launch: Launch, doubled: str) -> None:
        """A parameter twice is nobody's answer, and uses nothing up."""
        query = [("state", launch.state), ("code", launch.code), ("iss", launch.iss)]
        query.append((doubled, dict(query)[doubled]))
        self.sent.clear()
        cookie = f"{launch_cookie(launch.state)}={launch.cookie}"
        page = self._get(f"{launch.path}?{httpx.QueryParams(query)}", Cookie=cookie)
        assert (page.status_code, self._token_requests()) == (400, [])

    def _call(
        self,
        state: Launch,
        cookie: Launch | str | None,
        code: Launch | str,
        iss: Launch | str | None,
        path: Launch | str,
        *,
        named: bool = True,
    ) -> None:
        expected, asks = self._model(state, cookie, code, iss, path, named=named)
        query = {"state": state.state, "code": code.code if isinstance(code, Launch) else code}
        if iss is not None:
            query["iss"] = iss.iss if isinstance(iss, Launch) else iss
        headers = {}
        if cookie is not None:
            key = state if named or not isinstance(cookie, Launch) else cookie
            value = cookie.cookie if isinstance(cookie, Launch) else cookie
            headers["Cookie"] = f"{launch_cookie(key.state)}={value}"
        self.sent.clear()
        url = path.path if isinstance(path, Launch) else path
        page = self._get(f"{url}?{httpx.QueryParams(query)}", **headers)
        asked = len(self._token_requests())
        state.token_requests += asked
        self.tally[f"{page.status_code} asked {asked}"] += 1
        assert page.status_code == expected
        assert asked == asks
        if expected == 303:
            assert page.headers["location"].startswith("/v/")
            visit = page.headers["location"].split("/")[2]
            store = self.house.app.state.rooms.store
            assert self.runner.run(store.visits.get(visit)).ehr == NAMES[state.base]
        else:
            assert "set-cookie" not in page.headers

    def _model(
        self, state: Launch, cookie: Any, code: Any, iss: Any, path: Any, *, named: bool
    ) -> tuple[int, int]:
        """Status and token requests that must come of it; the launch is marked where it is used up."""
        if not isinstance(path, Launch):
            return 404, 0
        now = self.house.clock()
        if cookie is not state or state.taken or now - state.at >= LIFETIME:
            return 400, 0
        state.taken = True
        if path.base != state.base or not isinstance(iss, Launch) or iss.base != state.base:
            return 400, 0
        good = code is state and not state.code_used and now - state.at < CODE_LIFETIME
        if isinstance(code, Launch) and code.base == state.base:
            code.code_used = True  # a code is used up by the first who brings it
        return (303, 1) if good else (502, 1)

    @invariant()
    def no_launch_asks_twice(self) -> None:
        assert all(launch.token_requests <= 1 for launch in self.made)

    def _token_requests(self) -> list[httpx.Request]:
        return [request for request in self.sent if request.url.path == "/auth/token"]


@pytest.fixture
def machine(tmp_path: Path, house_opener: Any) -> Any:
    """The machine over one house with both record systems, in an event loop of its own."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        house = runner.run(stack.enter_async_context(house_opener(tmp_path, two=True)))
        browser = runner.run(stack.enter_async_context(house.browser()))
        parts = {"house": house, "runner": runner, "browser": browser}
        parts |= {"sent": house.watch(), "tally": Counter()}
        yield type("CallbackMachine", (Callback,), parts)
        runner.run(stack.aclose())


def run(machine: Any, examples: int, *, control: bool = False) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            print_blob=True,
            phases=[Phase.generate] if control else [*Phase],  # a control need not be made small
            suppress_health_check=[*HealthCheck],  # a whole handshake a step is slow
        ),
    )


def test_only_the_one_right_combination_opens_a_visit(machine: Any) -> None:
    run(machine, EXAMPLES)
    tally = machine.tally
    assert {"303 asked 1", "400 asked 0", "404 asked 0", "502 asked 1"} == {*tally}, tally
    assert min(tally.values()) > 0, tally  # chance decides how often; each has to have happened


def any_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    """The launch is not bound to the browser that began it."""
    take = Launches.take

    async def careless(self: Launches, state: str, browser: str, now: datetime) -> Any:
        for cookie in (browser, *known):
            found = await take(self, state, cookie, now)
            if found is not None:
                return found
        return None

    put = Launches.put

    known: list[str] = []

    async def remembered(self: Launches, launch: Any) -> None:
        known.append(launch.browser)
        await put(self, launch)

    monkeypatch.setattr(Launches, "put", remembered)
    monkeypatch.setattr(Launches, "take", careless)


def any_number_of_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """The launch is looked up and left where it is."""
    take = Launches.take

    async def careless(self: Launches, state: str, browser: str, now: datetime) -> Any:
        found = await take(self, state, browser, now)
        if found is not None:
            await self.put(found)
        return found

    monkeypatch.setattr(Launches, "take", careless)


def any_issuer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The `iss` of the answer is not looked at."""
    monkeypatch.setattr(callback_pages, "code_of", lambda given, *_, **__: given["code"])


@pytest.mark.parametrize("careless", [any_browser, any_number_of_times, any_issuer])
def test_the_machine_finds_each_check_that_is_missing(
    machine: Any, monkeypatch: pytest.MonkeyPatch, careless: Callable[[pytest.MonkeyPatch], None]
) -> None:
    """Controls: with one check gone, the same machine goes red."""
    careless(monkeypatch)
    with pytest.raises(AssertionError):
        run(machine, 100, control=True)
