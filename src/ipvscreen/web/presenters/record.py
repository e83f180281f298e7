"""What stands in the record, said plainly: checked, unprotected, not found, not there; and what to do."""

from collections.abc import Iterable
from dataclasses import dataclass

from ipvscreen.messages import joined, message
from ipvscreen.resources.fallback import Rest
from ipvscreen.resources.plan import WritePlan
from ipvscreen.resources.written import Check, Written, WrittenOne

_KINDS = {
    "QuestionnaireResponse": message("the answers"),
    "DocumentReference": message("the answers, as a document"),
    "Observation": message("the results"),
    "Flag": message("a flag"),
    "Condition": message("a health concern"),
    "Procedure": message("that a conversation took place"),
    "Provenance": message("who recorded it"),
    "ServiceRequest": message("the referral"),
    "Communication": message("a note of the referral"),
    "Task": message("the task that follows it"),
    "Consent": message("what was agreed"),
}
_AS_A_TASK = message("the referral, as a task")
_HAND = message("Enter it in the record by hand, marked as restricted and hidden from online access.")
_INSTEAD: dict[Check, tuple[str, str]] = {
    Check.LABEL_LOST: (
        message("ALARM: stored without protection"),
        message(
            "Open the record now, hide these entries from online access or remove them, and tell whoever runs"
            " the record system."
        ),
    ),
    Check.WITHDRAWN: (
        message("ALARM: its protection was not kept, so it was taken back"),
        message(
            "Enter it in the record by hand, marked as restricted and hidden from online access, and tell"
            " whoever runs the record system."
        ),
    ),
    Check.FAILED: (
        message("NOT recorded"),
        message(
            "Try again. If it fails again: enter it in the record by hand, marked as restricted and hidden"
            " from online access. Or open this page anew from the patient's record and resume."
        ),
    ),
    Check.UNKNOWN: (
        message("No answer came: it may be there or not"),
        message("Look in the record first. Then try again here: what is already there is not entered twice."),
    ),
    Check.PENDING: (
        message("Not finished: it may be there or not"),
        message("Try again in a moment: what is already there is not entered twice."),
    ),
    Check.NOT_OFFERED: (message("NOT recorded: the record system does not take it"), _HAND),
    Check.UNCONFIRMED: (
        message("Recorded, and not yet found again by a search"),
        message("Look in the record at the end of the visit. Nothing else has to be done now."),
    ),
}
_ALARMS = frozenset({Check.LABEL_LOST, Check.WITHDRAWN})


# Where no other try is offered. Of a referral the service has it or will have it, whatever became of its
# entries in the record; and a record that has lost a label is sent nothing more.
_INSTEAD_OF_A_RETRY: dict[Check, str] = {
    Check.FAILED: _HAND,
    Check.UNKNOWN: message(
        "Look in the record. What is not there: enter it in the record by hand, marked as restricted and"
        " hidden from online access."
    ),
}


@dataclass(frozen=True, slots=True)
class Notice:
    """One sentence about entries that share a fate; `tone` is good, warning or alarm."""

    tone: str
    heading: str
    details: tuple[str, ...]
    do_this: str


def kind_words(kinds: Iterable[str], plan: WritePlan) -> tuple[str, ...]:
    """Each kind once, in plain words, in the order in which we list them."""
    present, request = set(kinds), plan.ability("ServiceRequest")
    named = _KINDS | ({"Task": _AS_A_TASK} if request and request.carrier == "Task" else {})
    return tuple(words for kind, words in named.items() if kind in present)


def notices(written: Written | None, plan: WritePlan, *, again: bool = True) -> tuple[Notice, ...]:
    """What became of one write, the alarms first; `again` where the page offers another try."""
    if written is None or not written.items:
        return (Notice("good", message("Nothing was added to the health record."), (), ""),)
    left = {check: _left_to_do(check, written, plan) for check in _INSTEAD}
    tries = again and not written.label_lost
    bad = (_notice(check, items, plan, tries) for check, items in left.items() if items)
    good = _of(written, Check.VERIFIED)
    kept = [one for one in _of(written, Check.NOT_OFFERED) if one not in left[Check.NOT_OFFERED]]
    return (*bad, *((_checked(good, plan),) if good else ()), *((_kept(kept, plan),) if kept else ()))


def can_be_tried(written: Written | None, *others: Written | None) -> bool:
    """Once a label was lost nothing more is sent: another try only takes out what still stands there.

    `others`: what else was written of the same visit.
    """
    lost = any(one is not None and one.label_lost for one in (written, *others))
    return not lost or (written is not None and bool(_of(written, Check.LABEL_LOST)))


def by_hand(written: Written | None, plan: WritePlan) -> tuple[Notice, ...]:
    """Of one write, what a person has to enter: for a page that says nothing else of it."""
    items = _left_to_do(Check.NOT_OFFERED, written, plan) if written else ()
    return (_notice(Check.NOT_OFFERED, items, plan, again=False),) if items else ()


def _of(written: Written, check: Check) -> tuple[WrittenOne, ...]:
    return tuple(item for item in written.items if item.check is check)


def _left_to_do(check: Check, written: Written, plan: WritePlan) -> tuple[WrittenOne, ...]:
    """Those of which something is left to do; what is kept elsewhere is said apart."""
    settled = {one.kind for one in plan.cannot() if one.rest is Rest.NOTHING and check is Check.NOT_OFFERED}
    return tuple(one for one in _of(written, check) if one.kind not in settled)


def _kept(items: Iterable[WrittenOne], plan: WritePlan) -> Notice:
    kept = tuple(items)
    what = message("Not in the record: {entries}. Nothing has to be done.", entries=_list(kept, plan))
    return Notice("good", what, (_do_instead(kept, plan),), "")


def _list(items: Iterable[WrittenOne], plan: WritePlan) -> str:
    return joined(", ", kind_words((item.kind for item in items), plan))


def _checked(items: tuple[WrittenOne, ...], plan: WritePlan) -> Notice:
    return Notice(
        "good",
        message("Recorded and checked: {entries}.", entries=_list(items, plan)),
        (message("Marked as restricted, and read back."), *_said(items)),
        "",
    )


def _notice(check: Check, items: tuple[WrittenOne, ...], plan: WritePlan, again: bool) -> Notice:
    start, do_this = _INSTEAD[check]
    if not again:
        do_this = _INSTEAD_OF_A_RETRY.get(check, do_this)
    if check is Check.NOT_OFFERED:
        do_this = _do_instead(items, plan) or do_this
    tone = "alarm" if check in _ALARMS else "warning"
    heading = message("{what}: {entries}.", what=start, entries=_list(items, plan))
    return Notice(tone, heading, _said(items), do_this)


def _said(items: Iterable[WrittenOne]) -> tuple[str, ...]:
    """What is told of them, each sentence once."""
    return tuple(dict.fromkeys(item.words for item in items if item.words))


def _do_instead(items: tuple[WrittenOne, ...], plan: WritePlan) -> str:
    kinds = {item.kind for item in items}
    return joined(" ", (ability.do_instead for ability in plan.cannot() if ability.kind in kinds))
