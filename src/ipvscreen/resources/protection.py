"""The labels of an entry that is changed: all of ours, and none lower than it has."""

from collections.abc import Iterable, Mapping
from typing import Any

from ipvscreen.resources.labels import DEFAULT, LEVELS, About, Labels, codings_on, labels_of
from ipvscreen.resources.terminology import ACT_CODE, CONFIDENTIALITY

ABOUT: dict[str, About] = {
    "Flag": About.FLAG,
    "Condition": About.CONCERN,
    "Procedure": About.CONVERSATION,
    "Provenance": About.PROVENANCE,
    **dict.fromkeys(("ServiceRequest", "Task", "Consent", "Communication"), About.REFERRAL),
}


def unprotected(stored: Mapping[str, Any], labels: Labels = DEFAULT) -> bool:
    """Whether it lacks one of the labels that its type has at least."""
    about = about_of(stored["resourceType"])
    return not codes_of(protected(stored, about, labels)) <= codes_of(codings_on(stored))


def protected(
    stored: Mapping[str, Any], about: About, labels: Labels = DEFAULT, *, raised: bool = False
) -> list[dict[str, Any]]:
    """Its labels with all of ours, and none lower than it has; one confidentiality code.

    An entry that has lost that code gets the highest: nobody can tell which one it had.
    """
    own = codings_on(stored)
    ours = labels_of(about, labels)
    levels = [one.get("code") for one in own if one.get("system") == CONFIDENTIALITY]
    known = [code for code in levels if code in LEVELS]
    level = LEVELS[-1] if raised or not known else max([*known, ours[0]["code"]], key=LEVELS.index)
    others = [dict(one) for one in own if one.get("system") != CONFIDENTIALITY]
    have = {(one.get("system"), one.get("code")) for one in others}
    more = [*ours[1:], *([{"system": ACT_CODE, "code": "NORDSCLCDS"}] if raised else [])]
    added = {(one["system"], one["code"]): dict(one) for one in more}
    return [
        {"system": CONFIDENTIALITY, "code": level},
        *others,
        *(one for key, one in added.items() if key not in have),
    ]


def about_of(kind: str) -> About:
    """What an entry of that type is about; a response of quick items has higher labels, and keeps them."""
    return ABOUT.get(kind, About.SCREEN)


def codes_of(labels: Iterable[Mapping[str, Any]]) -> set[tuple[object, object]]:
    """System and code of each label."""
    return {(one.get("system"), one.get("code")) for one in labels if isinstance(one, Mapping)}
