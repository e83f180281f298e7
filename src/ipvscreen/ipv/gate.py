"""Who may be asked with an adult form, what to do instead, and what must come before a referral is sent."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from ipvscreen.ipv.draft import Call
from ipvscreen.ipv.person import Person
from ipvscreen.messages import Message, message

MAY_BE_ASKED_FROM = 16
ADULT_FROM = 18
OLDEST = 122  # the greatest documented age; a date of birth beyond it is a mistake or a placeholder


class AgeBand(StrEnum):
    """Of the person on the day; UNKNOWN where there is no usable date of birth."""

    UNDER_16 = "under-16"
    AGED_16_17 = "aged-16-17"
    ADULT = "adult"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether the forms may be asked, and the sentences about it; they may stand on a visible screen.

    With `needs_age_confirmed` they may be asked once the clinician has confirmed 16 or over.
    """

    band: AgeBand
    may_ask: bool
    needs_age_confirmed: bool
    sentences: tuple[str, ...]


_SENTENCES: dict[AgeBand, tuple[Message, ...]] = {
    AgeBand.UNDER_16: (
        message("Under 16: the questions are not asked, because the forms are made for adults."),
        message("Speak with the patient alone. What you are told or notice counts without a form."),
        message("Any concern: ring the safeguarding lead today and follow your child protection procedures."),
        message("Your own judgement decides what is urgent."),
    ),
    AgeBand.AGED_16_17: (
        message("Aged 16 or 17: the forms are not validated under 18."),
        message("Under 18, child safeguarding applies as well: any concern goes to the safeguarding lead."),
    ),
    AgeBand.ADULT: (),
    AgeBand.UNKNOWN: (
        message(
            "No usable date of birth is recorded. Confirm that the patient is {age_from} or over before"
            " asking."
        ),
    ),
}


def known_age(person: Person, day: date) -> int | None:
    """Completed years; None where there is no date of birth, or none that can be true."""
    age = person.age_on(day)
    return age if age is not None and 0 <= age <= OLDEST else None


def age_gate(person: Person, day: date, age_from: int = MAY_BE_ASKED_FROM) -> Gate:
    """What the age on `day` allows, and a sentence more where an interpreter is needed.

    `age_from`: completed years from which the forms of the pack are asked, 16 or more.
    """
    age = known_age(person, day)
    band = _band(age)
    young = band is not AgeBand.UNDER_16 and age is not None and age < age_from
    return Gate(
        band=band,
        may_ask=band is not AgeBand.UNDER_16 and not young,
        needs_age_confirmed=band is AgeBand.UNKNOWN,
        sentences=(
            *(sentence.given(age_from=age_from) for sentence in _SENTENCES[band]),
            *_young(young, age_from),
            *_interpreter(person),
        ),
    )


def may_send(call: Call | None, *, danger: bool) -> bool:
    """Telephone first: in danger nothing is sent before the call was made, declined, or is impossible."""
    return call is not None or not danger


def _band(age: int | None) -> AgeBand:
    if age is None:
        return AgeBand.UNKNOWN
    if age < MAY_BE_ASKED_FROM:
        return AgeBand.UNDER_16
    return AgeBand.AGED_16_17 if age < ADULT_FROM else AgeBand.ADULT


def _young(young: bool, age_from: int) -> tuple[str, ...]:
    return (
        (message("Under {age_from}: the questions are not asked here.", age_from=age_from),) if young else ()
    )


def _interpreter(person: Person) -> tuple[str, ...]:
    if not person.interpreter:
        return ()
    return (
        message(
            "An interpreter is needed ({language}): a professional one, never family or friends.",
            language=person.interpreter,
        ),
    )
