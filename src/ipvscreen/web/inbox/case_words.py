"""What a service reads of its cases: a word for each state, event and code."""

from collections.abc import Mapping

from ipvscreen.ipv.case import CaseEvent, CaseState
from ipvscreen.ipv.case_codes import PassedOn, Tried
from ipvscreen.ipv.conflict import Answer
from ipvscreen.ipv.contact_words import NO_CONTACT as NO_CONTACT  # one of the words of these pages
from ipvscreen.ipv.referral import ContactWay
from ipvscreen.ipv.services import Places
from ipvscreen.messages import message
from ipvscreen.web.presenters.refer import WAYS as REFERRED_WAYS

STATES: Mapping[CaseState, str] = {
    CaseState.DELIVERED: message("new"),
    CaseState.OPENED: message("opened"),
    CaseState.ACCEPTED: message("taken on"),
    CaseState.CONTACTED: message("contact was tried"),
    CaseState.WAITING: message("on the waiting list"),
    CaseState.ENGAGED: message("in touch"),
    CaseState.DECLINED: message("not taken on"),
    CaseState.COMPLETED: message("ended"),
    CaseState.FAILED: message("ended early"),
    CaseState.CANCELLED: message("stopped"),
    CaseState.IN_ERROR: message("sent by mistake"),
}
EVENTS: Mapping[CaseEvent, str] = {
    CaseEvent.OPEN: message("Open this case"),
    CaseEvent.ACCEPT: message("Take it on"),
    CaseEvent.WAIT: message("Put it on the waiting list"),
    CaseEvent.DECLINE: message("Do not take it on"),
    CaseEvent.CHECK: message("Say who knows whom"),
    CaseEvent.ASSIGN: message("Hand it over to a mentor"),
    CaseEvent.CONTACT: message("Note an attempt to get in touch"),
    CaseEvent.ENGAGE: message("Note that you are in touch"),
    CaseEvent.WEEKLY: message("Note a weekly contact"),
    CaseEvent.DANGER: message("Note that danger was passed on"),
    CaseEvent.COMPLETE: message("End it"),
    CaseEvent.FAIL: message("End it early"),
    CaseEvent.WITHDRAW: message("It is not wanted any more"),
    CaseEvent.TELL_NOTHING: message("Nothing is to be told back any more"),
    CaseEvent.RELEASE: message("A signed release is there"),
    CaseEvent.ERROR: message("It was sent by mistake"),
}
HINTS: Mapping[CaseEvent, str] = {
    CaseEvent.CHECK: message("Ask without saying a name. Who is not sure is treated as one who says yes."),
    CaseEvent.WITHDRAW: message("If nobody is to hear of it, say first that nothing is to be told back."),
    CaseEvent.DANGER: message("Ring first. This only notes whom you have rung."),
}
ANSWERS: Mapping[Answer, str] = {
    Answer.YES: message("Yes"),
    Answer.NO: message("No"),
    Answer.NOT_SURE: message("Not sure"),
}
TRIED: Mapping[Tried, str] = {
    Tried.REACHED: message("Reached"),
    Tried.NO_ANSWER: message("No answer"),
    Tried.ANOTHER_PERSON: message("Another person answered"),
    Tried.VOICEMAIL: message("Something was left on voicemail"),
}
PASSED_ON: Mapping[PassedOn, str] = {
    PassedOn.EMERGENCY: message("Emergency services"),
    PassedOn.ADVOCATE: message("The high-risk advocate"),
    PassedOn.SAFEGUARDING: message("Safeguarding"),
    PassedOn.REFERRER: message("Who has referred"),
}
WAYS: Mapping[ContactWay, str] = {**REFERRED_WAYS, ContactWay.SHE_CALLS: message("The person rings you")}
PLACES: Mapping[Places, str] = {
    Places.FREE: message("Places are free"),
    Places.WAITING_LIST: message("Waiting list"),
    Places.ASSESS_FIRST: message("We assess first"),
    Places.FULL: message("Full"),
}
