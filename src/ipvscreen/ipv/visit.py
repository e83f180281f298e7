"""The states of a visit, what may happen in each, and which pages each shows: tables."""

from enum import StrEnum

from ipvscreen.errors import OutOfOrder


class VisitState(StrEnum):
    """Where a visit stands."""

    OPENED = "opened"
    ASKING = "asking"
    DISCLOSED = "disclosed"
    SAVING = "saving"  # on disk whole, and on its way into the record
    INTERRUPTED = "interrupted"  # on its way, and nobody can go on before the next launch
    UNRECORDED = "unrecorded"
    RECORDED = "recorded"
    REFERRED = "referred"
    DEFERRED = "deferred"
    ACCOUNT = "account"
    EARLIER = "earlier"
    CLOSED = "closed"


class Door(StrEnum):
    """The doors of the first page."""

    ASK = "ask"
    TOLD = "told"
    WORRIED = "worried"
    DANGER = "danger"
    NOT_NOW = "not-now"
    FROM_RECORD = "from-record"


class Event(StrEnum):
    """What moves a visit on."""

    ASK = "ask"
    DISCLOSE = "disclose"
    SAVE = "save"
    INTERRUPT = "interrupt"
    RECORD = "record"
    RECORD_FAILED = "record-failed"
    REFER = "refer"
    DEFER = "defer"
    FINISH = "finish"
    ACCOUNT = "account"
    OPEN_EARLIER = "open-earlier"
    RETURN = "return"
    CHOOSE_AGAIN = "again"


class Step(StrEnum):
    """The pages of a visit; also the last part of their URL and their data-step."""

    START = "start"
    QUESTIONS = "questions"
    RESPOND = "respond"
    FORM = "form"
    OWN = "own"
    DANGER = "danger"
    REFER = "refer"
    SHARE = "share"
    SENT = "sent"
    DONE = "done"
    NOT_NOW = "not-now"
    FINISH = "finish"
    EARLIER = "earlier"


_S, _E = VisitState, Event

TRANSITIONS: dict[VisitState, dict[Event, VisitState]] = {
    _S.OPENED: {
        _E.ASK: _S.ASKING,
        _E.DISCLOSE: _S.DISCLOSED,
        _E.DEFER: _S.DEFERRED,
        _E.ACCOUNT: _S.ACCOUNT,
        _E.OPEN_EARLIER: _S.EARLIER,
        # A service has declined: another is chosen, and nothing new is asked or recorded.
        _E.CHOOSE_AGAIN: _S.RECORDED,
    },
    _S.ASKING: {
        _E.DISCLOSE: _S.DISCLOSED,
        _E.SAVE: _S.SAVING,
        _E.DEFER: _S.DEFERRED,
    },
    _S.DISCLOSED: {_E.SAVE: _S.SAVING},
    _S.SAVING: {
        _E.RECORD: _S.RECORDED,
        _E.RECORD_FAILED: _S.UNRECORDED,
        _E.INTERRUPT: _S.INTERRUPTED,
    },
    # A record that was refused must never keep a person from help; FINISH here means "entered by hand".
    _S.UNRECORDED: {_E.SAVE: _S.SAVING, _E.REFER: _S.UNRECORDED, _E.FINISH: _S.CLOSED},
    _S.INTERRUPTED: {_E.SAVE: _S.SAVING, _E.REFER: _S.INTERRUPTED, _E.FINISH: _S.CLOSED},
    _S.RECORDED: {_E.REFER: _S.REFERRED, _E.FINISH: _S.CLOSED},
    _S.REFERRED: {_E.REFER: _S.REFERRED, _E.FINISH: _S.CLOSED},
    _S.DEFERRED: {
        _E.ASK: _S.ASKING,  # resumed: a yes had been entered before it was put off
        _E.RECORD: _S.DEFERRED,
        _E.DISCLOSE: _S.DISCLOSED,
        _E.FINISH: _S.CLOSED,
    },
    # What the patient says of own conduct: kept apart, and nothing of it leads to any other state.
    _S.ACCOUNT: {_E.RETURN: _S.OPENED, _E.FINISH: _S.CLOSED},
    # What was written before is read and put right; nothing new is asked or recorded meanwhile.
    _S.EARLIER: {_E.RETURN: _S.OPENED, _E.FINISH: _S.CLOSED},
    _S.CLOSED: {},
}

# The first page of each state is where a visit in that state is at home.
PAGES: dict[VisitState, tuple[Step, ...]] = {
    _S.OPENED: (Step.START, Step.DANGER, Step.NOT_NOW),
    _S.ASKING: (Step.QUESTIONS, Step.FORM, Step.DANGER, Step.NOT_NOW),
    _S.DISCLOSED: (Step.RESPOND, Step.FORM, Step.DANGER),
    _S.SAVING: (Step.DONE, Step.DANGER),
    _S.INTERRUPTED: (Step.DONE, Step.REFER, Step.SHARE, Step.SENT, Step.DANGER, Step.FINISH),
    _S.UNRECORDED: (Step.DONE, Step.REFER, Step.SHARE, Step.SENT, Step.DANGER, Step.FINISH),
    _S.RECORDED: (Step.DONE, Step.REFER, Step.SHARE, Step.DANGER, Step.FINISH),
    _S.REFERRED: (Step.SENT, Step.REFER, Step.SHARE, Step.DONE, Step.DANGER, Step.FINISH),
    _S.DEFERRED: (Step.NOT_NOW, Step.DANGER),
    _S.ACCOUNT: (Step.OWN, Step.DANGER),
    _S.EARLIER: (Step.EARLIER, Step.DANGER),
    _S.CLOSED: (),
}


def after(state: VisitState, event: Event) -> VisitState:
    """The state that `event` leads to; OutOfOrder where the table has none."""
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        raise OutOfOrder(state, event) from None


def shows(state: VisitState, step: Step) -> bool:
    """Whether a visit in `state` may show the page of `step`."""
    return step in PAGES[state]
