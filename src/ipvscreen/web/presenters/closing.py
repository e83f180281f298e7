"""The last pages: not now, and what may wait until the patient has left."""

from dataclasses import dataclass
from datetime import date

from ipvscreen.ipv.assessment import Assessment
from ipvscreen.messages import message
from ipvscreen.store.visits import Visit
from ipvscreen.web import words
from ipvscreen.web.presenters.children import ChildForm, ChildLine
from ipvscreen.web.presenters.done import FOLLOW_UP_AFTER, noted_words
from ipvscreen.web.presenters.frame import Frame
from ipvscreen.web.presenters.others import Children, children, proposals
from ipvscreen.web.presenters.record import Notice, can_be_tried, notices

REASONS = {
    "declined": message("The patient declined"),
    "accompanied-by-adult": message("Another adult was present"),
    "accompanied-by-child-who-understands": message("A child who could repeat it was present"),
    "no-professional-interpreter": message("No professional interpreter"),
    "never-had-a-partner": message("Never had a partner"),
    "lacks-capacity": message("Not able to decide about it now"),
    "unsafe-channel": message("The telephone or video was not private"),
    "acute-illness": message("Too ill today"),
}
# SNOMED CT Global Patient Set; a code is chosen by the clinician, by hand, and never by a score.
CODES = (
    ("706893006", "Victim of intimate partner abuse (finding)"),
    ("706892001", "At risk of intimate partner abuse (finding)"),
    ("707087005", "At increased risk of domestic violence (finding)"),
    ("713820002", "Victim of sexual assault by intimate partner (finding)"),
    ("313070006", "Counseling for domestic abuse (procedure)"),
    ("413457006", "Domestic violence education (procedure)"),
    ("713136002", "Assessment of risk of violence (procedure)"),
    ("710915002", "Referral to community service (procedure)"),
    ("711281004", "Referral to support group (procedure)"),
    ("710910007", "Referral to legal service (procedure)"),
    ("308440001", "Referral to social worker (procedure)"),
)


@dataclass(frozen=True, slots=True)
class NotNowPage:
    """The page; its text is the same for every patient, unless a reason was recorded by choice."""

    frame: Frame
    text: str
    notices: tuple[Notice, ...]
    follow_up: str
    noted: str
    reasons: tuple[tuple[str, str], ...]
    again: bool


@dataclass(frozen=True, slots=True)
class FinishPage:
    """The page; `proposals` are codes with when they fit, for a human to write.

    `plans` are those for children; `child_form` is for one more, None where no child was spoken of.
    """

    frame: Frame
    codes: tuple[tuple[str, str], ...]
    proposals: tuple[tuple[str, str, str], ...]
    children: Children | None
    plans: tuple[ChildLine, ...] = ()
    child_form: ChildForm | None = None


def not_now_page(
    frame: Frame, visit: Visit, today: date, *, noted: date | None, again: bool = False
) -> NotNowPage:
    """Neutral; `noted` is the day of the visit's follow-up, `again` offers another try."""
    recorded = visit.written is not None
    return NotNowPage(
        frame=frame,
        text="" if recorded else words.NOT_NOW,
        notices=notices(visit.written, visit.plan) if recorded else (),
        follow_up=(today + FOLLOW_UP_AFTER).isoformat(),
        noted=noted_words(noted),
        again=again and can_be_tried(visit.written),
        reasons=() if recorded else tuple(REASONS.items()),
    )


def finish_page(frame: Frame, assessment: Assessment, *, lead: str | None, uk: bool) -> FinishPage:
    """What may wait: details, letter, codes. `uk`: codes of its extension of SNOMED CT may be proposed."""
    return FinishPage(frame, CODES, proposals(uk=uk), children(assessment, lead, uk=uk))
