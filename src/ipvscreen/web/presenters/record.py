"""What stands in the record, said plainly: checked, unprotected, not found, not there; and what to do."""

from collections.abc import Iterable
from dataclasses import dataclass

from ipvscreen.messages import joined, message
from ipvscreen.resources.plan import WritePlan
from ipvscreen.resources.written import Check, Written, WrittenOne

_KINDS = {
    "QuestionnaireResponse": message("the answers"),
    "Observation": message("the results"),
    "Flag": message("a flag"),
    "Procedure": message("that a conversation took place"),
    "Provenance": message("who recorded it"),
    "ServiceRequest": message("the referral"),
    "Task": message("the task that follows it"),
    "Consent": message("what was agreed"),
}
_HAND = message("Enter it in the record by hand, marked as restricted and hidden from online access.")
_INSTEAD: dict[Check, tuple[str, str]] = {
    Check.LABEL_LOST: (
        message("ALARM: stored without protection"),
        message(
            "Open the record now, hide these entries from online access or remove them, and tell whoever runs"
            " the record system."
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


# Of a referral: the service has it or will have it, whatever became of its entries in the record.
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


def kind_words(kinds: Iterable[str]) -> tuple[str, ...]:
    """Each kind once, in plain words, in the order in which we list them."""
    present = set(kinds)
    return tuple(words for kind, words in _KINDS.items() if kind in present)


def notices(written: Written | None, plan: WritePlan, *, again: bool = True) -> tuple[Notice, ...]:
    """What became of one write, the alarms first; `again` where the page offers another try."""
    if written is None or not written.items:
        return (Notice("good", message("Nothing was added to the health record."), (), ""),)
    bad = [_notice(check, written, plan, again) for check in _INSTEAD if _of(written, check)]
    good = _of(written, Check.VERIFIED)
    return (*bad, _checked(good)) if good else tuple(bad)


def _of(written: Written, check: Check) -> tuple[WrittenOne, ...]:
    return tuple(item for item in written.items if item.check is check)


def _list(items: Iterable[WrittenOne]) -> str:
    return joined(", ", kind_words(item.kind for item in items))


def _checked(items: tuple[WrittenOne, ...]) -> Notice:
    return Notice(
        "good",
        message("Recorded and checked: {entries}.", entries=_list(items)),
        (message("Marked as restricted, and read back."),),
        "",
    )


def _notice(check: Check, written: Written, plan: WritePlan, again: bool) -> Notice:
    items = _of(written, check)
    start, do_this = _INSTEAD[check]
    if not again:
        do_this = _INSTEAD_OF_A_RETRY.get(check, do_this)
    if check is Check.NOT_OFFERED:
        do_this = _do_instead(items, plan) or do_this
    tone = "alarm" if check is Check.LABEL_LOST else "warning"
    said = dict.fromkeys(item.words for item in items if item.words)
    return Notice(tone, message("{what}: {entries}.", what=start, entries=_list(items)), tuple(said), do_this)


def _do_instead(items: tuple[WrittenOne, ...], plan: WritePlan) -> str:
    kinds = {item.kind for item in items}
    return joined(" ", (ability.do_instead for ability in plan.cannot() if ability.kind in kinds))
