"""Cases at a service, by its pages: what is shown before names, each step as a form, and what it leaves."""

import re
from datetime import date, timedelta
from typing import Any

import pytest

from ipvscreen.app import import_services
from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.case import CaseState
from ipvscreen.ipv.case_codes import DECLINE_WORDS, Decline, Outcome
from ipvscreen.ipv.services import Places
from ipvscreen.resources.directory import kept_service
from ipvscreen.resources.neutral import topic_word
from ipvscreen.sandbox.directory import services_bundle

NUMBER, NAME = "07700 900123", "Whitfield"
INBOX = "https://inbox.test"
SAME = {"Sec-Fetch-Site": "same-origin", "Origin": INBOX}
SERVICE = "mentor-mothers"


async def acts(town: Any) -> list[Act]:
    return [row.act async for row in town.store.audit.entries()]


def main(page: Any) -> str:
    return str(page.text.split("<main", 1)[1])


def offered(page: Any) -> set[str]:
    """The steps that the page has a form for."""
    return set(re.findall(r'name="event" value="([\w-]+)"', page.text))


async def test_a_referral_is_in_the_inbox_and_the_referrer_has_its_receipt(town: Any, refer_to: Any) -> None:
    """Nothing was sent anywhere; list and case show no name and no number, and nothing of the topic.

    Withdrawn in silence, nothing is told at the referrer's next launch.
    """
    refers, hosts, _ = refer_to
    await hosts(town, "Harbour", SERVICE)
    key = await refers(town)
    cora, path = town.people["Cora"], f"/i/cases/{key}"
    assert [*town.house.charity.state.sandbox.received()] == []
    listed = await cora.get("/i/cases")
    for one in (listed, await cora.get(f"{path}/print"), await cora.get(path)):
        assert NAME not in one.text
        assert NUMBER not in one.text
        folded = re.sub(r"<details>.*?</details>", "", one.text, flags=re.DOTALL)
        assert topic_word(folded) is None
    assert key[:8] in listed.text
    assert "Millbrook mothers" in listed.text
    assert "Safe ways Telephone, The person rings you Voicemail not safe" in cora.text
    assert "what becomes of it may be told back" in cora.text
    for seen, event in enumerate(("open", "tell-nothing", "withdraw")):
        await cora.get(path)
        assert (await cora.post(path, event=event, seen=str(seen))).status_code == 200
    case = (await town.store.cases.of_referrals([key]))[key].case
    assert (case.state, case.told_nothing) == (CaseState.CANCELLED, True)
    visitor = town.house.visitor()
    town.house.clock.forward(hours=1)
    await visitor.launch("anna-woman")
    told = visitor.text.partition("Earlier forms")[2]
    assert "It was taken back that anything is told." in told
    for words in ("taken on", "stopped", "they are in touch"):
        assert words not in told
    await visitor.browser.aclose()


async def test_once_the_safe_way_is_not_believed_any_more_every_page_of_the_case_says_so(
    town: Any, refer_to: Any
) -> None:
    _, hosts, arrives = refer_to
    await hosts(town, "Harbour", SERVICE)
    today = town.now.date()
    for number, review, old in ((1, today, False), (2, today - timedelta(days=1), True)):
        key = await arrives(town, number << 100, "Harbour", SERVICE, review)
        for page in ("", "/print"):
            shown = await town.people["Cora"].get(f"/i/cases/{key}{page}")
            assert ("Ask again before you use this: ask whoever has referred." in shown.text) is old
            assert "lamp" not in shown.text
            assert "Jo {who}" not in shown.text


async def test_the_whole_way_by_forms(cases: Any) -> None:
    town, wim = cases.town, cases.town.people["Wim"]
    before = len(await acts(town))
    await cases.accepted()
    await wim.get(f"/i/cases/{cases.own}")
    form = {"data": {"token": wim.token}, "headers": SAME}
    names, again = [await wim.browser.post(f"/i/cases/{cases.own}/names", **form) for _ in range(2)]
    assert (names.status_code, again.status_code) == (200, 409), "one form, one look"
    assert NAME in names.text
    assert NUMBER in names.text
    assert "Not safe: voicemail" in names.text
    for said in ("Must not know of this: Jo {who}.", "Say this code word first: blue &lt;b&gt;lamp."):
        assert said in names.text
        assert said not in again.text
    assert "All this is believed until 30 March 2026." in names.text
    assert "Ask again before you use this" not in names.text
    assert NAME not in again.text
    assert NAME not in (await wim.get(f"/i/cases/{cases.own}")).text, "open once, and not from then on"
    for event, said in (
        ("contact", {"way": "phone", "tried": "no-answer"}),
        ("contact", {"way": "phone", "tried": "reached"}),
        ("engage", {}),
        ("weekly", {"way": "phone"}),
        ("weekly", {"way": "she-calls"}),
        ("complete", {"outcome": "as-planned"}),
    ):
        assert (await cases.does("Wim", event, **said)).status_code == 200, (event, wim.text)
    case = await cases.state()
    assert (case.state, case.outcome) == (CaseState.COMPLETED, Outcome.AS_PLANNED)
    assert (await acts(town))[before:] == [
        *(Act.CASE_OPENED, Act.CHECKED, Act.ACCEPTED, Act.HANDED_OVER, Act.NAMES_READ),
        *(Act.CONTACT_TRIED, Act.CONTACT_TRIED, Act.ENGAGED, Act.CONTACT_KEPT, Act.CONTACT_KEPT),
        Act.COMPLETED,
    ], "one row for each"
    assert cases.own[:8] not in (await wim.get("/i/cases")).text
    assert cases.own[:8] in (await wim.get("/i/closed")).text
    assert "How it ended ended as planned" in (await cases_text(cases, "Wim"))
    assert offered(wim.page) == set()
    assert await town.store.audit.verify() == []


async def cases_text(cases: Any, who: str) -> str:
    await cases.town.people[who].get(f"/i/cases/{cases.own}")
    return str(cases.town.people[who].text)


async def test_names_open_only_after_the_check_and_to_whom_it_was_handed(cases: Any) -> None:
    town = cases.town
    await cases.does("Cora", "open")
    for who in ("Cora", "Wim"):
        page = await town.people[who].get(f"/i/cases/{cases.own}")
        assert "/names" not in page.text, who
        assert (await town.people[who].post(f"/i/cases/{cases.own}/names")).status_code == 403
        assert NAME not in town.people[who].page.text
    assert "Say first whether both are known here" in await cases_text(cases, "Cora")
    assert "Say first whether" not in await cases_text(cases, "Wim"), "why is the coordinator's alone"
    assert Act.NAMES_READ not in await acts(town)
    await cases.does("Cora", "check", both="no")
    assert NAME in (await cases.names("Cora")).text
    assert (await cases.names("Wim")).status_code in (403, 404)
    assert (await acts(town)).count(Act.NAMES_READ) == 1


async def test_both_known_here_only_the_coordinator_sees_the_hint(cases: Any) -> None:
    town = cases.town
    hint = "Both are, or may be, known here"
    for both in ("yes", "not-sure"):
        await cases.does("Cora", "open")
        await cases.does("Cora", "check", both=both, **{f"knows-{cases.member('Wim')}": "no"})
        assert hint in await cases_text(cases, "Cora"), both
        assert hint not in await cases_text(cases, "Wim")
    await cases.does("Cora", "accept")
    page = await town.people["Cora"].get(f"/i/cases/{cases.own}")
    assert 'name="mentor"' not in page.text
    assert "nobody can be chosen yet" in page.text
    refused = await town.people["Cora"].post(
        f"/i/cases/{cases.own}", event="assign", seen="4", mentor=cases.member("Wim")
    )
    assert refused.status_code == 422
    assert hint in town.people["Cora"].text
    await cases.does("Cora", "check", both="yes", apart="true")
    assert hint not in await cases_text(cases, "Cora")
    await cases.does("Cora", "assign", mentor=cases.member("Wim"))
    assert NAME in (await cases.names("Wim")).text


async def test_a_mentor_who_knows_one_of_them_cannot_be_chosen(cases: Any) -> None:
    ident = cases.member("Wim")
    await cases.does("Cora", "open")
    for knows, words in (("yes", "knows, or may know"), ("not-sure", "knows, or may know")):
        await cases.does("Cora", "check", both="no", **{f"knows-{ident}": knows})
        page = await cases.town.people["Cora"].get(f"/i/cases/{cases.own}")
        assert f'name="mentor" value="{ident}"' not in page.text
        await cases.does("Cora", "accept")
        answer = await cases.does("Cora", "assign", mentor=ident)
        assert (answer.status_code, words in answer.text) == (422, True), knows
    assert (await cases.state()).mentor is None


async def test_she_rings_them_and_nobody_is_shown_a_way_to_ring_her(town: Any, refer_to: Any) -> None:
    from_clinician, hosts, _ = refer_to
    await hosts(town, "Harbour", SERVICE)
    key = await from_clinician(town, way="she-calls")
    cora, ident = town.people["Cora"], town.members["Wim"].id
    path, seen = f"/i/cases/{key}", 0
    for event, said in (
        ("open", {}),
        ("check", {"both": "no", f"knows-{ident}": "no"}),
        ("accept", {}),
        ("assign", {"mentor": ident}),
    ):
        await cora.get(path)
        assert (await cora.post(path, event=event, seen=str(seen), **said)).status_code == 200
        seen += 1
    wim = town.people["Wim"]
    await wim.get(path)
    assert "Safe ways Make no contact: the person will ring you." in wim.text
    ways = set(re.findall(r'name="way" value="([\w-]+)"', wim.page.text))
    assert ways == {"she-calls"}
    token = wim.token
    page = await wim.post(f"{path}/names")
    assert NAME in page.text
    assert NUMBER not in page.text
    assert "tel:" not in page.text
    assert "Make no contact: the person will ring you." in wim.text
    assert token
    await wim.get(path)
    ringing = await wim.post(path, event="contact", seen=str(seen), way="phone", tried="no-answer")
    assert (ringing.status_code, "was not said to be safe" in ringing.text) == (422, True)
    assert (await town.store.cases.of_referrals([key]))[key].case.state is CaseState.ACCEPTED


async def test_a_decline_has_its_reason(town: Any, refer_to: Any) -> None:
    """Each of them, chosen on the page and kept; without one, or with what is none, nothing is done."""
    arrives = refer_to[2]
    cora = town.people["Cora"]
    for number, reason in enumerate(Decline, 1):
        key = await arrives(town, number << 100, "Harbour", SERVICE)
        path = f"/i/cases/{key}"
        await cora.get(path)
        page = await cora.post(path, event="open", seen="0")
        assert set(re.findall(r'name="reason" value="([\w-]+)"', page.text)) == {one.value for one in Decline}
        wrong = {"reason": "duplicate", "outcome": "as-planned"}
        for fields in ({}, {"reason": "x"}, wrong) if number == 1 else ():
            await cora.get(path)
            assert (await cora.post(path, event="decline", seen="1", **fields)).status_code == 422, fields
            await cora.get(path)
        page = await cora.post(path, event="decline", seen="1", reason=reason.value)
        assert page.status_code == 200, cora.text
        assert f"How it ended {DECLINE_WORDS[reason]}" in cora.text
        case = (await town.store.cases.of_referrals([key]))[key].case
        assert (case.state, case.reason) == (CaseState.DECLINED, reason)


async def test_an_old_page_says_so_and_shows_the_newest(cases: Any) -> None:
    town, cora, wim = cases.town, cases.town.people["Cora"], cases.town.people["Wim"]
    path = f"/i/cases/{cases.own}"
    await wim.get(path)
    old = wim.token
    await cases.does("Cora", "open")
    before = await acts(town)
    answer = await wim.browser.post(
        path,
        data={"token": old, "event": "open", "seen": "0"},
        headers=SAME,
    )
    assert answer.status_code == 409
    assert "Somebody has changed this case since you opened the page" in answer.text
    assert "opened" in main(answer)
    assert offered(answer) == {"danger"}, "for all else a worker waits for the coordinator now"
    assert await acts(town) == before
    await cora.get(path)
    declines = {"token": cora.token, "event": "decline", "seen": "1", "reason": "no-capacity"}
    await cases.does("Wim", "danger", passed_on="referrer")
    refused = await cora.browser.post(path, data=declines, headers=SAME)
    assert refused.status_code == 409, "possible still, but not by who has not seen what happened"
    assert "Note that danger was passed on" in refused.text
    await cora.get(path)
    checks = {"token": cora.token, "event": "check", "seen": "2", "both": "no"}
    twice = [await cora.browser.post(path, data=checks, headers=SAME) for _ in range(2)]
    assert [one.status_code for one in twice] == [200, 409], "the same form twice"
    assert ((await cases.state()).state, (await cases.state()).steps) == (CaseState.OPENED, 3)


async def test_danger_shows_the_telephone_before_anything_else(cases: Any) -> None:
    await cases.accepted()
    page = await cases.town.people["Wim"].get(f"/i/cases/{cases.own}")
    shown = main(page)
    assert "0808 157 0142" in shown
    assert 'value="danger"' in shown
    assert shown.index("999") < shown.index('value="danger"') < shown.index("Arrived")
    assert (await cases.does("Wim", "danger", passed_on="advocate")).status_code == 200
    assert (await cases.state()).state is CaseState.ACCEPTED


async def test_a_worker_sees_what_nobody_has_and_what_is_hers(cases: Any) -> None:
    town = cases.town
    assert cases.own[:8] in (await town.people["Wim"].get("/i/cases")).text
    cora = cases.member("Cora")
    await cases.does("Cora", "open")
    await cases.does("Cora", "check", both="no", **{f"knows-{cora}": "no"})
    await cases.does("Cora", "accept")
    await cases.does("Cora", "assign", mentor=cora)
    assert cases.own[:8] not in (await town.people["Wim"].get("/i/cases")).text
    for path in (f"/i/cases/{cases.own}", f"/i/cases/{cases.own}/print"):
        assert (await town.people["Wim"].get(path)).status_code == 404
    assert cases.own[:8] in (await town.people["Cora"].get("/i/cases")).text


async def test_paper_has_the_name_only_where_it_was_opened(cases: Any) -> None:
    await cases.accepted()
    wim = cases.town.people["Wim"]
    bare = await wim.get(f"/i/cases/{cases.own}/print")
    assert NAME not in bare.text
    assert 'class="sheet"' in bare.text
    opened = await cases.names("Wim", sheet="yes")
    assert NAME in opened.text
    assert 'class="sheet"' in opened.text
    assert 'class="sheet"' not in (await wim.get(f"/i/cases/{cases.own}")).text
    style = (await wim.get("/s/page.css")).text
    printed = style[style.index("@media print {") :]
    assert "body { display: none }" in printed, "all else is not printed"
    assert printed.index("body { display: none }") < printed.index("body:has(.sheet) { display: block }")


async def test_places_are_said_with_one_press_and_dated(cases: Any) -> None:
    town, cora = cases.town, cases.town.people["Cora"]
    await cora.get("/i/home")
    assert "Millbrook mothers" in cora.text
    before = await acts(town)
    await cora.post("/i/home/places", service=SERVICE, places="full")
    service = await stored(town)
    assert (service.places, service.places_on) == (Places.FULL, date(2026, 3, 2))
    assert "Full, said on 2 March 2026" in cora.text
    assert (await acts(town))[len(before) :] == [Act.PLACES_SAID]
    town.house.clock.forward(days=8)
    await cora.sign_in()
    page = await cora.get("/i/home")
    assert re.search(r'class="notice warning">Full, said', page.text), "old words say that they are"
    for service_id, status in (("specialist", 404), ("nothing", 404)):
        answer = await cora.go("/i/home", "/i/home/places", service=service_id, places="free")
        assert answer.status_code == status
    assert (await cora.go("/i/home", "/i/home/places", service=SERVICE, places="x")).status_code == 422
    wim = await town.people["Wim"].sign_in()
    assert "/i/home/places" not in wim.text
    assert (await stored(town)).places is Places.FULL
    await import_services(town.house.settings, services_bundle("https://service.test/fhir"))
    assert (await stored(town)).places is Places.FULL, "also once a file that is older was read again"


async def stored(town: Any) -> Any:
    (found,) = [one for one in await town.store.services.all() if one["id"] == SERVICE]
    return kept_service(found)


async def test_who_had_it_keeps_it_when_referrals_go_elsewhere(cases: Any, refer_to: Any) -> None:
    """An inbox that takes a service over gets what comes from then on, and nothing of before."""
    from_clinician, hosts, _ = refer_to
    town = cases.town
    town.house.clock.forward(seconds=1)
    await hosts(town, "Meadow", SERVICE)
    later = await from_clinician(town)
    cora, dora = town.people["Cora"], town.people["Dora"]
    assert (await cora.get(f"/i/cases/{cases.own}")).status_code == 200
    assert (await dora.get(f"/i/cases/{cases.own}")).status_code == 404
    assert (await cora.get(f"/i/cases/{later}")).status_code == 404
    assert (await dora.get(f"/i/cases/{later}")).status_code == 200


async def test_shared_without_agreement_says_whether_the_person_knows(town: Any, refer_to: Any) -> None:
    _, hosts, _ = refer_to
    await hosts(town, "Harbour", SERVICE)
    visitor = town.house.visitor()
    await visitor.launch("anna-woman")
    await visitor.post({"door": "told"})
    await visitor.post({"safe-today": "yes", "neck": "no", "suicide": "no"})
    await visitor.get("share")
    await visitor.post(
        {
            **{
                "service": SERVICE,
                "way": "phone",
                "number": NUMBER,
                "decided_by": "Dr Osei",
                "basis": "child",
            },
            **{"told": "false", "why_not_told": "It would add to the danger"},
        }
    )
    await visitor.until("Received by")
    (referral,) = await town.store.referrals.of_visit(visitor.visit)
    cora = town.people["Cora"]
    await cora.get(f"/i/cases/{referral.id}")
    assert "shared without agreement; the person does NOT know" in cora.text
    await visitor.browser.aclose()


# Links of notices


async def test_a_link_of_a_notice_shows_nothing_and_does_nothing_until_it_is_posted(cases: Any) -> None:
    town, cora = cases.town, cases.town.people["Cora"]
    code = await town.store.links.make(town.organisations["Harbour"].id, town.now)
    other = await town.store.links.make(town.organisations["Meadow"].id, town.now)
    rows = await acts(town)
    pages = [await town.newcomer().get(f"/i/n/{one}") for one in (code, other, "x" * 43)]
    assert {re.sub(r'value="[^"]*"', "", one.text) for one in pages} == {
        re.sub(r'value="[^"]*"', "", pages[0].text)
    }
    assert {len(one.content) for one in pages} == {16_384}
    for words in ("Harbour", "Meadow", "case", "Case"):
        assert words not in pages[0].text
    stranger = town.newcomer()
    await stranger.get(f"/i/n/{code}")
    assert (await stranger.post(f"/i/n/{code}")).url.path == f"/i/in/{code}"
    assert await acts(town) == rows
    for one in (other, "x" * 43):
        await cora.get(f"/i/n/{one}")
        assert (await cora.post(f"/i/n/{one}")).url.path == "/i/cases"
    await town.people["Sam"].get(f"/i/n/{code}")
    assert (await town.people["Sam"].post(f"/i/n/{code}")).url.path == "/i/home"
    assert await acts(town) == rows, "another's link, nobody's link, a steward"
    for times in (1, 1):
        await cora.get(f"/i/n/{code}")
        assert (await cora.post(f"/i/n/{code}")).url.path == "/i/cases"
        assert (await acts(town))[len(rows) :] == [Act.NOTICE_TAKEN_UP] * times
    late = await town.store.links.make(town.organisations["Harbour"].id, town.now - timedelta(days=15))
    await cora.get(f"/i/n/{late}")
    await cora.post(f"/i/n/{late}")
    assert (await acts(town)).count(Act.NOTICE_TAKEN_UP) == 1


async def from_a_notice(town: Any, who: str, code: str) -> Any:
    """Somebody who is not signed in follows the link: the button, the key, and where that leads."""
    person = town.newcomer()
    person.key = town.people[who].key
    await person.get(f"/i/n/{code}")
    await person.post(f"/i/n/{code}")
    answer = person.key.sign(person.options, INBOX)
    await person.post(person.page.url.path, answer=answer)
    return person


async def test_who_signs_in_from_a_link_has_come_because_of_it(cases: Any) -> None:
    """No second press; and what the link is worth shows in nothing that comes back."""
    town = cases.town
    code = await town.store.links.make(town.organisations["Harbour"].id, town.now)
    for who, link, to, taken in (
        ("Dora", code, "/i/cases", 0),
        ("Cora", "x" * 43, "/i/cases", 0),
        ("Sam", code, "/i/home", 0),
        ("Wim", code, "/i/cases", 1),
        ("Cora", code, "/i/cases", 1),
    ):
        person = await from_a_notice(town, who, link)
        assert (person.page.status_code, person.page.url.path) == (200, to), who
        assert (await acts(town)).count(Act.NOTICE_TAKEN_UP) == taken, who
    assert (await acts(town)).count(Act.SIGNED_IN) == 5
    assert await town.store.audit.verify() == []


@pytest.mark.parametrize(
    "code",
    [
        "https:%5C%5Cevil.test",
        "%5C%5Cevil.test",
        "@evil.test",
        "evil.test%3Fnext=https:",
        "%2e%2e",
        "%0d%0aLocation:%20x",
        "x" * 42,
        "x" * 44,
    ],
)
async def test_the_way_back_from_signing_in_is_ours_alone(town: Any, code: str) -> None:
    """Nothing of the request is taken for an address: neither a path, a query, a field nor a header."""
    stranger = town.newcomer()
    stranger.key = town.people["Wim"].key
    await stranger.get(f"/i/n/{'x' * 43}")
    at = f"/i/n/{code}?next=https://evil.test/"
    headers = SAME | {"X-Forwarded-Host": "evil.test", "Referer": "https://evil.test/"}
    stranger.browser.follow_redirects = False
    # The slip is bound to its code, so a page of this code is needed.
    await stranger.get(at)
    if stranger.page.status_code != 200:
        assert stranger.page.status_code == 404
        return
    answer = await stranger.post(at, headers=headers)
    assert (answer.status_code, answer.headers["location"]) == (303, "/i/in")

    way = f"/i/in/{code}?next=https://evil.test/"
    await stranger.get(way)
    signed = stranger.key.sign(stranger.options, INBOX)
    more = await stranger.post(way, headers, answer=signed, next="https://evil.test/")
    assert more.status_code == 422, "a field that is not ours is refused"
    await stranger.get(way)
    answer = await stranger.post(way, headers, answer=stranger.key.sign(stranger.options, INBOX))
    assert (answer.status_code, answer.headers["location"]) == (303, "/i/cases")


async def test_a_key_given_on_the_page_of_one_link_is_not_taken_for_another(cases: Any) -> None:
    town, stranger = cases.town, cases.town.newcomer()
    codes = [await town.store.links.make(town.organisations["Harbour"].id, town.now) for _ in (1, 2)]
    stranger.key = town.people["Wim"].key
    for other in (f"/i/in/{codes[1]}", "/i/in"):
        await stranger.get(f"/i/in/{codes[0]}")
        signed = stranger.key.sign(stranger.options, INBOX)
        assert (await stranger.post(other, answer=signed)).status_code == 403
    assert (await stranger.get("/i/home")).status_code == 403
    await stranger.get(f"/i/in/{codes[0]}")
    signed = stranger.key.sign(stranger.options, INBOX)
    assert (await stranger.post(f"/i/in/{codes[0]}", answer=signed)).status_code == 200, "the control"
