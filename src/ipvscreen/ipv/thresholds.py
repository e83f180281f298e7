"""The rules about risk, area, language, whose own service it is, access and funding."""

from collections.abc import Iterable

from ipvscreen.ipv.finding import Finding, against, note, threshold
from ipvscreen.ipv.services import Access, ByAndFor, Need, Risk, Rule, Service
from ipvscreen.messages import Message, joined, message

_COMMA = message(", ")
_RISKS = {
    Risk.STANDARD: message("standard"),
    Risk.MEDIUM: message("medium"),
    Risk.HIGH: message("high"),
}
_GROUPS = {
    ByAndFor.BLACK_MINORITISED: message("Black and minoritised people"),
    ByAndFor.DEAF: message("Deaf people"),
    ByAndFor.DISABLED: message("disabled people"),
    ByAndFor.LGBT: message("LGBT+ people"),
    ByAndFor.MIGRANT: message("migrants"),
    ByAndFor.OLDER: message("older people"),
}
_ACCESS = {
    Access.STEP_FREE: message("access without steps"),
    Access.HEARING_LOOP: message("a hearing loop"),
    Access.SIGN_LANGUAGE: message("sign language"),
    Access.EASY_READ: message("easy reading"),
    Access.REMOTE: message("help from a distance"),
}


def risk(service: Service, need: Need) -> Finding | None:
    """Too low for one service can be too high for the next: that is a threshold, and its gap is counted."""
    lowest, highest = service.risk_from or Risk.STANDARD, service.risk_to or Risk.HIGH
    if (lowest, highest) == (Risk.STANDARD, Risk.HIGH):
        return None
    bounds = {"low": _RISKS[lowest], "high": _RISKS[highest]}
    if need.risk is None:
        said = message(
            "For risk from {low} to {high}; no assessment of risk is known here, so ask.", **bounds
        )
        return note(Rule.RISK, said)
    if need.risk.rank < lowest.rank:
        said = message("The risk is too low for them: they take it from {low} to {high}.", **bounds)
        return threshold(Rule.RISK, said)
    if need.risk.rank > highest.rank:
        said = message("The risk is too high for them: they take it from {low} to {high}.", **bounds)
        return threshold(Rule.RISK, said)
    return None


def area(service: Service, need: Need) -> Finding | None:
    """Where the person lives, as a code of the kind that the directory uses."""
    if not service.areas and not service.excluded_areas:
        return _area_words(service)
    if need.area is None:
        return note(Rule.AREA, _where(service))
    if need.area in service.excluded_areas:
        return against(Rule.AREA, message("They take nobody from this patient's area."))
    if service.areas and need.area not in service.areas:
        return against(Rule.AREA, message("Not for this patient's area."))
    return None


def _area_words(service: Service) -> Finding | None:
    if not service.area_words:
        return None
    return note(Rule.AREA, message("Area, in their words: {words}.", words=service.area_words.rstrip(".")))


def _where(service: Service) -> Message:
    if service.areas:
        words = service.area_words.rstrip(".") or joined(_COMMA, sorted(service.areas))
        return message("Only for a certain area ({words}); ask where the patient lives.", words=words)
    return message("They take nobody from some areas; ask them before you send.")


def language(service: Service, need: Need) -> Finding | None:
    """A list of what is spoken is no rule: an interpreter may be had."""
    if need.language is None or not service.languages or need.language in service.languages:
        return None
    return note(
        Rule.LANGUAGE, message("This patient's language is not on their list; ask for an interpreter.")
    )


def by_and_for(service: Service, need: Need) -> Finding | None:
    """A service run by and for some is not for others."""
    if not service.by_and_for:
        return None
    whom = message("By and for {people}", people=_listed(_GROUPS[one] for one in service.by_and_for))
    if need.groups is None:
        return note(Rule.BY_AND_FOR, message("{whom}; this was not asked, so ask.", whom=whom))
    if need.groups & service.by_and_for:
        return note(Rule.BY_AND_FOR, message("{whom}.", whom=whom))
    return against(Rule.BY_AND_FOR, message("{whom}; this patient is not one of them.", whom=whom))


def access(service: Service, need: Need) -> Finding | None:
    """What the person needs in order to get there, and what they say they have not."""
    if need.access is None:
        missing, said = service.no_access, message("Not to be had there: {what}; ask whether that is needed.")
        return note(Rule.ACCESS, said.given(what=_needs(missing))) if missing else None
    if lacking := need.access & service.no_access:
        said = message("Not to be had there, and needed: {what}.", what=_needs(lacking))
        return against(Rule.ACCESS, said)
    if unsaid := need.access - service.access:
        said = message("They do not say whether they have this: {what}; ask them.", what=_needs(unsaid))
        return note(Rule.ACCESS, said)
    return None


def funding(service: Service, need: Need) -> Finding | None:
    """Whether they take somebody without recourse to public funds."""
    if service.takes_no_public_funds is not False or need.no_public_funds is False:
        return None
    if need.no_public_funds is None:
        return note(Rule.FUNDING, message("Only with recourse to public funds; this was not asked, so ask."))
    return against(Rule.FUNDING, message("Only with recourse to public funds, which this patient has not."))


def _needs(what: Iterable[Access]) -> Message:
    return _listed(_ACCESS[one] for one in what)


def _listed(texts: Iterable[str]) -> Message:
    return joined(_COMMA, sorted(texts))
