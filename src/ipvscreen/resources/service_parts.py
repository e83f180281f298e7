"""What our profile says of a service beyond FHIR's and HSDS's own elements: one table for both."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum, StrEnum
from typing import Any

from ipvscreen.ipv.by_hand import ByHand
from ipvscreen.ipv.person import Setting, Sex
from ipvscreen.ipv.services import Access, ByAndFor, Kind, Meeting, Places, Risk, SigningAlg

TAXONOMY = "https://health-questionnaire.example/service-terms"  # of our terms, where HSDS names a taxonomy


class Shape(Enum):
    """The type of a value, by FHIR's name for it."""

    CODE = "valueCode"
    TEXT = "valueString"
    WHOLE = "valueUnsignedInt"
    COUNT = "valuePositiveInt"
    YES_NO = "valueBoolean"
    DAY = "valueDate"
    ADDRESS = "valueUrl"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the profile: `field` of Service, and the codes that it allows, if it is a code of ours.

    `term`: the code of the HSDS attribute; where HSDS has an `element` of its own for it, that one is read.
    """

    name: str
    field: str
    shape: Shape
    term: str = ""
    codes: type[StrEnum] | None = None
    many: bool = False
    needed: bool = False
    element: str = ""


_CODE, _TEXT, _WHOLE, _YES_NO, _DAY = Shape.CODE, Shape.TEXT, Shape.WHOLE, Shape.YES_NO, Shape.DAY

_ALL = (
    Part("kind", "kind", _CODE, "kind", Kind, needed=True),
    Part("shortName", "short_name", _TEXT, "short-name", needed=True),
    Part("replyHours", "reply_hours", Shape.COUNT, "reply-hours", needed=True),
    Part("hours", "hours", _TEXT, needed=True, element="schedules"),
    Part("endpoint", "endpoint", Shape.ADDRESS, "endpoint"),
    Part("byHand", "by_hand", _CODE, "by-hand", ByHand, many=True),
    Part("tokenUrl", "token_url", Shape.ADDRESS, "token-url"),
    Part("tokenClient", "token_client", _TEXT, "token-client"),
    Part("tokenScope", "token_scope", _TEXT, "token-scope"),
    Part("tokenAlg", "token_alg", _CODE, "token-alg", SigningAlg),
    Part("sex", "sexes", _CODE, "sex", Sex, many=True),
    Part("setting", "settings", _CODE, "setting", Setting, many=True),
    Part("ageFrom", "age_from", _WHOLE, element="minimum_age"),
    Part("ageTo", "age_to", _WHOLE, element="maximum_age"),
    Part("needsChildrenOrPregnancy", "needs_children_or_pregnancy", _YES_NO, "needs-children-or-pregnancy"),
    Part("needsPregnancy", "needs_pregnancy", _YES_NO, "needs-pregnancy"),
    Part("childAgeFrom", "child_age_from", _WHOLE, "child-age-from"),
    Part("childAgeTo", "child_age_to", _WHOLE, "child-age-to"),
    Part("boysTo", "boys_to", _WHOLE, "boys-to"),
    Part("takesPast", "takes_past", _YES_NO, "takes-past"),
    Part("takesCurrent", "takes_current", _YES_NO, "takes-current"),
    Part("riskFrom", "risk_from", _CODE, "risk-from", Risk),
    Part("riskTo", "risk_to", _CODE, "risk-to", Risk),
    Part("area", "areas", _CODE, "area", many=True),
    Part("excludedArea", "excluded_areas", _CODE, "excluded-area", many=True),
    Part("areaWords", "area_words", _TEXT, element="service_areas"),
    Part("language", "languages", _CODE, many=True, element="languages"),
    Part("byAndFor", "by_and_for", _CODE, "by-and-for", ByAndFor, many=True),
    Part("access", "access", _CODE, "access", Access, many=True),
    Part("noAccess", "no_access", _CODE, "no-access", Access, many=True),
    Part("takesNoPublicFunds", "takes_no_public_funds", _YES_NO, "takes-no-public-funds"),
    Part("supervision", "supervision", _TEXT, "supervision"),
    Part("meetingPlace", "meeting", _CODE, "meeting-place", Meeting, many=True),
    Part("clinicalPartner", "clinical_partner", _TEXT, "clinical-partner"),
    Part("otherSupport", "other_support", _TEXT, "other-support"),
    Part("trial", "trial", _YES_NO, "trial"),
    Part("places", "places", _CODE, "places", Places),
    Part("placesOn", "places_on", _DAY, "places-on"),
    Part("checkedOn", "checked_on", _DAY, element="assured_date"),
    Part("contactRulesSignedOn", "contact_rules_signed", _DAY, "contact-rules-signed-on"),
)
PARTS: Mapping[str, Part] = {part.name: part for part in _ALL}
TERMS: Mapping[str, Part] = {part.term: part for part in _ALL if part.term}


def value_of(part: Part, raw: Any) -> Any:
    """What Service holds for a value as FHIR has it; ValueError, to be read after the part's name."""
    if part.codes:
        return _coded(part.codes, raw)
    if part.shape is Shape.DAY:
        return _day(str(raw))
    return raw


def raw_of(value: Any) -> Any:
    """The way back: what FHIR holds for a value of Service."""
    return value.isoformat() if isinstance(value, date) else value


def typed(part: Part, text: str) -> Any:
    """The value in a text, as FHIR has it; ValueError likewise."""
    return _READ[part.shape](text) if part.shape in _READ else text


def _coded(codes: type[StrEnum], raw: object) -> StrEnum:
    try:
        return codes(str(raw))
    except ValueError:
        known = ", ".join(code.value for code in codes)
        raise ValueError(f"cannot be '{str(raw)[:40]}': one of {known}") from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"cannot be '{text[:40]}': a day as 2026-03-02") from None


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise ValueError(f"cannot be '{text[:40]}': a whole number")
    return int(text)


def _count(text: str) -> int:
    if (number := _whole(text)) == 0:
        raise ValueError("cannot be 0: one or more")
    return number


def _yes_no(text: str) -> bool:
    known = {"yes": True, "true": True, "no": False, "false": False}
    if text.lower() not in known:
        raise ValueError(f"cannot be '{text[:40]}': yes or no")
    return known[text.lower()]


_READ: Mapping[Shape, Callable[[str], Any]] = {
    Shape.WHOLE: _whole,
    Shape.COUNT: _count,
    Shape.YES_NO: _yes_no,
}
