"""The audit log over the routes: what changes something leaves exactly one row, what only shows leaves none.

What a request has changed is read from the database file itself, and not from what our code says it does.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.exc import SQLAlchemyError

from ipvscreen.app import keep_services
from ipvscreen.ipv.audit import LISTS, Act
from ipvscreen.ipv.by_hand import ByHand
from ipvscreen.ipv.services import Kind, Service
from ipvscreen.ipv.visit import Step, VisitState
from ipvscreen.resources.neutral import topic_word
from ipvscreen.store import audit as audit_module
from ipvscreen.store.anchor import anchors
from ipvscreen.store.audit import Entry, Noting
from ipvscreen.web.visit import PAGES

APP, EHR = "https://app.test", "https://ehr.test"
YES, NO = "LA33-6", "LA32-8"
HARK = ("76500-8", "76501-6", "76502-4", "76503-2")
POSITIVE = dict.fromkeys(HARK, NO) | {"76501-6": YES}
NEGATIVE = dict.fromkeys(HARK, NO) | {"aas-1": "no"}
QUIET = {"safe-today": "yes", "neck": "no", "suicide": "no"}
CONTACT = {"service": "mentor-mothers", "way": "phone", "number": "07700 900123"}
SHEET = CONTACT | {"out": "yes", "back": "yes"}
SHARED = CONTACT | {"decided_by": "Dr Osei, GP", "basis": "child", "told": "no", "why_not_told": "not safe"}
CHILD = {"child-who": "child", "child-age": "7"}

# What leaves a row: posts always, these because they open, show or close something.
ROWS = {"/callback/{ehr}", "/l/{sitting_id}", "/l/{sitting_id}/exit"}
LETTER = "/v/{visit_id}/letter/{key}"  # the same, where there is one
# What leaves none. A launch names nobody yet, and everybody may begin one; `exit` and `cover` take a cookie.
NO_ROWS = {
    *("/n/{token}", "/s/{name}", "/favicon.ico", "/jwks.json", "/healthz", "/readyz", "/metrics"),
    *("/launch", "/list", "/launch/ready"),
    *("/v/{visit_id}/exit", "/v/{visit_id}/cover", "/v/{visit_id}/{step}"),
}
POSTS = {"/v/{visit_id}/{step}", "/v/{visit_id}/draft", "/v/{visit_id}/go-on", "/l/{sitting_id}/seen"}

Move = dict[str, Any] | str  # posted; or the page that is opened, "!…" for what is no page
# How to come to a page, and what the last post leaves in the log.
NEWEST = "the newest earlier form of the list"
WAYS: dict[str, tuple[tuple[Move, ...], Act | None]] = {
    "start": (({"door": "ask"},), Act.BEGUN),
    "start, not now": (({"door": "not-now"},), Act.PUT_OFF),
    "start, account": (({"account": "yes"},), Act.BEGUN),
    "questions, negative": (({"door": "ask"}, NEGATIVE), Act.SAVED),
    "questions, positive": (({"door": "ask"}, POSITIVE), Act.SAVED),
    "questions, never": (({"door": "ask"}, {"other": "never-had-a-partner"}), Act.SAVED),
    "questions, draft": (({"door": "ask"}, "!draft"), Act.KEPT),
    "form, opened": (({"door": "ask"}, {"open": "children"}), Act.SAVED),
    "form, one more": (({"door": "ask"}, {"open": "children"}, CHILD | {"more": "child-each"}), Act.KEPT),
    "form, left": (({"door": "ask"}, {"open": "children"}, {"leave": "yes"}), Act.KEPT),
    "form, draft": (({"door": "ask"}, {"open": "children"}, "!draft"), Act.KEPT),
    "form, wrong": (({"door": "ask"}, {"open": "children"}, CHILD | {"child-age": "x"}), Act.KEPT),
    "respond": (({"door": "told"}, QUIET | {"known": "registered"}), Act.SAVED),
    "own, draft of nothing": (({"account": "yes"}, "!draft"), None),
    "own, nothing in it": (({"account": "yes"}, {"then": "first-page"}), Act.KEPT),
    "own, kept": (({"account": "yes"}, {"use-told": "yes"}), Act.KEPT),
    "own, draft": (({"account": "yes"}, {"use-told": "yes"}, "!draft"), Act.KEPT),
    "danger": (({"door": "told"}, "danger", {"call": "made"}), Act.CALLED),
    "danger, wrong": (("danger", {}), Act.KEPT),
    "refer": (({"door": "told"}, QUIET, SHEET), Act.SENT),
    "refer, wrong": (({"door": "told"}, QUIET, SHEET | {"number": ""}), Act.KEPT),
    "share": (({"door": "told"}, QUIET, "share", SHARED), Act.SENT),
    "done": (({"door": "ask"}, NEGATIVE, {"action": "close"}), Act.CLOSED),
    "done, noted": (({"door": "ask"}, NEGATIVE, {"action": "follow-up", "due": "2026-03-09"}), Act.NOTED),
    "not now, noted": (({"door": "not-now"}, {"action": "follow-up", "due": "2026-03-09"}), Act.NOTED),
    "not now, reason": (({"door": "not-now"}, {"action": "not-done", "reason": "declined"}), Act.SAVED),
    "not now, unopened": (("not-now", {"action": "close"}), Act.CLOSED),
    "start, earlier": (({"earlier": NEWEST},), Act.EARLIER_READ),
    "earlier, back": (({"earlier": NEWEST}, {"action": "first-page"}), Act.KEPT),
    "earlier, withdrawn": (({"earlier": NEWEST}, {"action": "withdraw"}), Act.TAKEN_BACK),
    "finish": (({"door": "told"}, QUIET, "finish", {"action": "close"}), Act.CLOSED),
}


SHOWN = {("/l/{sitting_id}", 200), (LETTER, 200)}


@dataclass
class Asked:
    """One request to the app, and what it did."""

    method: str
    route: str
    step: str
    status: int
    changed: bool
    acts: list[str]

    @property
    def problem(self) -> bool:
        """Whether it left more or less than it has to."""
        shown = self.method == "GET" and self.route in NO_ROWS  # a mistake is said once, and then forgotten
        expected = 0 if shown else int(self.changed or (self.route, self.status) in SHOWN)
        return len(self.acts) != expected


@dataclass
class Watch(httpx.AsyncBaseTransport):
    """The app, before which each request is held against the database before and after it."""

    app: httpx.AsyncBaseTransport
    file: Path
    seen: list[Asked] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        before, rows = standing(self.file), len(acts(self.file))
        answer = await self.app.handle_async_request(request)
        route = template(request.url.path)
        step = request.url.path.rpartition("/")[2] if route.endswith("{step}") else ""
        changed, left = before != standing(self.file), acts(self.file)[rows:]
        self.seen.append(Asked(request.method, route, step, answer.status_code, changed, left))
        return answer

    def problems(self) -> list[Asked]:
        return [one for one in self.seen if one.problem]


def standing(file: Path) -> list[tuple[Any, ...]]:
    """What clinicians do. Launches under way name nobody; messages move on by themselves."""
    tables = ("id, version, state, held, stopped FROM visits", "id FROM sittings", "id FROM accounts")
    return [
        row for table in (*tables, "id FROM followups") for row in read(file, f"SELECT {table} ORDER BY 1")
    ]


def acts(file: Path) -> list[str]:
    return [act for (act,) in read(file, "SELECT act FROM audit ORDER BY seq")]


def read(file: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(query).fetchall()


def template(path: str) -> str:
    """The route that answers that path: the one with the fewest open places."""
    known = ROWS | NO_ROWS | POSTS | {LETTER}
    fitting = [route for route in known if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", route), path)]
    return min(fitting, key=lambda route: route.count("{"))


def routes_of(app: Any) -> Iterator[tuple[str, str]]:
    """Method and path template of every route, those of included routers too."""
    for route in app.routes:
        inside = getattr(route, "original_router", None)
        if inside is not None:
            yield from routes_of(inside)
        else:
            yield from ((method, route.path) for method in route.methods)


@pytest.fixture
async def watch(house: Any) -> Watch:
    """On every browser that is made after it."""
    file = Path(house.settings.database.removeprefix("sqlite+aiosqlite:///"))
    made = Watch(house.transports[APP], file)
    house.transports[APP] = made
    return made


async def go(visitor: Any, moves: tuple[Move, ...], patient: str = "anna-woman") -> Any:
    """The visit, with these moves made in it."""
    await visitor.launch(patient)
    for move in moves:
        if isinstance(move, dict):
            newest = visitor.page.text.partition('name="earlier" value="')[2].partition('"')[0]
            await visitor.post({name: newest if value == NEWEST else value for name, value in move.items()})
        elif move.startswith("!"):
            await keep(visitor, move[1:])
        else:
            await visitor.get(move)
    return visitor


async def keep(visitor: Any, where: str) -> httpx.Response:
    """A post of what is on the page, to another address than the page's own."""
    body = dict(visitor.forms.forms[0]["fields"])
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": APP}
    url = f"/v/{visitor.visit}/{where}"
    answer: httpx.Response = await visitor.browser.post(url, data=body, headers=headers)
    return answer


async def entries(house: Any) -> list[Entry]:
    return [entry async for entry in house.app.state.rooms.store.audit.entries()]


# The router


def test_every_route_is_in_one_of_the_tables(house: Any) -> None:
    routes = {route for route in routes_of(house.app) if not route[1].startswith("/i/")}  # see inbox/

    assert {path for method, path in routes if method == "GET"} == ROWS | NO_ROWS | {LETTER}
    assert {path for method, path in routes if method != "GET"} == POSTS
    assert set(PAGES) == set(Step), "a page that this test does not know of"


async def test_what_changes_something_leaves_one_row_and_all_else_none(
    house: Any, visitors: Callable[[], Any], watch: Watch
) -> None:
    left: dict[str, Act | None] = {}
    for way, (moves, _) in WAYS.items():
        visitor = await go(visitors(), moves, "clara-woman" if "earlier" in way else "anna-woman")
        last = [one for one in watch.seen if one.method == "POST"][-1]
        left[way] = Act(last.acts[0]) if last.acts else None
        if way == "respond":
            for step in Step:
                await visitor.get(step)

    switches = house.ehr.state.sandbox.switches
    visitor = await go(visitors(), ({"door": "told"}, QUIET))
    switches.refuse[("POST", "*")] = 422
    await visitor.post(SHEET)
    switches.refuse.clear()
    await visitor.post({"action": "retry"})
    assert visitor.step == "sent"

    assert left == {way: act for way, (_, act) in WAYS.items()}
    assert watch.problems() == []
    posted = {one.step for one in watch.seen if one.method == "POST" and one.acts} - {""}
    assert posted == {step for step, page in PAGES.items() if page.submit}, "a form that nobody posts here"
    assert await house.app.state.rooms.store.audit.verify() == []


async def test_a_letter_that_is_shown_and_one_that_was_posted(
    house: Any, visitors: Callable[[], Any], watch: Watch
) -> None:
    service = {"id": "harbour", "kind": Kind.SPECIALIST, "name": "Harbour", "short_name": "Harbour"}
    said = {"for_whom": "Adults.", "hours": "9 to 17", "phone": "01632 960 555", "reply_hours": 48}
    signed = {"contact_rules_signed": house.clock().date(), "by_hand": frozenset(ByHand), "endpoint": ""}
    await keep_services(house.settings, [Service(**(service | said | signed))])
    visitor = await go(visitors(), ({"door": "told"}, QUIET, SHEET | {"service": "harbour"}))
    (one,) = await house.app.state.rooms.store.referrals.of_visit(visitor.visit)
    brought = {"referral": one.id, "way": "letter", "who": "Ms Lane", "at": "2026-03-02T10:00"}

    await visitor.browser.get(f"/v/{visitor.visit}/letter/{one.id}")
    await visitor.browser.get(f"/v/{visitor.visit}/letter/not-there")
    await visitor.post(brought | {"who": ""})
    await visitor.post(brought)

    left = [one.acts for one in watch.seen[-6:]]
    assert left == [[Act.LETTER_SHOWN], [], [Act.KEPT], [], [Act.SENT_BY_HAND], []]
    assert watch.problems() == []


async def test_again_to_go_on_an_earlier_one_and_what_is_refused(
    house: Any, visitors: Callable[[], Any], watch: Watch
) -> None:
    first = await go(visitors(), ({"door": "ask"},))
    forms, page = first.forms, first.page
    await go(visitors(), (), "freya-woman")
    await first.get("questions")
    await first.post({}, form=first.forms)
    assert watch.seen[-2].route == "/v/{visit_id}/go-on"
    await first.post(POSITIVE)
    first.page = page
    await first.post(POSITIVE, form=forms)  # the form that was left open
    await first.browser.post(f"/v/{first.visit}/questions", data={"token": "x"})
    again = await go(visitors(), ({"resume": first.visit},))
    assert again.step == "respond"

    kinds = [one.acts for one in watch.seen if one.method == "POST"]
    told = [act for row in kinds for act in row]
    assert told[:3] == [Act.BEGUN, Act.WENT_ON, Act.SAVED]
    assert told[-1] == Act.EARLIER_OPENED
    assert [] in kinds, "the form that came from elsewhere"
    assert watch.problems() == []


async def test_unrecorded_retried_and_entered_by_hand(
    house: Any, visitors: Callable[[], Any], watch: Watch
) -> None:
    house.ehr.state.sandbox.switches.refuse[("POST", "*")] = 422
    visitor = await go(visitors(), ({"door": "ask"}, NEGATIVE, {"action": "retry"}, {"action": "by-hand"}))

    mine = [entry.act for entry in await entries(house) if entry.subject.chain == visitor.visit]

    assert mine == [Act.OPENED, Act.BEGUN, Act.SAVED, Act.SAVED, Act.CLOSED]
    assert watch.problems() == []


async def test_a_list_that_is_opened_looked_at_twice_and_left(house: Any, watch: Watch) -> None:
    async with house.browser() as browser:
        shown = await browser.get(f"{EHR}/launch/list", params={"clinician": "dr-osei"})
        await browser.get(shown.url)
        await browser.get(f"{shown.url}/exit", follow_redirects=False)
        await browser.get(f"{shown.url}/exit", follow_redirects=False)
        late = await browser.get(f"{EHR}/launch/list", params={"clinician": "dr-osei"})
        house.clock.forward(minutes=10)
        assert (await browser.get(late.url)).status_code == 410

    log = await entries(house)

    looked = [Act.LIST_OPENED, Act.LIST_SHOWN]
    assert [entry.act for entry in log] == [
        *looked,
        Act.LIST_SHOWN,
        Act.LIST_CLOSED,
        *looked,
        Act.LIST_CLOSED,
    ]
    assert {entry.subject.chain for entry in log} == {LISTS}
    assert {entry.subject.user for entry in log} == {"Practitioner/dr-osei"}
    assert watch.problems() == []
    assert {one.route for one in watch.seen if one.acts} == ROWS


@pytest.mark.parametrize("fault", ["none at all", "one for every change"])
async def test_a_missing_or_a_second_row_would_be_seen(
    house: Any, visitors: Callable[[], Any], watch: Watch, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    note = Noting.note

    async def none(self: Noting, connection: Any, subject: Any) -> None:
        return

    async def every(self: Noting, connection: Any, subject: Any) -> None:
        act = self._act
        await note(self, connection, subject)
        self._act = act

    monkeypatch.setattr(Noting, "note", none if fault == "none at all" else every)
    await go(visitors(), ({"door": "ask"}, NEGATIVE))

    assert watch.problems()


# What stands in it


async def test_a_row_says_who_when_and_whom_and_nothing_of_what_was_said(
    house: Any, visitors: Callable[[], Any], watch: Watch
) -> None:
    visitor = await go(visitors(), ({"door": "ask"}, POSITIVE, QUIET))

    log = await entries(house)

    assert [entry.act for entry in log] == [Act.OPENED, Act.BEGUN, Act.SAVED, Act.SAVED]
    (subject,) = {entry.subject for entry in log}
    assert (subject.chain, subject.ehr, subject.patient_id) == (visitor.visit, "sandbox", "anna-woman")
    assert subject.user
    assert subject.user_name
    assert {entry.at for entry in log} == {house.clock()}
    plain = read(watch.file, "SELECT seq, chain, at, act, ehr, user_index, key FROM audit")
    assert not topic_word(str(plain))
    everything = str(read(watch.file, "SELECT * FROM audit"))
    assert not re.search(
        rf"{'|'.join(HARK)}|LA33|Whitfield|anna-woman|Practitioner|{subject.user_name}", everything
    )


# Nothing is pretended


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """The log cannot be written to any more, from when that is called."""

    def now() -> None:
        async def full(*_: Any) -> None:
            raise sqlite3.OperationalError("disk I/O error")

        monkeypatch.setattr(audit_module, "_append", full)

    return now


@pytest.mark.parametrize("way", ["questions, negative", "refer", "own, kept"])
async def test_where_the_row_cannot_be_written_nothing_is_done(
    house: Any, visitors: Callable[[], Any], watch: Watch, failing: Callable[[], None], way: str
) -> None:
    moves = WAYS[way][0]
    visitor = await go(visitors(), moves[:-1])
    before, held = standing(watch.file), len([*house.ehr.state.sandbox.memory.everything()])
    failing()

    with pytest.raises((sqlite3.OperationalError, SQLAlchemyError)):
        await visitor.post(moves[-1])

    assert standing(watch.file) == before
    assert len([*house.ehr.state.sandbox.memory.everything()]) == held
    assert [*house.charity.state.sandbox.received()] == []


async def test_where_the_row_cannot_be_written_no_visit_is_opened(
    house: Any, visitor: Any, watch: Watch, failing: Callable[[], None]
) -> None:
    failing()

    with pytest.raises(sqlite3.OperationalError):
        await visitor.launch("anna-woman")

    assert standing(watch.file) == []
    assert VisitState.OPENED.value not in str(standing(watch.file))


# The anchor


async def test_a_served_app_anchors_its_log_outside_the_database(
    house_opener: Callable[..., Any], tmp_path: Path
) -> None:
    file = tmp_path / "anchor"

    async with house_opener(tmp_path, audit_anchor=file) as house:
        assert [head.count for head in anchors(file)] == [0]
        visitor = house.visitor()
        await go(visitor, ({"door": "ask"},))
        await visitor.browser.aclose()

    assert [head.count for head in anchors(file)] == [0, 2]
