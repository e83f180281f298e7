"""The label policies of labels.toml, read strictly: what would protect less is refused in words.

Rules: HL7 DS4P (one confidentiality code for each resource; no code that reveals a privacy policy on a Bundle
or message) and GP Connect 1.6.2 (NOPAT on anything but List, Bundle and Binary).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ipvscreen.resources.labels import FLOOR, NOPAT, About, Labels, Row
from ipvscreen.resources.terminology import ACT_CODE, CONFIDENTIALITY

# To which of the two a resource goes; every row stands under its own.
DESTINATIONS: Mapping[str, tuple[About, ...]] = {
    "record": (
        About.SCREEN,
        About.QUICK,
        About.FLAG,
        About.CONCERN,
        About.REFERRAL,
        About.CONVERSATION,
        About.PROVENANCE,
        About.DOCUMENT,
    ),
    "service": (About.CONTACT, About.MESSAGE),
}
_ORDER = "ULMNRV"  # v3-Confidentiality from unrestricted to very restricted
_ENVELOPES = {About.BUNDLE: FLOOR[About.BUNDLE]}  # a transaction is no policy's matter
# Of v3-ActCode. DV is a credit card there, VIO violence by a stranger, NORDSLCD retired: not taken.
_ACTS = frozenset({"SDV", NOPAT, "NODSCLCDS", "NORDSCLCDS", "PATLOC", "LOCIS", "LIVARG", "PRS", "DELAU"})
_REFRAINS = frozenset({(ACT_CODE, NOPAT), (ACT_CODE, "NODSCLCDS"), (ACT_CODE, "NORDSCLCDS")})
_SYSTEMS = (ACT_CODE, CONFIDENTIALITY)


def policies_of(document: Mapping[str, Any]) -> dict[str, Labels]:
    """Every `[policy.…]` by its name; ValueError, which names the place, for one that cannot be used."""
    _only(document, {"policy"}, "labels.toml")
    return {name: _policy(f"policy.{name}", table) for name, table in document.get("policy", {}).items()}


def _policy(place: str, table: Mapping[str, Any]) -> Labels:
    _only(table, {*DESTINATIONS, "inline", "weaker"}, place)
    inline, weaker = table.get("inline", False), table.get("weaker", "")
    if not isinstance(inline, bool) or not isinstance(weaker, str):
        raise ValueError(f"{place}: inline is true or false, weaker a reason in words.")
    rows = _ENVELOPES | {
        about: row for to in DESTINATIONS for about, row in _rows(f"{place}.{to}", to, table.get(to, {}))
    }
    if not weaker.strip() and (words := next(_weaker(rows), None)):
        raise ValueError(f'{place}: {words}. If that is meant, say why: weaker = "…".')
    return Labels(rows, inline)


def _rows(place: str, to: str, table: Mapping[str, Any]) -> Iterator[tuple[About, Row]]:
    _only(table, set(DESTINATIONS[to]), place)
    if missing := [about for about in DESTINATIONS[to] if about not in table]:
        raise ValueError(f"{place}: there is no row for {', '.join(missing)}.")
    for about in DESTINATIONS[to]:
        yield about, _row(f"{place}.{about}", about, table[about])


def _row(place: str, about: About, table: Mapping[str, Any]) -> Row:
    """One row whatever was answered: a row with a column for a result would make the label tell it."""
    _only(table, {"confidentiality", "codes"}, place)
    level = table.get("confidentiality")
    if not isinstance(level, str) or len(level) != 1 or level not in _ORDER:
        raise ValueError(f"{place}: confidentiality is exactly one of {', '.join(_ORDER)}.")
    codes = tuple(_code(place, code) for code in table.get("codes", ()))
    if codes and about is About.MESSAGE:
        raise ValueError(
            f"{place}: it carries the confidentiality code alone, for others would tell a policy."
        )
    if len(set(codes)) != len(codes):
        raise ValueError(f"{place}: a code stands there twice.")
    return Row(level, codes)


def _code(place: str, code: Any) -> tuple[str, str]:
    """A code of v3-ActCode, or one of your own as { system, code }."""
    if isinstance(code, str) and code in _ACTS:
        return ACT_CODE, code
    if isinstance(code, Mapping) and set(code) == {"system", "code"} and code["system"] not in _SYSTEMS:
        return str(code["system"]), str(code["code"])
    raise ValueError(f"{place}: {code!r} is no label; there are {', '.join(sorted(_ACTS))}.")


def _weaker(rows: Mapping[About, Row]) -> Iterator[str]:
    """In what these protect less than the least."""
    for about, least in FLOOR.items():
        row = rows[about]
        if _ORDER.index(row.confidentiality) < _ORDER.index(least.confidentiality):
            yield f"{about} has the confidentiality {row.confidentiality} and not {least.confidentiality}"
        for system, code in least.codes:
            if (system, code) in _REFRAINS and (system, code) not in row.codes:
                yield f"{about} lacks {code}"


def _only(table: Any, known: set[str], place: str) -> None:
    if not isinstance(table, Mapping):
        raise ValueError(f"{place}: this is no table.")
    if unknown := sorted(set(table) - known):
        raise ValueError(f"{place}: '{unknown[0]}' is not known.")
