"""A service that nothing can be sent to: the letter, the call, and when it counts as sent."""

import asyncio
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pikepdf
import pytest

from ipvscreen.app import keep_services
from ipvscreen.ipv.audit import Act
from ipvscreen.ipv.by_hand import ByHand
from ipvscreen.ipv.hearing import Cause
from ipvscreen.ipv.person import Sex
from ipvscreen.ipv.referral import ReferralState
from ipvscreen.ipv.services import Kind, Service
from ipvscreen.resources.neutral import topic_word
from ipvscreen.settings import Numbers
from ipvscreen.store.outbox import Cancelled

APP = "https://app.test"
QUIET = {"safe-today": "yes", "neck": "no", "suicide": "no"}
NUMBER = "07700 900123"
SHEET = {"service": "harbour", "way": "phone", "number": NUMBER, "out": "yes", "back": "yes"}
ABROAD = Numbers(emergency="112", silent="112", helpline="0800 2000", lead=None, advocate=None)
RECORD = ("ServiceRequest", "Task", "Consent", "Provenance")
MORE = {
    "code_word": "blue lamp",
    "not_to_know": "Jo, and the school",
    "portal": "yes",
    "review": "2026-03-09",
}
HARBOUR = Service(
    id="harbour",
    kind=Kind.SPECIALIST,
    name="Harbour",
    short_name="Harbour",
    for_whom="Adults.",
    hours="weekdays 9 to 17",
    phone="01632 960 555",
    reply_hours=48,
    endpoint="",
    by_hand=frozenset(ByHand),
    sexes=frozenset({Sex.FEMALE}),
    contact_rules_signed=datetime(2026, 1, 5, tzinfo=UTC).date(),
)


async def directory(house: Any, service: Service = HARBOUR) -> None:
    await keep_services(house.settings, [service])


async def referred(house: Any, visitor: Any, sheet: dict[str, Any] = SHEET) -> Any:
    await visitor.launch("anna-woman")
    for fields in ({"door": "told"}, QUIET, sheet):
        await visitor.post(fields)
    assert visitor.step == "sent", visitor.text
    return await only(house, visitor)


async def only(house: Any, visitor: Any) -> Any:
    (one,) = await house.app.state.rooms.store.referrals.of_visit(visitor.visit)
    return one


async def letter(visitor: Any, key: str, **headers: str) -> Any:
    url = f"/v/{visitor.visit}/letter/{key}"
    return await visitor.browser.get(url, headers={"Sec-Fetch-Site": "same-origin"} | headers)


async def acts(house: Any) -> list[Act]:
    return [entry.act async for entry in house.app.state.rooms.store.audit.entries()]


def text(pdf: bytes) -> str:
    """By the words that a tag's own text can be checked by: fonts map what is shown, see test_letter_pdf."""
    from test_letter_pdf import words

    return str(words(pikepdf.open(io.BytesIO(pdf))))


LETTER = {"way": "letter", "who": "Ms Lane, reception", "at": "2026-03-02T10:00"}
CALL = {"way": "telephone", "who": "Dr Osei", "to": "Ms Reed", "at": "2026-03-02T10:00"}


async def test_the_letter_is_shown_and_counts_as_sent_only_once_somebody_says_so(
    house: Any, visitor: Any
) -> None:
    await directory(house)
    one = await referred(house, visitor)
    assert (one.state, one.handed, one.sent_at) == (ReferralState.UNSENT, None, None)
    assert "Not sent yet: hand it over to Harbour, or ring 01632 960 555." in visitor.text
    assert house.charity.state.sandbox.received() == []

    before = await acts(house)
    shown = await letter(visitor, one.id)
    again = await letter(visitor, one.id)

    assert shown.status_code == 200
    assert shown.headers["content-type"] == "application/pdf"
    assert shown.headers["content-disposition"] == 'attachment; filename="letter.pdf"'
    assert shown.headers["cache-control"] == "no-store"
    assert topic_word(str(shown.headers)) is None
    assert topic_word(str(shown.url)) is None
    assert shown.content == again.content
    told = text(shown.content).replace(" ", "")
    assert NUMBER.replace(" ", "") in told
    assert "AnnaWhitfield" in told
    assert (await acts(house))[len(before) :] == [Act.LETTER_SHOWN] * 2
    assert await only(house, visitor) == one, "a GET has changed something"

    house.clock.forward(minutes=20)
    await visitor.get("sent")
    assert "Not sent yet, and waiting since" in visitor.text
    assert await house.app.state.rooms.store.outbox.late(house.clock()) == 1

    await visitor.post({"referral": one.id} | LETTER)
    sent = await only(house, visitor)
    assert (sent.state, sent.handed.who, sent.handed.way) == (
        ReferralState.SENT,
        "Ms Lane, reception",
        ByHand.LETTER,
    )
    assert sent.sent_at == datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
    assert sent.received_at is None
    assert "Harbour: sent by letter, Monday 2 March, 10:00, by Ms Lane, reception." in visitor.text
    assert (await acts(house))[-1] is Act.SENT_BY_HAND
    assert await house.app.state.rooms.store.outbox.late(house.clock()) == 0
    assert (await letter(visitor, one.id)).status_code == 200, "it may not have come"

    await visitor.post({"referral": one.id} | CALL)
    assert (await only(house, visitor)).state is ReferralState.RECEIVED
    assert (await letter(visitor, one.id)).status_code == 404


async def test_told_by_telephone_and_how_to_reach_her_comes_first(house: Any, visitor: Any) -> None:
    await directory(house)
    one = await referred(house, visitor, SHEET | MORE)
    page = visitor.text
    order = [
        page.index(words)
        for words in (
            "01632 960 555",
            "How to be in touch: please read this first",
            "Ring the number given, and use no other way.",
            "Must not know of this: Jo, and the school.",
            "Say this code word first: blue lamp.",
            "Safe: messages in a portal or an app.",
            "All this is believed until 9 March 2026.",
            NUMBER,
            "Who this is about Anna Whitfield",
            "The person has agreed that you tell us whether you were in touch.",
            "From whom, and how to ring back",
        )
    ]
    assert order == sorted(order)
    told = text((await letter(visitor, one.id)).content).replace(" ", "")
    assert "Mustnotknowofthis:Jo,andtheschool." in told
    assert "Saythiscodewordfirst:bluelamp." in told
    record = str([body for kind in RECORD for body in house.ehr.state.sandbox.memory.all(kind)])
    assert "Harbour" in record
    assert [said for said in ("lamp", "Jo, and", NUMBER, "portal") if said in record] == []

    await visitor.post({"referral": one.id} | CALL)

    told = await only(house, visitor)
    assert (told.state, told.handed.to, told.handed.who) == (ReferralState.RECEIVED, "Ms Reed", "Dr Osei")
    assert told.received_at == datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
    assert "Harbour: told by telephone to Ms Reed, Monday 2 March, 10:00, by Dr Osei." in visitor.text
    assert NUMBER not in visitor.text, "what was told is no longer kept"
    assert (await acts(house))[-1] is Act.TOLD_BY_TELEPHONE
    assert await house.app.state.rooms.store.by_hand.message(one.id) is None


async def test_once_the_safe_way_is_not_believed_any_more_it_has_to_be_asked_for_again(
    house: Any, visitors: Callable[[], Any]
) -> None:
    await directory(house)
    visitor = visitors()
    await referred(house, visitor, SHEET | MORE | {"review": "2026-03-03"})
    for days, old in ((0, False), (2, True)):
        house.clock.forward(days=days)
        again = visitors()
        await again.launch("anna-woman")
        earlier = again.page.text.partition('name="earlier" value="')[2].partition('"')[0]
        await again.post({"earlier": earlier})
        assert "Must not know of this: Jo, and the school." in again.text
        assert ("Ask the patient again before you hand this over." in again.text) is old


async def test_the_letter_is_in_the_language_of_the_pack(houses: Any) -> None:
    house = await houses(locale="nl-NL", pack="nl", numbers=ABROAD)
    await directory(house)
    visitor = house.visitor()
    one = await referred(house, visitor, SHEET | MORE)
    told = text((await letter(visitor, one.id)).content).replace(" ", "")
    assert "Zegeerstditcodewoord:bluelamp." in told
    assert "Saythiscodeword" not in told
    assert "Zeg eerst dit codewoord: blue lamp." in visitor.text, "and on the page what is to be said"
    await visitor.browser.aclose()


async def test_she_rings_them_and_nothing_says_how_to_reach_her(house: Any, visitor: Any) -> None:
    await directory(house)
    one = await referred(house, visitor, SHEET | {"way": "she-calls"})

    assert "Make no contact: the person will ring you." in visitor.text
    assert NUMBER not in visitor.text
    told = text((await letter(visitor, one.id)).content).replace(" ", "")
    assert "Makenocontact:thepersonwillringyou." in told
    assert NUMBER.replace(" ", "") not in told


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        (LETTER | {"who": ""}, "Say by whom it was handed over."),
        (CALL | {"to": ""}, "Say with whom you have spoken."),
        (LETTER | {"at": ""}, "Give the day and the time."),
        (LETTER | {"at": "2026-03-02T10:00+01:00"}, "Give the day and the time."),
        (LETTER | {"at": "2026-03-02T10:01"}, "This time has not come yet."),
        (LETTER | {"at": "2026-03-01T10:00"}, "This time lies before the referral was made."),
    ],
)
async def test_what_is_missing_is_said_and_nothing_counts(
    house: Any, visitor: Any, fields: dict[str, str], wrong: str
) -> None:
    await directory(house)
    one = await referred(house, visitor)

    await visitor.post({"referral": one.id} | fields)

    assert wrong in visitor.text
    assert await only(house, visitor) == one
    assert (await acts(house))[-1] is Act.KEPT


async def test_the_same_form_twice_is_one_and_another_visit_gets_nothing(
    house: Any, visitors: Callable[[], Any]
) -> None:
    await directory(house)
    mine, other = visitors(), visitors()
    one = await referred(house, mine)
    form, page = mine.forms, mine.page
    await mine.post({"referral": one.id} | LETTER)
    first = await only(house, mine)
    mine.page = page
    await mine.post({"referral": one.id} | LETTER | {"who": "Somebody else"}, form=form)
    assert await only(house, mine) == first

    await other.launch("clara-woman", "dr-lindqvist")
    assert other.step == "start"
    assert (await letter(other, one.id)).status_code == 404
    stranger = house.browser()
    assert (await stranger.get(f"/v/{mine.visit}/letter/{one.id}")).status_code == 404
    await stranger.aclose()
    crossed = await letter(mine, one.id, **{"Sec-Fetch-Site": "cross-site"})
    assert crossed.status_code == 404
    assert (await letter(mine, "not-there")).status_code == 404


async def test_not_without_signed_rules_also_when_they_are_taken_back_later(house: Any, visitor: Any) -> None:
    await directory(house, replace(HARBOUR, contact_rules_signed=None))
    await visitor.launch("anna-woman")
    for fields in ({"door": "told"}, QUIET):
        await visitor.post(fields)
    assert "Contact rules not signed: cannot be offered." in visitor.text

    await directory(house)
    await visitor.get("refer")
    await visitor.post(SHEET)
    one = await only(house, visitor)
    await directory(house, replace(HARBOUR, contact_rules_signed=None))

    assert (await letter(visitor, one.id)).status_code == 404
    page = visitor.forms
    await visitor.get("sent")
    assert "hand nothing over" in visitor.text
    assert NUMBER not in visitor.text
    await visitor.post({"referral": one.id} | CALL, form=page)
    assert (await only(house, visitor)).state is ReferralState.UNSENT


async def test_what_was_agreed_ends_and_nothing_is_handed_over(house: Any, visitor: Any) -> None:
    await directory(house)
    one = await referred(house, visitor, SHEET | {"until": "2026-03-03"})
    store = house.app.state.rooms.store
    end = datetime(2026, 3, 4, tzinfo=UTC)

    assert await store.by_hand.lapse(end - timedelta(seconds=1)) == 0
    assert (await only(house, visitor)).state is ReferralState.UNSENT
    assert await store.by_hand.lapse(end) == 1
    assert (await only(house, visitor)).state is ReferralState.LAPSED
    assert await store.by_hand.message(one.id) is None


@pytest.mark.parametrize("stopped", [True, False])
async def test_one_whose_letter_was_posted_is_to_be_rung_about(
    house: Any, visitor: Any, *, stopped: bool
) -> None:
    """On the page and on the practice's list, and it is printed no more. The control stops nothing."""
    await directory(house)
    one = await referred(house, visitor)
    store = house.app.state.rooms.store

    await visitor.post({"referral": one.id} | LETTER)
    assert await store.outbox.cancel(one.id, house.clock()) is Cancelled.TOO_LATE
    if stopped:
        await visitor.post({"stop": one.id})
        assert "no message from here reaches it: ring 01632 960 555 now" in visitor.text
        await visitor.get("sent")
        assert "nobody there has been told from here" in visitor.text

    (name,) = house.app.state.rooms.ehrs
    found = [fact.cause for fact in await store.waiting.referrals(name, house.clock())]
    assert found == ([Cause.UNTOLD] if stopped else [])
    assert (await store.by_hand.message(one.id) is None) is stopped


async def test_one_that_is_unsent_is_stopped_and_its_message_gone(house: Any, visitor: Any) -> None:
    await directory(house)
    one = await referred(house, visitor)
    store = house.app.state.rooms.store

    assert await store.outbox.cancel(one.id, house.clock()) is Cancelled.STOPPED
    assert await store.by_hand.message(one.id) is None
    assert (await letter(visitor, one.id)).status_code == 404


async def test_no_sender_takes_what_is_for_a_person(house: Any, visitor: Any) -> None:
    await directory(house)
    await referred(house, visitor)
    assert await house.app.state.rooms.dispatcher.run_once() == 0
    await asyncio.sleep(0)
    assert house.charity.state.sandbox.received() == []


async def test_what_a_service_has_refused_can_be_told_by_telephone(house: Any, visitor: Any) -> None:
    await directory(house, replace(HARBOUR, endpoint="https://service.test/fhir"))
    house.charity.state.sandbox.switches.refuse = 422
    await visitor.launch("anna-woman")
    for fields in ({"door": "told"}, QUIET, SHEET):
        await visitor.post(fields)
    await visitor.until("Harbour did not take it.")
    one = await only(house, visitor)
    assert (await letter(visitor, one.id)).status_code == 404, "it was not chosen to go by letter"

    await visitor.post({"referral": one.id} | CALL)

    assert (await only(house, visitor)).state is ReferralState.RECEIVED
    assert "told by telephone to Ms Reed" in visitor.text


async def test_by_hand_first_where_the_deployer_wants_it(houses: Callable[..., Any]) -> None:
    house = await houses(by_hand_first=True, ring_back="01632 960 444")
    await directory(house, replace(HARBOUR, endpoint="https://service.test/fhir"))
    visitor = house.visitor()
    one = await referred(house, visitor)

    assert one.state is ReferralState.UNSENT
    assert "01632 960 444" in visitor.text
    assert house.charity.state.sandbox.received() == []
    await visitor.browser.aclose()


async def test_at_the_next_launch_it_says_that_it_is_not_sent_and_can_be_printed_noted_or_stopped(
    house: Any, visitors: Callable[[], Any]
) -> None:
    await directory(house)
    first = visitors()
    one = await referred(house, first)
    await first.get("finish")
    await first.post({"action": "close"})
    assert (await letter(first, one.id)).status_code in (404, 410)

    again = visitors()
    await again.launch("anna-woman")
    assert "Harbour: not sent yet. Hand it over, or ring 01632 960 555." in again.text
    assert "sent" not in [line.strip() for line in again.text.split(":")], "it says that it was sent"
    assert (await letter(again, one.id)).status_code == 404, "not before the earlier one is open"
    key = again.page.text.partition('name="earlier" value="')[2].partition('"')[0]
    await again.post({"earlier": key})
    assert again.step == "earlier"
    assert (await letter(again, one.id)).status_code == 200

    await again.post({"referral": one.id} | LETTER | {"who": ""})
    assert "Say by whom it was handed over." in again.text
    await again.post({"referral": one.id} | LETTER)

    (sent,) = await house.app.state.rooms.store.referrals.of_visit(first.visit)
    assert (sent.state, sent.handed.who) == (ReferralState.SENT, "Ms Lane, reception")
    assert "Harbour: sent by letter. To stop it, ring 01632 960 555." in again.text


async def test_no_other_clinician_gets_the_letter_of_an_earlier_visit(
    house: Any, visitors: Callable[[], Any]
) -> None:
    await directory(house)
    first, other = visitors(), visitors()
    one = await referred(house, first)
    await first.get("finish")
    await first.post({"action": "close"})

    await other.launch("anna-woman", "dr-lindqvist")
    key = other.page.text.partition('name="earlier" value="')[2].partition('"')[0]
    assert key, "the record shows her the form"
    await other.post({"earlier": key})

    assert other.step == "earlier"
    assert (await letter(other, one.id)).status_code == 404
    assert "I have told them" not in other.text
    assert NUMBER not in other.text
