"""What is handed out to a person who asks what is held of them: their own data, and nothing about others.

Only answers that were chosen from a list, or are a number or a day, can be told from what names somebody
else; everything typed is left out. So is every way to reach the person: whoever gets hold of the paper must
not learn of a safe one.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from ipvscreen.ipv.case import CaseEvent
from ipvscreen.resources.written import Written
from ipvscreen.sdc.answers import PASS
from ipvscreen.sdc.form import Form, Item
from ipvscreen.store.accounts import Account
from ipvscreen.store.alerts import Alert
from ipvscreen.store.audit import Entry
from ipvscreen.store.case_rows import Kept
from ipvscreen.store.persons import Held
from ipvscreen.store.referrals import Referral
from ipvscreen.store.visits import Visit

REVIEW = (
    "NOT TO BE HANDED OUT AS IT IS. Somebody who knows the case has to read it first: whether it is the"
    " person who asks, whether what it says puts anybody in danger, and where it may be handed over."
)
_MEASURED = frozenset({"boolean", "integer", "decimal", "date", "dateTime", "time"})
_MEASURE = re.compile(r"true|false|-?[0-9][0-9T:.+-]{0,30}Z?")  # a draft also holds what was no date
_LEFT_OUT = (
    ("answers that were typed", "they can name or describe somebody else; look them up in the visit"),
    (
        "how the person can safely be reached, and who must not know",
        "never in an export; ask the person anew",
    ),
    ("who decided to share without agreement, and why the person was not told", "it can be about others"),
    ("messages on their way to a service", "they hold the safe contact; what became of them is here"),
    ("words of the record system and of a service", "written by others, and may quote somebody else"),
    ("sign-in data and cookies", "secrets of the clinician's session, not about the person"),
    ("what stands in the record system", "it is that organisation's to hand out, by its own review"),
    ("whether somebody else is known here, and who else is reached the same way", "about others"),
    ("which other patients a clinician has seen", "about others"),
    ("who at a service did what, and who there knows whom", "about others"),
    (
        "what is known of a child, who keeps the child and what is done meanwhile",
        "the child's own: handed out, by a review of its own, to whoever may ask for the child",
    ),
)

Forms = Mapping[str, Form]
Entered = Mapping[str, Mapping[str, tuple[str, ...]]]


def hand_out(held: Held, acts: Iterable[Entry], forms: Forms, now: datetime) -> dict[str, Any]:
    """As JSON; the first line says that somebody has to review it, the last what is left out and why.

    `acts` are the rows of the audit log about that person.
    """
    by_canonical = {form.canonical: form for form in forms.values()}
    entered = [(visit.draft.entered, forms) for visit in held.visits]
    entered += [({one.form: one.entered}, by_canonical) for one in held.accounts]
    return {
        "review": REVIEW,
        "made_at": now.isoformat(timespec="seconds"),
        "visits": [_visit(visit, held, forms, by_canonical) for visit in held.visits],
        "acts": [_act(one) for one in acts],
        "left_out": [{"what": what, "why": why} for what, why in _LEFT_OUT],
        "typed_answers_left_out": sum(_typed(given, known) for given, known in entered),
    }


def _visit(visit: Visit, held: Held, forms: Forms, by_canonical: Forms) -> dict[str, Any]:
    born = visit.person.birth_date
    return {
        "opened_at": visit.opened_at.isoformat(timespec="seconds"),
        "setting": visit.setting,
        "state": visit.state,
        "seen_by": visit.user_name,
        "name": visit.person.name,
        "birth_date": born and born.isoformat(),
        "sex": visit.person.sex,
        "interpreter": visit.person.interpreter,
        "answers": list(_answers(visit.draft.entered, forms)),
        "written_to_the_record": [*_entries(visit.written), *_entries(visit.referred_in_record)],
        "referrals": [_referral(one, held.cases) for one in held.referrals if one.visit_id == visit.id],
        "follow_ups": [
            {"due": one.due.isoformat(), "text": one.text}
            for one in held.followups
            if one.visit_id == visit.id
        ],
        "waited": [_waited(one) for one in held.alerts if one.visit_id == visit.id],
        "plans_for_children": [
            {"review": one.plan.review.isoformat()} for one in held.child_plans if one.visit_id == visit.id
        ],
        "own_account": [_account(one, by_canonical) for one in held.accounts if one.visit_id == visit.id],
    }


def _act(one: Entry) -> dict[str, Any]:
    return {
        "at": one.at.isoformat(timespec="seconds"),
        "act": one.act,
        "by": one.subject.user_name or one.subject.user,
    }


def _waited(one: Alert) -> dict[str, Any]:
    """What waited for somebody of the practice or the service, and what was done about it."""
    moments = ("since", "raised_at", "sent_at", "shown_at", "ended_at")
    at = {name: _said_at(getattr(one, name)) for name in moments}
    return {"why": one.cause, "urgent": one.urgent, **at, "done": one.done}


def _said_at(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")


def _account(account: Account, forms: Forms) -> dict[str, Any]:
    answers = list(_answers({account.form: account.entered}, forms))
    return {"kept_at": account.kept_at.isoformat(timespec="seconds"), "answers": answers}


def _referral(one: Referral, cases: Iterable[Kept]) -> dict[str, Any]:
    return {
        "service": one.service_name,
        "service_phone": one.phone,
        "state": one.state,
        "sent_at": one.queued_at.isoformat(timespec="seconds"),
        "answer_by": one.reply_by.isoformat(timespec="seconds"),
        "received_at": _said_at(one.received_at),
        "urgent": one.urgent,
        "at_the_service": [_case(kept) for kept in cases if kept.case.key == one.id],
    }


def _case(kept: Kept) -> dict[str, Any]:
    """What was done and when; not by whom, nor who knows whom."""
    case = kept.case
    return {
        "taken_in_at": case.taken_in.isoformat(timespec="seconds"),
        "state": case.state,
        "reason": case.reason,
        "outcome": case.outcome,
        "steps": [
            {"at": one.at.isoformat(timespec="seconds"), "step": one.step.event, "state": one.state}
            for one in kept.done
            if one.step.event is not CaseEvent.CHECK
        ],
    }


def _entries(written: Written | None) -> list[dict[str, Any]]:
    items = written.items if written else ()
    return [{"kind": one.kind, "reference": one.reference, "check": one.check} for one in items]


def _answers(entered: Entered, forms: Forms) -> Iterator[dict[str, Any]]:
    """Question and answer in the form's words, as far as the answer is one that the form offers."""
    for item, values in _fields(entered, forms):
        words = [said for value in values if item and (said := _said(item, value)) is not None]
        if item and words:
            yield {"question": item.text, "answer": words}


def _typed(entered: Entered, forms: Forms) -> int:
    """How many answers are left out."""
    fields = _fields(entered, forms)
    return sum(not item or _said(item, value) is None for item, values in fields for value in values)


def _fields(entered: Entered, forms: Forms) -> Iterator[tuple[Item | None, tuple[str, ...]]]:
    """What was entered, with the item that it answers; None where the form is not there any more."""
    for name, fields in entered.items():
        items = {item.link_id: item for item in forms[name].questions()} if name in forms else {}
        for field, values in fields.items():
            yield items.get(field.partition("~")[0]), values


def _said(item: Item, value: str) -> str | None:
    """What was answered, in words; None where it was typed."""
    if value == PASS:
        return "passed"
    if item.type in _MEASURED:
        return value if _MEASURE.fullmatch(value) else None
    return next((option.display for option in item.options if option.value == value), None)
