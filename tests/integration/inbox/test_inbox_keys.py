"""Keys: what signs in, and everything that must not."""

import secrets
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from authenticator import PRESENT, VERIFIED, Key, text
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from ipvscreen.ipv.audit import Act
from ipvscreen.web import cookies

INBOX, RP_ID = "https://inbox.test", "inbox.test"
Lie = Callable[[Any], dict[str, Any]]

# What is wrong with an assertion, and how it is told.
LIES: dict[str, Lie] = {
    "another origin": lambda town: {"origin": "https://inbox.test.evil.example"},
    "the visits' origin": lambda town: {"origin": "https://app.test"},
    "the same origin without its TLS": lambda town: {"origin": "http://inbox.test"},
    "another RP ID": lambda town: {"rp_id": "evil.example"},
    "a parent of the RP ID": lambda town: {"rp_id": "test"},
    "another challenge": lambda town: {"challenge": text(secrets.token_bytes(32))},
    "an answer to making a key": lambda town: {"type": "webauthn.create"},
    "nobody touched it": lambda town: {"flags": VERIFIED},
    "nobody was verified": lambda town: {"flags": PRESENT},
    "another's private key": lambda town: {"private": generate_private_key(SECP256R1())},
    "another's user handle": lambda town: {"user": text(bytes.fromhex(town.members["Cora"].id))},
    "a count that stands": lambda town: {"count": 5},
    "a count that goes back": lambda town: {"count": 4},
    "a count of none": lambda town: {"count": 0},
}


async def test_a_good_one_signs_in(town: Any) -> None:
    """The control of everything below."""
    wim = town.people["Wim"]
    wim.key.count = 5
    answer = await wim.sign_in()
    assert (answer.status_code, answer.url.path) == (200, "/i/home")
    assert "Harbour" in wim.text
    again = await town.newcomer().sign_in(wim.key)
    assert (again.status_code, again.url.path) == (200, "/i/home")


async def test_each_lie_is_refused(town: Any) -> None:
    key = town.people["Wim"].key
    key.count = 4
    assert (await town.newcomer().sign_in(key)).status_code == 200  # it has signed with 5 now
    for what, lie in LIES.items():
        stranger = town.newcomer()
        answer = await stranger.sign_in(key, **lie(town))
        assert answer.status_code == 403, what
        assert "set-cookie" not in answer.headers, what
        assert (await stranger.get("/i/home")).status_code == 403, what
    key.count = 99
    assert (await stranger.sign_in(key)).status_code == 200, "it was the lie that was refused"


async def test_an_assertion_is_good_for_one_use(town: Any) -> None:
    """Also of a key that does not count, where nothing else would tell."""
    stranger = town.newcomer()
    sol = town.people["Sol"]
    sol.key.counts = False
    await stranger.get("/i/in")
    token, signed = stranger.token, sol.key.sign(stranger.options, INBOX)
    page = stranger.page

    first = await stranger.post("/i/in", answer=signed)
    thief = town.newcomer()
    thief.page = page
    second = await thief.post("/i/in", answer=signed)

    assert (first.status_code, second.status_code) == (200, 409)
    assert (await thief.get("/i/home")).status_code == 403
    assert token


async def test_a_challenge_lasts_five_minutes(town: Any) -> None:
    wim = town.people["Wim"]
    for seconds, status in ((299, 200), (300, 403)):
        stranger = town.newcomer()
        await stranger.get("/i/in")
        signed = wim.key.sign(stranger.options, INBOX)
        town.house.clock.forward(seconds=seconds)
        assert (await stranger.post("/i/in", answer=signed)).status_code == status


async def test_a_challenge_of_another_page_is_refused(town: Any) -> None:
    """One key, signed in, asked to add a key: its challenge signs nobody in, and the other way round."""
    wim = town.people["Wim"]
    await wim.get("/i/keys")
    token, options = wim.token, wim.options
    signed = wim.key.sign(options, INBOX)
    answer = await wim.browser.post(
        "/i/in",
        data={"token": token, "answer": signed},
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    assert answer.status_code == 403


async def test_a_key_that_nobody_has_is_refused(town: Any) -> None:
    stranger = town.newcomer()
    stranger.key.user = text(bytes.fromhex(town.members["Wim"].id))
    assert (await stranger.sign_in()).status_code == 403


async def test_what_is_no_answer_is_refused(open_town: Any) -> None:
    stranger = (await open_town(empty=True)).newcomer()
    for answer in ("", "{}", "null", "[]", "{", "x" * 19_000, '{"id": 5}', "\u2028"):
        await stranger.get("/i/in")
        assert (await stranger.post("/i/in", answer=answer)).status_code in (403, 422), answer


async def test_a_key_of_another_kind_of_page_is_not_made(town: Any) -> None:
    """Making a key: each lie refused, then the truth taken."""
    wim = town.people["Wim"]
    for lies in (
        {"origin": "https://app.test"},
        {"rp_id": "app.test"},
        {"challenge": text(bytes(32))},
        {"type": "webauthn.get"},
        {"flags": PRESENT},
    ):
        await wim.get("/i/keys")
        answer = Key(RP_ID).make(wim.options, INBOX, **lies)
        assert (await wim.post("/i/keys", answer=answer, label="other")).status_code == 403, lies
    await wim.get("/i/keys")
    assert (
        await wim.post("/i/keys", answer=Key(RP_ID).make(wim.options, INBOX), label="b")
    ).status_code == 200


async def test_a_key_of_somebody_is_not_made_again_for_another(town: Any) -> None:
    wim, xia = town.people["Wim"], town.people["Xia"]
    await xia.get("/i/keys")
    answer = wim.key.make(xia.options, INBOX)
    assert (await xia.post("/i/keys", answer=answer, label="mine")).status_code == 403
    assert [key.label for key in await town.store.passkeys.of(town.members["Xia"])] == ["phone"]


async def test_a_second_key_opens_and_one_can_be_shut(town: Any) -> None:
    wim, second = town.people["Wim"], Key(RP_ID)
    assert "one key only" in (await wim.get("/i/home")).text
    await wim.get("/i/keys")
    assert len(wim.options["excludeCredentials"]) == 1
    await wim.post("/i/keys", answer=second.make(wim.options, INBOX), label="work laptop")
    assert "work laptop" in wim.text
    other = town.newcomer()
    assert (await other.sign_in(second)).status_code == 200
    assert "one key only" not in other.text

    await other.get("/i/keys")
    await other.post("/i/keys/end", key=other.value("key", "phone"))

    assert "phone" not in other.text.split("Add a key")[0]
    assert (await wim.get("/i/home")).status_code == 403, "the session that the shut key has opened is over"
    assert (await town.newcomer().sign_in(wim.key)).status_code == 403
    assert (await other.get("/i/keys")).status_code == 200
    (last,) = await town.store.passkeys.of(town.members["Wim"])
    assert (await other.post("/i/keys/end", key=last.id)).status_code == 409, "the last one stays"


async def test_the_session_is_new_at_each_sign_in_and_the_one_before_is_over(town: Any) -> None:
    wim = town.people["Wim"]
    name = cookies._SESSION
    before = wim.browser.cookies[name]
    await wim.sign_in()
    after = wim.browser.cookies[name]
    assert before != after
    old = town.newcomer()
    old.browser.cookies.set(name, before, domain="inbox.test")
    assert (await old.get("/i/home")).status_code == 403
    fixed = town.newcomer()
    fixed.browser.cookies.set(name, "chosen-by-somebody-else", domain="inbox.test")
    answer = await fixed.sign_in(wim.key)
    assert "chosen-by" not in str(answer.history[0].headers["set-cookie"])


async def test_the_cookie_is_for_this_host_alone_and_no_script_and_no_other_site(town: Any) -> None:
    answer = await town.people["Wim"].sign_in()
    (line,) = answer.history[0].headers.get_list("set-cookie")
    name, _, rest = line.partition("=")
    assert name.startswith("__Host-")
    assert rest.partition(";")[2] == " Path=/; Secure; HttpOnly; SameSite=Strict"


async def test_a_session_ends_when_idle_and_after_eight_hours(town: Any) -> None:
    wim = town.people["Wim"]
    for what, steps, status in (
        ("used in time", [14.9], 200),
        ("idle", [15.0], 403),
        ("for eight hours", [14.9] * 32, 200),
        ("longer than eight hours", [14.9] * 32 + [3.2], 403),
    ):
        await wim.sign_in()
        for minutes in steps:
            town.house.clock.forward(minutes=minutes)
            answer = await wim.get("/i/home")
        assert answer.status_code == status, what


async def test_signed_out_is_out(town: Any) -> None:
    wim = town.people["Wim"]
    cookie = wim.browser.cookies[cookies._SESSION]
    answer = await wim.go("/i/home", "/i/home/out")
    assert answer.url.path == "/i/in"
    assert "Max-Age=0" in answer.history[0].headers["set-cookie"]
    assert answer.history[0].headers["clear-site-data"] == '"cache"'
    wim.browser.cookies.set(cookies._SESSION, cookie, domain="inbox.test")
    assert (await wim.get("/i/home")).status_code == 403


async def test_quick_exit_leads_to_a_neutral_page_and_takes_the_cookie(town: Any) -> None:
    wim = town.people["Wim"]
    answer = await wim.browser.get("/i/exit", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "https://weather.test/")
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert (await wim.get("/i/home")).status_code == 403


async def test_an_invitation_is_good_for_one_use_and_three_days(open_town: Any) -> None:
    town = await open_town(empty=True)
    first, second = await town.invited_steward("Sam"), await town.invited_steward("Sol")
    await town.joins("Sam", first)
    late = town.newcomer()
    assert (await late.get(f"/i/join/{first}")).status_code == 404
    assert (await late.get(f"/i/join/{second}")).status_code == 200
    answer, page = late.key.make(late.options, INBOX), late.page
    town.house.clock.forward(days=3)
    assert (await late.post(f"/i/join/{second}", answer=answer, label="phone")).status_code in (403, 404)
    assert (await late.get(f"/i/join/{second}")).status_code == 404
    assert page.status_code == 200


async def test_looking_at_an_invitation_uses_nothing_up(open_town: Any) -> None:
    """As scanners of mail do."""
    town = await open_town(empty=True)
    code = await town.invited_steward("Sam")
    for _ in range(3):
        seen = await town.newcomer().get(f"/i/join/{code}")
        assert seen.status_code == 200
        assert "set-cookie" not in seen.headers
    await town.joins("Sam", code)


async def test_two_who_use_one_invitation_at_once(open_town: Any) -> None:
    town = await open_town(empty=True)
    code = await town.invited_steward("Sam")
    one, other = town.newcomer(), town.newcomer()
    answers = []
    for person in (one, other):
        await person.get(f"/i/join/{code}")
        answers.append(person.key.make(person.options, INBOX))
    statuses = [
        (await person.post(f"/i/join/{code}", answer=answer, label="x")).status_code
        for person, answer in zip((one, other), answers, strict=True)
    ]
    assert statuses == [200, 404]


async def test_what_is_stored_of_a_key_is_sealed(town: Any) -> None:
    path = town.house.settings.database.removeprefix("sqlite+aiosqlite:///")
    raw = b"".join(Path(name).read_bytes() for name in (path, f"{path}-wal"))  # noqa: ASYNC240  a test
    key = town.people["Wim"].key
    for secret in (key.credential_id, key.credential_id.hex().encode(), b"Wim", b"Harbour", b"020 7946 0123"):
        assert secret not in raw
    assert town.members["Wim"].id.encode() in raw, "what stands plain is found"


async def test_too_many_attempts_wait(open_town: Any) -> None:
    town = await open_town(empty=True, attempts=5)
    stranger = town.newcomer()
    seen = []
    for _ in range(7):
        await stranger.get("/i/in")
        answer = await stranger.post("/i/in", answer="{}")
        seen.append(answer.status_code)
    assert seen == [403] * 5 + [429] * 2
    assert (await stranger.get("/i/join/x")).status_code == 429, "guessing codes counts, too"


async def test_every_key_act_leaves_its_row(town: Any) -> None:
    wim = town.people["Wim"]
    await wim.sign_in()
    await wim.go("/i/home", "/i/home/out")
    rows = [row async for row in town.store.audit.entries(visit=town.members["Wim"].id)]
    assert [row.act for row in rows] == [Act.INVITED, Act.JOINED, Act.SIGNED_IN, Act.SIGNED_OUT]
    assert [row.subject.user_name for row in rows] == ["Cora", "Wim", "Wim", "Wim"]
    assert await town.store.audit.verify() == []
    assert timedelta(0) == town.now - rows[-1].at
    assert isinstance(wim.page, httpx.Response)
