"""What a service is told, over every kind and every channel: no answer, no item, no score, nothing typed."""

import asyncio
import json
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from itertools import product
from typing import Any

import pytest

from ipvscreen.ipv.by_hand import ByHand
from ipvscreen.ipv.draft import Call, Draft
from ipvscreen.ipv.referral import Agreement, ContactWay, ReferralRequest, SafeContact
from ipvscreen.ipv.services import Kind
from ipvscreen.ipv.visit import Step, VisitState
from ipvscreen.pathway import refer as refer_module
from ipvscreen.pathway.refer import refer
from ipvscreen.resources.directory import kept_service
from ipvscreen.resources.letter import letter_of
from ipvscreen.resources.terminology import HELP_WORDS
from ipvscreen.sdc.form import Form
from ipvscreen.store.case_rows import case_to_json
from ipvscreen.store.outbox import NewJob
from ipvscreen.store.referrals import Referrals
from ipvscreen.web.turn import Turn

CHANNELS = {"push": "https://service.test/fhir", "inbox": f"inbox:{'0' * 32}", "letter": ""}
CONTACT = SafeContact(ContactWay.PHONE, "07700 900123", times="after six")
AGREED = Agreement(out=True, back=True, until=date(2026, 9, 2))
# Words as short as "Yes" say nothing; what she wants help with is told, and is no answer to a question.
SHORT = 10
Answered = Callable[[dict[str, Form]], tuple[Draft, set[str]]]


def everything_answered(forms: dict[str, Form]) -> tuple[Draft, set[str]]:
    """A draft with an answer to every item that can be chosen or typed; and what nobody may be told of it."""
    entered: dict[str, dict[str, tuple[str, ...]]] = {}
    never = {"score", "total", "LA33-6", "LA32-8", "hark", "aas-1"}
    for form in forms.values():
        entered[form.name] = {}
        for item in form.questions():
            never |= {item.text or "", item.link_id if re.search(r"\d{4,}", item.link_id) else ""}
            if item.options:
                entered[form.name][item.link_id] = (item.options[-1].value,)
                never |= {option.display for option in item.options if len(option.display) >= SHORT}
            elif item.type in ("string", "text"):
                canary = f"Kz{secrets.token_hex(6)}"
                entered[form.name][item.link_id] = (canary,)
                never.add(canary)
    told = set(HELP_WORDS.values())
    return Draft(entered=entered, call=Call.MADE), {
        word.lower() for word in never if word and word not in told
    }


async def referred(
    house: Any,
    visitor: Any,
    monkeypatch: pytest.MonkeyPatch,
    answered: Answered = everything_answered,
    kinds: Iterable[Kind] = Kind,
) -> dict[str, str]:
    """What leaves us, by channel and kind, from a visit in which everything was answered."""
    rooms, jobs = house.app.state.rooms, dict[str, NewJob]()
    add = Referrals.add

    async def noted(
        self: Referrals, visit: Any, referral: Any, job: NewJob, *rest: Any, **changes: Any
    ) -> Any:
        jobs[job.key] = job
        return await add(self, visit, referral, job, *rest, **changes)

    monkeypatch.setattr(Referrals, "add", noted)
    await visitor.launch("anna-woman")
    visit = await rooms.store.visits.get(visitor.visit)
    draft, never = answered(rooms.forms)
    visit = await rooms.store.visits.change(visit, draft=draft, state=VisitState.RECORDED)
    mothers = kept_service((await rooms.store.services.all())[0])
    found = {}
    for kind, (channel, address) in product(kinds, CHANNELS.items()):
        by_hand = frozenset() if address else frozenset(ByHand)
        service = replace(mothers, id=f"{channel}-{kind}", kind=kind, endpoint=address, by_hand=by_hand)
        urgent = kind is Kind.HIGH_RISK
        request = ReferralRequest(
            service.id, CONTACT, frozenset({"housing"}), agreement=AGREED, urgent=urgent
        )
        turn = Turn(rooms, visit, Step.REFER, rooms.clock(), {})
        before = set(jobs)
        begun = await refer(
            rooms.store, turn.client, turn.pack, visit, service, request,
            source="https://app.test", now=rooms.clock(), care=rooms.care, ring_back="01632 960 444",
        )  # fmt: skip
        visit = begun.visit
        (key,) = set(jobs) - before
        found[f"{channel} {kind}"] = await as_told(rooms.store, channel, jobs[key])
    assert len(never) > 100
    return {place: word for place, told in found.items() for word in sorted(never) if word in told.lower()}


async def as_told(store: Any, channel: str, job: NewJob) -> str:
    """All of it as text: the message itself, the letter made of it, or the case in the inbox."""
    bundle = json.dumps(job.body, ensure_ascii=False)
    assert "07700 900123" in bundle
    if channel == "letter":
        return f"{bundle} {letter_of(job.body)}"
    if channel == "push":
        return bundle
    assert job.asked
    for _ in range(200):  # the dispatcher runs beside the test
        if kept := (await store.cases.of_referrals([job.key])).get(job.key):
            return f"{bundle} {json.dumps(job.asked)} {json.dumps(case_to_json(kept.case))}"
        await asyncio.sleep(0.02)
    raise AssertionError("it is not in the inbox")


async def test_no_answer_no_item_and_no_score_goes_to_any_kind_of_service_by_any_channel(
    house: Any, visitor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await referred(house, visitor, monkeypatch) == {}


async def test_a_message_that_tells_one_is_seen(
    house: Any, visitor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the first answer that was typed stands in the message, wherever that goes."""
    made, typed = refer_module.message_of, list[str]()

    def telling(ctx: Any, service: Any, request: Any, person: Any, *rest: Any) -> Any:
        message = made(ctx, service, request, person, *rest)
        message["entry"][1]["resource"]["text"] = {"div": typed[0]}
        return message

    def answered(forms: dict[str, Form]) -> tuple[Draft, set[str]]:
        draft, never = everything_answered(forms)
        typed.append(next(word for word in never if word.startswith("kz")))
        return draft, never

    monkeypatch.setattr(refer_module, "message_of", telling)
    seen = await referred(house, visitor, monkeypatch, answered, [Kind.SPECIALIST])
    assert set(seen) == {f"{channel} specialist" for channel in CHANNELS}
    assert set(seen.values()) == set(typed)
