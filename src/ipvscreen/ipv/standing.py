"""The rules about a service itself: whether it can be offered to anybody at all, today."""

from datetime import timedelta

from ipvscreen.ipv.finding import Finding, against, note
from ipvscreen.ipv.services import (
    CHECKED_DAYS,
    GROUPS,
    MENTORED,
    OWN_CONDUCT,
    PLACES_DAYS,
    Meeting,
    Need,
    Places,
    Rule,
    Service,
)
from ipvscreen.messages import day_said, joined, message

_COMMA = message(", ")
_MEETING = {
    Meeting.THEIR_PLACE: message("at their place"),
    Meeting.PRACTICE: message("in the practice"),
    Meeting.NEUTRAL: message("at a neutral place"),
    Meeting.ONLINE: message("online"),
    Meeting.HOME: message("at home"),
}
_PLACES = {
    Places.FREE: message("There are places, as confirmed on {day}."),
    Places.WAITING_LIST: message("There is a waiting list, as confirmed on {day}."),
    Places.ASSESS_FIRST: message("They assess before they say yes, as confirmed on {day}."),
    Places.FULL: message("Full, as confirmed on {day}."),
}
_FULL_THEN = message("Said to be full on {day}, more than {days} days ago: ring first.")
_PLACES_THEN = message("Places were last confirmed on {day}, more than {days} days ago: ring first.")


def contact_rules(service: Service, _need: Need) -> Finding | None:
    """The page promises that they use only the safe way; only who has signed that can be offered."""
    if service.contact_rules_signed:
        return None
    return against(Rule.CONTACT_RULES, message("Contact rules not signed: cannot be offered."))


def clinical_partner(service: Service, _need: Need) -> Finding | None:
    """A group of peers needs an experienced clinician behind it (the first of the six steps to a group)."""
    if service.kind not in GROUPS or service.clinical_partner:
        return None
    return against(
        Rule.CLINICAL_PARTNER, message("No clinician stands behind this group by name: cannot be offered.")
    )


def checked(service: Service, need: Need) -> Finding | None:
    """An old entry may be closed, elsewhere, or for others by now."""
    day = service.checked_on
    if day is None or need.day - day <= timedelta(days=CHECKED_DAYS):
        return None
    sentence = message(
        "This entry was last checked on {day}: ring before anything is sent.", day=day_said(day)
    )
    return against(Rule.CHECKED, sentence)


def reachable(service: Service, _need: Need) -> Finding | None:
    """Without an address for messages somebody has to bring it, where they take it so, or to ring."""
    if service.endpoint:
        return None
    if service.by_hand:
        return note(Rule.ENDPOINT, message("Nothing is sent to them from here: you hand it over."))
    return against(Rule.ENDPOINT, message("Nothing can be sent to them from here: ring them."))


def places(service: Service, need: Need) -> Finding | None:
    """Full rules out while that is fresh; all else is told with its date."""
    stated, on = service.places, service.places_on
    if stated is None or on is None:
        return note(Rule.PLACES, message("Whether they have places is not known."))
    full = stated is Places.FULL
    if need.day - on > timedelta(days=PLACES_DAYS):
        said = _FULL_THEN if full else _PLACES_THEN
        return note(Rule.PLACES, said.given(day=day_said(on), days=PLACES_DAYS))
    sentence = _PLACES[stated].given(day=day_said(on))
    return against(Rule.PLACES, sentence) if full else note(Rule.PLACES, sentence)


def mentors(service: Service, _need: Need) -> Finding | None:
    """Who supervises them; a mentor is no professional and is not alone."""
    if service.kind not in MENTORED:
        return None
    if service.supervision:
        said = message("The mentors are supervised by {who}.", who=service.supervision)
    else:
        said = message("Who supervises the mentors is not stated, so ask.")
    return note(Rule.BACKING, said)


def other_support(service: Service, _need: Need) -> Finding | None:
    """Of a programme: who supports the other person meanwhile."""
    return note(Rule.BACKING, other_support_words(service)) if service.kind in OWN_CONDUCT else None


def other_support_words(service: Service) -> str:
    """The same as a sentence."""
    if service.other_support:
        return message("The other person is supported by {who}.", who=service.other_support)
    return message("Support for the other person is not stated, so ask.")


def trial(service: Service, _need: Need) -> Finding | None:
    """A group that is still being tried out says so."""
    return note(Rule.BACKING, message("This is a trial.")) if service.trial else None


def meeting(service: Service, _need: Need) -> Finding | None:
    """Where they meet."""
    if not service.meeting:
        return None
    where = joined(_COMMA, [_MEETING[place] for place in Meeting if place in service.meeting])
    return note(Rule.BACKING, message("They meet {where}.", where=where))
