"""Which services fit, and why: a verdict and a sentence for each, the decisive one first."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from ipvscreen.ipv import eligibility, standing, thresholds
from ipvscreen.ipv.finding import Finding, Weight
from ipvscreen.ipv.services import Kind, Match, Need, Rule, Service, Verdict
from ipvscreen.messages import message

# Wish (code of "what would help now") → the kinds of service that answer it.
ANSWERS: dict[str, frozenset[Kind]] = {
    "someone-to-talk-to": frozenset({Kind.MENTOR_MOTHER, Kind.PEER_MENTOR, Kind.PEER_GROUP, Kind.SPECIALIST}),
    "someone-who-has-been-there": frozenset({Kind.MENTOR_MOTHER, Kind.PEER_MENTOR, Kind.PEER_GROUP}),
    "safety": frozenset({Kind.SPECIALIST, Kind.HIGH_RISK, Kind.REFUGE}),
    "legal": frozenset({Kind.SPECIALIST}),
    "housing": frozenset({Kind.SPECIALIST, Kind.REFUGE}),
    "children": frozenset({Kind.CHILDREN, Kind.CHILDREN_MENTAL_HEALTH, Kind.MENTOR_MOTHER}),
    "mental-health": frozenset({Kind.PEER_MENTOR, Kind.PEER_GROUP}),
}

_Rules = tuple[Callable[[Service, Need], Finding | None], ...]
# In the order in which they decide: whether it can be offered at all, then for whom it is, then places.
_DECIDING: _Rules = (
    standing.contact_rules,
    standing.clinical_partner,
    standing.checked,
    eligibility.role,
    eligibility.children,
    eligibility.pregnancy,
    eligibility.sex,
    eligibility.age,
    eligibility.child_age,
    eligibility.boys,
    thresholds.risk,
    thresholds.area,
    eligibility.setting,
    eligibility.time,
    thresholds.by_and_for,
    thresholds.access,
    thresholds.funding,
    thresholds.language,
    standing.reachable,
)
# What is told after the service's own sentence; places can rule out, too.
_TELLING: _Rules = (
    standing.mentors,
    standing.other_support,
    standing.trial,
    standing.meeting,
    standing.places,
)
_ORDER = {verdict: place for place, verdict in enumerate(Verdict)}
_NO_SERVICE_BETWEEN = message("No service that is listed covers this age.")


def match(services: Iterable[Service], need: Need) -> tuple[Match, ...]:
    """Every service: fitting first, in danger the high-risk advocates before all, then by wishes met.

    What was not asked or is not known never rules a service out; the reason says so. Services that rank
    alike stay in the order of the directory.
    """
    listed = tuple(services)
    between = _between_ages(listed, need)
    matches = (_match(service, need, between) for service in listed)
    return tuple(sorted(matches, key=lambda found: _rank(found, need)))


def _match(service: Service, need: Need, between: bool) -> Match:
    deciding = _found(_DECIDING, service, need, between)
    telling = _found(_TELLING, service, need, between)
    ruled_out = [one for one in (*deciding, *telling) if one.weight is not Weight.NOTE]
    if ruled_out:
        return _not(service, ruled_out, between)
    notes = [one.sentence for one in deciding]
    told = [one.sentence for one in telling]
    return Match(service, Verdict.YES, (*_for(service, need), *notes, service.for_whom, *told))


def _found(rules: _Rules, service: Service, need: Need, between: bool) -> list[Finding]:
    found = [finding for rule in rules if (finding := rule(service, need))]
    return [_age_as_threshold(one) if between else one for one in found]


def _not(service: Service, ruled_out: list[Finding], between: bool) -> Match:
    found = sorted(ruled_out, key=lambda one: one.weight is Weight.THRESHOLD)
    rules = tuple(one.rule for one in found)
    sentences = tuple(one.sentence for one in found)
    if found[0].weight is Weight.AGAINST:
        return Match(service, Verdict.NO, sentences, rules)
    more = (_NO_SERVICE_BETWEEN,) if between and Rule.AGE in rules else ()
    return Match(service, Verdict.BETWEEN, (*sentences, *more), rules)


def _age_as_threshold(found: Finding) -> Finding:
    if found.rule is Rule.AGE and found.weight is Weight.AGAINST:
        return replace(found, weight=Weight.THRESHOLD)
    return found


def _between_ages(services: Sequence[Service], need: Need) -> bool:
    """Whether one service ends below this age, another begins above it, and none covers it."""
    years = need.age
    if years is None:
        return False
    asked = [one for one in services if eligibility.role(one, need) is None]
    asked = [one for one in asked if eligibility.own_bounds(one, need)]
    covered = any(eligibility.covers(one, years) for one in asked)
    below = any(one.age_to is not None and one.age_to < years for one in asked)
    return below and not covered and any(years < one.age_from for one in asked)


def _rank(found: Match, need: Need) -> tuple[int, int, int]:
    high_risk = found.service.kind is Kind.HIGH_RISK
    first = (0 if need.danger else 2) if high_risk else 1
    return (_ORDER[found.verdict], first, -len(_met(found.service, need)))


def _met(service: Service, need: Need) -> list[str]:
    return [wish for wish in ANSWERS if wish in need.wishes and service.kind in ANSWERS[wish]]


def _for(service: Service, need: Need) -> list[str]:
    """What speaks for a service that fits."""
    urgent = need.danger and service.kind is Kind.HIGH_RISK
    found = (
        (urgent, message("Danger today: ring them first.")),
        (bool(_met(service, need)), message("Answers what the person asked for.")),
    )
    return [sentence for holds, sentence in found if holds]
