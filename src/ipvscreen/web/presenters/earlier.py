"""An earlier form: on the first page that it is there and when; on its own page what it says."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from ipvscreen.ipv.loop import Proposal
from ipvscreen.ipv.referral import TRANSITIONS, ReferralEvent, ReferralState
from ipvscreen.messages import Message, joined, message
from ipvscreen.pathway.mirror import Looped
from ipvscreen.pathway.open_earlier import Listing, Seen
from ipvscreen.resources.correction import AMENDED, CORRECTED
from ipvscreen.resources.earlier import Earlier, earlier_of, moment_of
from ipvscreen.resources.labels import Labels
from ipvscreen.resources.plan import WritePlan
from ipvscreen.resources.protection import unprotected
from ipvscreen.resources.reasons import REASONS, WHY_WORDS
from ipvscreen.resources.standing import IN_ERROR, status_of
from ipvscreen.sdc.form import Form
from ipvscreen.store.referrals import Referral
from ipvscreen.store.visits import Visit
from ipvscreen.web.presenters.by_hand import ByHandView
from ipvscreen.web.presenters.frame import Frame, day_words
from ipvscreen.web.presenters.items import Question
from ipvscreen.web.presenters.loop import ENDS, LoopLine, loop_lines
from ipvscreen.web.presenters.record import kind_words
from ipvscreen.web.presenters.said import said_lines

_NOT_KNOWN = message("Not known: the record system does not let us look, or did not answer in time.")
_MORE = message("There may be more than are listed here. Look in the record, too.")
_ONE = message("An earlier form, {day}, by {name}")
_NO_DAY = message("day not known")
_NO_NAME = message("name not known")
_STATUS: dict[str, str] = {
    AMENDED: message("corrected"),
    CORRECTED: message("corrected"),
    IN_ERROR: message("taken back as an error"),
    "revoked": message("ended"),
    "cancelled": message("ended"),
    "inactive": message("ended"),
    "stopped": message("ended"),
}
_AS_WRITTEN = message("as it was recorded")
_PROTECTED, _BARE = (
    message("protected"),
    message("NOT protected: hide it in the record system by hand at once"),
)
_TOLD = message("what the service has told")  # a Procedure, too, but not that a conversation took place
_NOT_WHOLE = message(
    "The record system does not let us look for everything that belongs to this form. Look there, too."
)
_OTHER_FORM = message("It cannot be corrected here: it was made with another form, or another version of it.")
_IS_ERROR = message("It cannot be corrected here: it is an error already.")
_NO_UPDATE = message(
    "It cannot be corrected from here: the record system or this sign-in does not allow it. Write in the"
    " record, as restricted and hidden from online access, which answer is wrong and what it should be."
)
_REFERRALS: dict[ReferralState, Message] = ENDS | {
    ReferralState.DRAFTED: message("{service}: not sent."),
    ReferralState.QUEUED: message("{service}: waiting to be sent."),
    ReferralState.SENT: message("{service}: sent by letter. To stop it, ring {phone}."),
    ReferralState.RECEIVED: message(
        "{service} has it. Stopping tells it where a message or a page here reaches it; else ring {phone}."
    ),
    ReferralState.LAPSED: message("{service}: not sent, because what was agreed had ended. Ask again."),
}
_STOPS = frozenset({ReferralEvent.CANCEL, ReferralEvent.WITHDRAW})
_STOPPABLE = frozenset(state for state, events in TRANSITIONS.items() if _STOPS & set(events))


@dataclass(frozen=True, slots=True)
class EarlierLine:
    """One form on the list; `key` is what its button posts, empty where there is none to be opened."""

    words: str
    key: str
    loops: tuple[LoopLine, ...] = ()


@dataclass(frozen=True, slots=True)
class EarlierList:
    """`unknown`: why nobody can say that there are no more, whether any is listed or none."""

    unknown: str
    forms: tuple[EarlierLine, ...]

    @property
    def failed(self) -> bool:
        """Whether something is wrong that has to be seen: the fold opens itself."""
        return any(loop.failed for one in self.forms for loop in one.loops)

    @property
    def waits(self) -> bool:
        """Whether something has to be decided: the page says so beside the fold, in neutral words."""
        return any(loop.again for one in self.forms for loop in one.loops)


NOTHING_EARLIER = EarlierList("", ())


@dataclass(frozen=True, slots=True)
class ResponseView:
    """One response: what was asked and answered, and what its Correct button posts, or why there is none."""

    lines: tuple[tuple[str, str], ...]
    status: str
    correct: str
    why_not: str


@dataclass(frozen=True, slots=True)
class EarlierPage:
    """The page; `questions` where an answer is being corrected, else what stands in the record."""

    frame: Frame
    words: str
    failed: tuple[str, ...]
    questions: tuple[Question, ...]
    adds: bool
    responses: tuple[ResponseView, ...]
    entries: tuple[str, ...]
    missing: tuple[str, ...]
    reasons: tuple[tuple[str, str], ...]
    referrals: tuple[str, ...]
    may_stop: bool
    elsewhere: bool
    bringing: tuple[ByHandView, ...] = ()


def earlier_list_of(
    listing: Listing,
    zone: tzinfo,
    looped: Sequence[Looped] = (),
    proposals: Mapping[str, Proposal] | None = None,
) -> EarlierList:
    """Nothing of what they say, and not how many of which kind; with what became of their referrals."""
    loops = loop_lines(looped, zone, proposals)
    lines = [
        EarlierLine(_when(one, zone), one.key, loops.pop(one.visit_id or "", ())) for one in listing.forms
    ]
    visits = {one.visit.id: one.visit for one in looped}
    for ident, left in loops.items():  # of visits of which nothing came into the record
        old = visits[ident]
        lines.append(EarlierLine(_when(Earlier(old.opened_at, old.user_name, ()), zone), "", left))
    unknown = _NOT_KNOWN if not listing.known else _MORE if listing.cut else ""
    return EarlierList(unknown, tuple(lines))


def earlier_page(
    frame: Frame,
    seen: Seen,
    visit: Visit,
    zone: tzinfo,
    *,
    forms: Mapping[str, Form],
    mistakes: Mapping[str, str],
    questions: Sequence[Question] = (),
    own: bool,
    bringing: Sequence[ByHandView] = (),
) -> EarlierPage:
    """`forms` by canonical; `own`: it is of a visit that we know, so that its referrals are known, too."""
    bodies = [body for body in seen.entries.bodies if body["resourceType"] == "QuestionnaireResponse"]
    listed = earlier_of(bodies, visit.patient_id)
    every = (*seen.entries.bodies, *seen.referred.bodies)
    return EarlierPage(
        frame=frame,
        words=_when(listed[0], zone) if listed else message("An earlier form"),
        failed=tuple(mistakes.values()),
        questions=tuple(questions),
        adds=any(one.add for top in questions for one in top.walk()),
        responses=tuple(_response(body, forms, seen.may, visit.policy.labels) for body in bodies),
        entries=tuple(_entry(body, visit) for body in every),
        missing=tuple(_missing(seen, visit.plan)),
        reasons=tuple((why.value, WHY_WORDS[why]) for why in REASONS),
        referrals=tuple(_referral(one) for one in seen.referrals),
        may_stop=any(one.state in _STOPPABLE for one in seen.referrals) or bool(seen.referred.bodies),
        elsewhere=not own,
        bringing=tuple(bringing),
    )


def correctable(body: Mapping[str, Any], forms: Mapping[str, Form], may: frozenset[str]) -> str:
    """Why this response cannot be corrected here; empty where it can."""
    if body.get("questionnaire") not in forms or moment_of(body.get("authored")) is None:
        return _OTHER_FORM
    if body.get("status") == IN_ERROR:
        return _IS_ERROR
    return "" if "QuestionnaireResponse" in may else _NO_UPDATE


def _when(one: Earlier, zone: tzinfo) -> str:
    day = day_words(one.at.astimezone(zone).date()) if one.at else _NO_DAY
    return _ONE.given(day=day, name=one.by or _NO_NAME)


def _response(
    body: Mapping[str, Any], forms: Mapping[str, Form], may: frozenset[str], labels: Labels
) -> ResponseView:
    why_not = correctable(body, forms, may)
    return ResponseView(
        lines=tuple(said_lines(body.get("item"))),
        status=_standing(body, labels),
        correct="" if why_not else f"QuestionnaireResponse/{body['id']}",
        why_not=why_not,
    )


def _entry(body: Mapping[str, Any], visit: Visit) -> str:
    words = (_TOLD,) if "outcome" in body else kind_words([body["resourceType"]], visit.plan)
    return message(
        "{what}: {status}",
        what=words[0] if words else body["resourceType"],
        status=_standing(body, visit.policy.labels),
    )


def _standing(body: Mapping[str, Any], labels: Labels) -> str:
    status = _STATUS.get(str(status_of(body)), _AS_WRITTEN)
    return joined(", ", (status, _BARE if unprotected(body, labels) else _PROTECTED))


def _missing(seen: Seen, plan: WritePlan) -> Iterator[str]:
    told = {**seen.entries.missing, **seen.referred.missing}
    for reference, words in told.items():
        kind = kind_words([reference.partition("/")[0]], plan)
        yield message("Could not be read: {what}. {why}", what=kind[0] if kind else reference, why=words)
    if not seen.entries.whole:
        yield _NOT_WHOLE


def _referral(one: Referral) -> str:
    return _REFERRALS[one.state].given(service=one.service_name, phone=one.phone)
