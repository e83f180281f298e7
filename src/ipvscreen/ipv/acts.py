"""What somebody did, in neutral words, as the audit log says it."""

from collections.abc import Mapping
from enum import StrEnum

from ipvscreen.ipv.visit import Step


class Act(StrEnum):
    """What somebody did, as far as whoever reads a log may know: no answer, and nothing of the topic."""

    OPENED = "opened"
    BEGUN = "begun"
    EARLIER_OPENED = "earlier-opened"
    EARLIER_READ = "earlier-read"
    CHANGED = "changed"
    TAKEN_BACK = "taken-back"
    HIDDEN = "hidden"
    STOPPED = "stopped"
    KEPT = "kept"
    SAVED = "saved"
    CALLED = "called"
    SENT = "sent"
    LETTER_SHOWN = "letter-shown"
    SENT_BY_HAND = "sent-by-hand"
    TOLD_BY_TELEPHONE = "told-by-telephone"
    PUT_OFF = "put-off"
    NOTED = "noted"
    CLOSED = "closed"
    WENT_ON = "went-on"
    LIST_OPENED = "list-opened"
    LIST_SHOWN = "list-shown"
    LIST_CLOSED = "list-closed"
    WORKLIST_SHOWN = "worklist-shown"
    SEEN_TO = "seen-to"
    PROTECTION_LOST = "protection-lost"
    PURGED = "purged"
    FORGOTTEN = "forgotten"
    # Those who sign in here.
    INVITED = "invited"
    INVITED_AGAIN = "invited-again"
    JOINED = "joined"
    SIGNED_IN = "signed-in"
    SIGNED_OUT = "signed-out"
    KEY_ADDED = "key-added"
    KEY_ENDED = "key-ended"
    MEMBER_ENDED = "member-ended"
    ORGANISATION_ADDED = "organisation-added"
    PROPOSED = "proposed"
    AGREED = "agreed"
    PROPOSAL_STOPPED = "proposal-stopped"
    PLACES_SAID = "places-said"
    NOTICE_TAKEN_UP = "notice-taken-up"
    # At a service, and what of it comes back.
    TAKEN_IN = "taken-in"
    NAMES_READ = "names-read"
    CASE_OPENED = "case-opened"
    ACCEPTED = "accepted"
    WAIT_LISTED = "wait-listed"
    DECLINED = "declined"
    CHECKED = "checked"
    HANDED_OVER = "handed-over"
    CONTACT_TRIED = "contact-tried"
    ENGAGED = "engaged"
    CONTACT_KEPT = "contact-kept"
    PASSED_ON = "passed-on"
    COMPLETED = "completed"
    ENDED_EARLY = "ended-early"
    WITHDRAWN = "withdrawn"
    TOLD_NO_MORE = "told-no-more"
    RELEASE_NOTED = "release-noted"
    SENT_BY_MISTAKE = "sent-by-mistake"
    ANSWER_RECORDED = "answer-recorded"


# What posting the form of a page is; a page with several buttons may say it better.
POSTED: Mapping[Step, Act] = {
    Step.START: Act.BEGUN,
    Step.QUESTIONS: Act.SAVED,
    Step.RESPOND: Act.SAVED,
    Step.FORM: Act.KEPT,
    Step.OWN: Act.KEPT,
    Step.DANGER: Act.CALLED,
    Step.REFER: Act.SENT,
    Step.SHARE: Act.SENT,
    Step.SENT: Act.KEPT,
    Step.DONE: Act.SAVED,
    Step.NOT_NOW: Act.PUT_OFF,
    Step.FINISH: Act.CLOSED,
    Step.EARLIER: Act.KEPT,
}
