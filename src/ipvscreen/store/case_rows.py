"""One case and its steps, and how they lie in their rows: what is looked up plain, all else sealed."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import RowMapping

from ipvscreen.ipv.case import CaseEvent, CaseRole, CaseState
from ipvscreen.ipv.case_codes import Decline, Outcome, PassedOn, Tried
from ipvscreen.ipv.case_step import Case, Release, Step, Whom
from ipvscreen.ipv.child import Child
from ipvscreen.ipv.conflict import Answer, Facts
from ipvscreen.ipv.referral import Agreement, ContactWay, SafeContact
from ipvscreen.store.case_tables import case_events, cases
from ipvscreen.store.sealed import Ring, SealBroken, SealedTable


@dataclass(frozen=True, slots=True)
class Done:
    """One step as it was taken: its place from 1, when, and the state after it."""

    number: int
    at: datetime
    step: Step
    state: CaseState


@dataclass(frozen=True, slots=True)
class Kept:
    """A case with all its steps; so many of them are told in the record."""

    case: Case
    done: tuple[Done, ...]
    mirrored: int

    @property
    def at(self) -> datetime:
        """When it came to stand where it stands."""
        return self.done[-1].at if self.done else self.case.taken_in


def case_to_json(case: Case) -> dict[str, Any]:
    """As plain JSON."""
    agreed, release, facts = case.agreement, case.release, case.facts
    return {
        "key": case.key,
        "service_id": case.service_id,
        "taken_in": case.taken_in.isoformat(),
        "ways": sorted(case.ways),
        "voicemail": case.voicemail,
        "help_wanted": sorted(case.help_wanted),
        "urgent": case.urgent,
        "agreement": agreed and asdict(agreed) | {"until": agreed.until.isoformat()},
        "state": case.state,
        "steps": case.steps,
        "mentor": case.mentor,
        "facts": _facts_to_json(facts),
        "reason": case.reason,
        "outcome": case.outcome,
        "release": release and release_to_json(release),
        "told_nothing": case.told_nothing,
        "closed_at": case.closed_at and case.closed_at.isoformat(),
        "knows": case.knows,
        "organisation": case.organisation,
        "review": case.review and case.review.isoformat(),
        "child": case.child and asdict(case.child),
    }


def case_from_json(stored: Mapping[str, Any]) -> Case:
    """What `case_to_json` stored; KeyError, TypeError or ValueError where it is not that."""
    agreed, reason, outcome = stored["agreement"], stored["reason"], stored["outcome"]
    release, closed_at = stored["release"], stored["closed_at"]
    typed = {
        "taken_in": datetime.fromisoformat(stored["taken_in"]),
        "ways": frozenset(map(ContactWay, stored["ways"])),
        "help_wanted": frozenset(stored["help_wanted"]),
        "agreement": agreed and Agreement(agreed["out"], agreed["back"], date.fromisoformat(agreed["until"])),
        "state": CaseState(stored["state"]),
        "facts": _facts(stored["facts"]),
        "reason": reason and Decline(reason),
        "outcome": outcome and Outcome(outcome),
        "release": release and release_from_json(release),
        "closed_at": closed_at and datetime.fromisoformat(closed_at),
        "review": _day(stored.get("review")),  # none in what was stored before it was asked for
        "child": child_from_json(stored.get("child")),
    }
    return Case(**{**stored, **typed})


def child_from_json(stored: Mapping[str, Any] | None) -> Child | None:
    """The child for whom it is; None also of an earlier version."""
    return None if stored is None else Child(stored["age"])


def whom_to_json(whom: Whom) -> dict[str, Any]:
    """As plain JSON."""
    contact = whom.contact
    review = {"review": contact.review and contact.review.isoformat()}
    return {"name": whom.name, "contact": asdict(contact) | review}


def whom_from_json(stored: Mapping[str, Any]) -> Whom:
    """What `whom_to_json` stored, also in an earlier version."""
    contact = stored["contact"]
    typed = {"way": ContactWay(contact["way"]), "review": _day(contact.get("review"))}
    return Whom(stored["name"], SafeContact(**{**contact, **typed}))


def _day(stored: str | None) -> date | None:
    return date.fromisoformat(stored) if stored else None


def step_to_json(step: Step, state: CaseState) -> dict[str, Any]:
    """A step and the state after it as plain JSON; what was not said is left out."""
    plain = {name: getattr(step, name) for name in ("event", "role", "member", *_CODES, "mentor")}
    said = {name: value for name, value in plain.items() if value is not None}
    facts = {"facts": _facts_to_json(step.facts)} if step.facts else {}
    release = {"release": release_to_json(step.release)} if step.release else {}
    return said | facts | release | {"state": state}


def kept_of(ring: Ring, row: RowMapping, events: Iterable[RowMapping]) -> Kept:
    """The case that a row holds, with its own among those steps.

    SealBroken where one does not open, a step is missing, or one is there that the case does not know.
    """
    case = case_from_json(SealedTable(ring, cases.name).open("body", row["id"], row["body"]))
    sealed = SealedTable(ring, case_events.name)
    mine = [_done(sealed, one) for one in events if one["case_id"] == row["id"]]
    mine.sort(key=lambda one: one.number)
    if [one.number for one in mine] != list(range(1, case.steps + 1)):
        raise SealBroken("A step of a stored case is missing or was added.")
    return Kept(case, tuple(mine), row["mirrored"])


def _done(sealed: SealedTable, row: RowMapping) -> Done:
    stored = dict(sealed.open("body", row["id"], row["body"]))
    state = CaseState(stored.pop("state"))
    typed = {name: read(stored[name]) for name, read in _TYPED.items() if name in stored}
    return Done(row["number"], row["at"], Step(**{**stored, **typed}), state)


def _facts_to_json(facts: Facts) -> dict[str, Any]:
    return {"both": facts.both, "apart": facts.apart, "mentors": dict(facts.mentors)}


def _facts(stored: Mapping[str, Any]) -> Facts:
    both = stored["both"]
    mentors = {mentor: Answer(answer) for mentor, answer in stored["mentors"].items()}
    return Facts(both and Answer(both), stored["apart"], mentors)


def release_to_json(release: Release) -> dict[str, str]:
    """When it was signed, and its last day."""
    return {"signed_on": release.signed_on.isoformat(), "until": release.until.isoformat()}


def release_from_json(stored: Mapping[str, str]) -> Release:
    """What `release_to_json` stored."""
    return Release(date.fromisoformat(stored["signed_on"]), date.fromisoformat(stored["until"]))


_CODES = {"reason": Decline, "outcome": Outcome, "way": ContactWay, "tried": Tried, "passed_on": PassedOn}
_TYPED: Mapping[str, Any] = _CODES | {
    "event": CaseEvent,
    "role": CaseRole,
    "facts": _facts,
    "release": release_from_json,
}
