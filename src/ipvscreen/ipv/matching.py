"""Which services fit, and why: a sentence for each, the decisive one first."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ipvscreen.ipv.gate import ADULT_FROM
from ipvscreen.ipv.person import Setting, Sex
from ipvscreen.ipv.services import Kind, Match, Need, Service
from ipvscreen.messages import joined, message


@dataclass(frozen=True, slots=True)
class _Finding:
    """One sentence about a service, and whether it rules the service out."""

    against: bool
    sentence: str


# Wish (code of "what would help now") → the kinds of service that answer it. Ours; directory data later.
_ANSWERS: dict[str, frozenset[Kind]] = {
    "someone-to-talk-to": frozenset({Kind.MENTOR_MOTHER, Kind.PEER_MENTOR, Kind.SPECIALIST}),
    "someone-who-has-been-there": frozenset({Kind.MENTOR_MOTHER, Kind.PEER_MENTOR}),
    "safety": frozenset({Kind.SPECIALIST, Kind.HIGH_RISK}),
    "legal": frozenset({Kind.SPECIALIST}),
    "housing": frozenset({Kind.SPECIALIST}),
    "children": frozenset({Kind.CHILDREN, Kind.MENTOR_MOTHER}),
    "mental-health": frozenset({Kind.PEER_MENTOR}),
}

_AND, _OR = message(" and "), message(" or ")
_SEXES = {
    Sex.FEMALE: message("women"),
    Sex.MALE: message("men"),
    Sex.OTHER: message("people recorded as other"),
    Sex.UNKNOWN: message("people"),
}
_THIS_PATIENT = {
    Sex.FEMALE: message("this patient is a woman"),
    Sex.MALE: message("this patient is a man"),
}
_TEAMS = {
    Setting.GP: message("general practice"),
    Setting.ANTENATAL: message("the antenatal team"),
    Setting.MENTAL_HEALTH: message("the mental-health team"),
}


def match(services: Iterable[Service], need: Need) -> tuple[Match, ...]:
    """Every service: fitting first, in danger the high-risk advocates before all, then by wishes met.

    What was not asked or is not known never rules a service out; the reason says so. Services that rank
    alike stay in the order of the directory.
    """
    matches = (_match(service, need) for service in services)
    return tuple(sorted(matches, key=lambda found: _rank(found, need)))


def _match(service: Service, need: Need) -> Match:
    found = [finding for rule in _RULES if (finding := rule(service, need))]
    against = [finding.sentence for finding in found if finding.against]
    if against:
        return Match(service, False, tuple(against))
    notes = [finding.sentence for finding in found]
    return Match(service, True, (*_for(service, need), *notes, service.for_whom))


def _rank(found: Match, need: Need) -> tuple[bool, int, int]:
    high_risk = found.service.kind is Kind.HIGH_RISK
    first = (0 if need.danger else 2) if high_risk else 1
    return (not found.fits, first, -len(_met(found.service, need)))


def _met(service: Service, need: Need) -> list[str]:
    return [wish for wish in _ANSWERS if wish in need.wishes and service.kind in _ANSWERS[wish]]


def _for(service: Service, need: Need) -> list[str]:
    """What speaks for a service that fits."""
    urgent = need.danger and service.kind is Kind.HIGH_RISK
    wished = bool(_met(service, need))
    found = (
        (urgent, message("Danger today: ring them first.")),
        (wished, message("Answers what the person asked for.")),
    )
    return [sentence for holds, sentence in found if holds]


def _contact_rules(service: Service, _need: Need) -> _Finding | None:
    """The page promises that they use only the safe way; only who has signed that can be offered."""
    if service.contact_rules_signed:
        return None
    return _Finding(True, message("Contact rules not signed: cannot be offered."))


def _role(service: Service, need: Need) -> _Finding | None:
    """Roles are never inferred: this kind fits only who says so, and the others keep apart."""
    if service.kind is Kind.USES_VIOLENCE:
        sentence = message(
            "For people who say that they use violence; this was not said and is never inferred."
        )
        return None if need.uses_violence else _Finding(True, sentence)
    hurt = need.current or need.past or not need.uses_violence
    if hurt or service.kind is Kind.CHILDREN:
        return None
    return _Finding(True, message("For people who are or were hurt; only using violence was mentioned."))


def _children(service: Service, need: Need) -> _Finding | None:
    """A children's service needs a child; others that ask for children also take a pregnancy."""
    known = _known_children(service, need)
    if not known or True in known:
        return None
    whom = _for_children(service)
    if None in known:
        return _Finding(False, message("{whom}; this was not asked, so ask.", whom=whom))
    return _Finding(True, message("{whom}; no children were mentioned.", whom=whom))


def _known_children(service: Service, need: Need) -> tuple[bool | None, ...]:
    if service.kind is Kind.CHILDREN:
        young = need.age is not None and need.age < ADULT_FROM
        return (True,) if young else (need.children,)
    return (need.children, need.pregnant) if service.needs_children_or_pregnancy else ()


def _for_children(service: Service) -> str:
    if service.kind is Kind.CHILDREN:
        return message("For children")
    if service.sexes == {Sex.FEMALE}:
        return message("For women with children or pregnant")
    return message("For people with children or pregnant")


def _sex(service: Service, need: Need) -> _Finding | None:
    if not service.sexes or need.sex in service.sexes or service.kind is Kind.CHILDREN:
        return None
    whom = message("For {people}", people=joined(_AND, sorted(_SEXES[sex] for sex in service.sexes)))
    if need.sex in _THIS_PATIENT:
        return _Finding(True, message("{whom}; {patient}.", whom=whom, patient=_THIS_PATIENT[need.sex]))
    return _Finding(False, message("{whom}; the record says neither, so ask.", whom=whom))


def _age(service: Service, need: Need) -> _Finding | None:
    """Of the person; a children's service counts the age of the child, which is not known here."""
    whom = _ages(service)
    if whom is None or service.kind is Kind.CHILDREN:
        return None
    if need.age is None:
        return _Finding(False, message("{whom}; this patient's age is not known.", whom=whom))
    fits = service.age_from <= need.age and (service.age_to is None or need.age <= service.age_to)
    return (
        None if fits else _Finding(True, message("{whom}; this patient is {age}.", whom=whom, age=need.age))
    )


def _ages(service: Service) -> str | None:
    if service.age_to is not None:
        return message("For ages {first} to {last}", first=service.age_from, last=service.age_to)
    return message("For ages from {first}", first=service.age_from) if service.age_from else None


def _setting(service: Service, need: Need) -> _Finding | None:
    if not service.settings or need.setting in service.settings:
        return None
    teams = joined(_OR, sorted(_TEAMS[setting] for setting in service.settings))
    return _Finding(True, message("For people under {teams}.", teams=teams))


def _time(service: Service, need: Need) -> _Finding | None:
    if need.current and not service.takes_current:
        return _Finding(True, message("Only for what is over; something current was mentioned."))
    if need.past and not need.current and not need.danger and not service.takes_past:
        return _Finding(True, message("Only for what is happening now; only the past was mentioned."))
    return None


# In the order in which they decide.
_RULES: tuple[Callable[[Service, Need], _Finding | None], ...] = (
    _contact_rules,
    _role,
    _children,
    _sex,
    _age,
    _setting,
    _time,
)
