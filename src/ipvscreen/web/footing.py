"""What was entered on a sheet for a service: its contact and its footing, or what is wrong, by field."""

from dataclasses import replace
from datetime import date, timedelta

from ipvscreen.ipv.nations import Ground, Nation
from ipvscreen.ipv.proxies import Contacts, belongs_to_another
from ipvscreen.ipv.referral import Agreement, ContactWay, Release, SafeContact, Sharing
from ipvscreen.messages import message
from ipvscreen.resources.neutral import topic_word
from ipvscreen.web.presenters.refer import BASES, SHARED
from ipvscreen.web.sheet_fields import ReferFields, ShareFields, SheetFields

LONGEST = timedelta(days=366)  # an agreement that nobody looks at again is none

_ALWAYS = {"serious-harm", "other"}  # what no list of special cases makes superfluous

Mistakes = dict[str, str]


def contact(
    fields: SheetFields, known: Contacts, today: date, preset: date
) -> tuple[SafeContact | None, Mistakes]:
    """The safe contact; a way that was not chosen cannot be unsafe.

    What is also somebody else's in the record (`known`) is taken only when it was asked about again. It is
    believed until the day that was entered, else until the `preset` one.
    """
    way = fields.way
    if way is None:
        return None, {"way": message("Choose the safe way to make contact.")}
    review = _day(fields.review) if fields.review else preset
    if review is None or not today < review <= today + LONGEST:
        return None, {"review": message("Give a day from tomorrow on, at most a year ahead.")}
    try:
        made = SafeContact(
            way=way,
            number=fields.number,
            times=fields.times,
            voicemail=fields.voicemail,
            text=way is ContactWay.TEXT,
            letter=way is ContactWay.LETTER,
            email=way is ContactWay.EMAIL,
            portal=fields.portal,
            code_word=fields.code_word,
            not_to_know=fields.not_to_know,
            review=None if way is ContactWay.SHE_CALLS else review,
        )
    except ValueError as wrong:
        return None, {"number": str(wrong)}
    if made.number and not fields.shared and belongs_to_another(known, way, made.number):
        return None, {"number": SHARED}
    return made, {}


def within(contact: SafeContact, agreed: Agreement) -> SafeContact:
    """The same, believed no longer than what was agreed holds."""
    return replace(contact, review=min(contact.review, agreed.until)) if contact.review else contact


def agreement(fields: ReferFields, today: date) -> tuple[Agreement | None, Mistakes]:
    """The agreement: sending agreed to, telling back said either way, and an end."""
    wrong: Mistakes = {}
    until = _day(fields.until)
    if fields.out is None:
        wrong["out"] = message("Say whether the patient agrees that this is sent.")
    elif not fields.out:
        wrong["out"] = message(
            "Without agreement nothing is sent from this page. See sharing without agreement."
        )
    if fields.back is None:
        wrong["back"] = message("Say whether the service may tell you.")
    if until is None or not today < until <= today + LONGEST:
        wrong["until"] = message("Give a day from tomorrow on, at most a year ahead.")
    if wrong or until is None:
        return None, wrong
    return Agreement(out=True, back=bool(fields.back), until=until), {}


def release(fields: ReferFields, today: date, *, required: bool) -> tuple[Release | None, Mistakes]:
    """What the person has signed, where nothing may be told back without it; none where nothing is."""
    if not required or not fields.back:
        return None, {}
    signed, until = _day(fields.signed_on), _day(fields.release_until)
    wrong: Mistakes = {}
    if signed is None or signed > today:
        wrong["signed_on"] = message(
            "Give the day on which the patient has signed. Without a signed release: choose No above."
        )
    if until is None or not today < until <= today + LONGEST:
        wrong["release_until"] = message("Give a day from tomorrow on, at most a year ahead.")
    if wrong or signed is None or until is None:
        return None, wrong
    return Release(signed, until), {}


def kept_by(fields: SheetFields, today: date) -> tuple[str | None, date | None, Mistakes]:
    """Who keeps contact where nothing fits, and from which day; neutral, for it stands on lists."""
    wrong: Mistakes = {}
    due = _day(fields.due)
    if not fields.who:
        wrong["who"] = message("Name the person who keeps contact.")
    elif word := topic_word(fields.who):
        wrong["who"] = message("It stands on a list: give a name and a role, without '{word}'.", word=word)
    if due is None or not today < due <= today + LONGEST:
        wrong["due"] = message("Give a day from tomorrow on, at most a year ahead.")
    return (None, None, wrong) if wrong else (fields.who, due, {})


def grounds(nation: Nation | None) -> tuple[tuple[str, str], ...]:
    """Code and words of every basis that can be chosen: those of the nation, then ours that it lacks."""
    named = nation.grounds if nation else ()
    covered = {one.basis for one in named} - _ALWAYS
    special = ((one.code, f"{one.words} ({one.source})") for one in named)
    return (*special, *((code, label) for code, label in BASES.items() if code not in covered))


def sharing(fields: ShareFields, nation: Nation | None = None) -> tuple[Sharing | None, Mistakes]:
    """The decision to share without agreement, that can be answered for."""
    wrong: Mistakes = {}
    ground = _ground(fields.basis, nation)
    basis = ground.basis if ground else fields.basis
    if not fields.decided_by:
        wrong["decided_by"] = message("Say who decided.")
    elif word := topic_word(fields.decided_by):
        wrong["decided_by"] = message(
            "It stands in the record: give a name and a role, without '{word}'.", word=word
        )
    if fields.basis not in dict(grounds(nation)):
        wrong["basis"] = message("Say on what basis.")
    if fields.told is None:
        wrong["told"] = message("Say whether the patient has been told.")
    if fields.told is False and not fields.why_not_told:
        wrong["why_not_told"] = message("Say why the patient has not been told.")
    if wrong:
        return None, wrong
    made = Sharing(
        decided_by=fields.decided_by or "",
        basis=basis or "",
        told=bool(fields.told),
        why_not_told=fields.why_not_told,
        ground=ground.code if ground else None,
    )
    return made, {}


def _ground(code: str | None, nation: Nation | None) -> Ground | None:
    return next((one for one in nation.grounds if one.code == code), None) if nation else None


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def values(fields: SheetFields) -> dict[str, str]:
    """What was entered, by field, but for the help wanted: to be shown once more with what is wrong in it."""
    dumped = fields.model_dump(mode="json", exclude={"help"}, exclude_none=True)
    return {name: _text(value) for name, value in dumped.items()}


def _text(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
