"""The page of questions: the forms of the setting, and how the conversation is recorded."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ipvscreen.ipv.draft import Draft, Recording
from ipvscreen.ipv.instruments import forms_for, past_item_shown
from ipvscreen.ipv.person import Setting
from ipvscreen.sdc.form import Form
from ipvscreen.store.visits import Visit
from ipvscreen.web import words
from ipvscreen.web.presenters.frame import Frame
from ipvscreen.web.presenters.items import Question, questions, when_all_no
from ipvscreen.web.rooms import EhrEntry

RECORDINGS = {
    Recording.FULL: "The answers, marked as restricted and not for online access",
    Recording.CONVERSATION: "Only that a conversation took place",
    Recording.NOTHING: "Nothing in the health record",
}
SEEN_UNKNOWN = (
    "Not known. Your organisation has not said who can read restricted entries here;"
    " ask before you rely on it."
)


@dataclass(frozen=True, slots=True)
class RecordingChoice:
    """One way of recording."""

    value: str
    label: str
    checked: bool


@dataclass(frozen=True, slots=True)
class QuestionsPage:
    """The page; `past_when` is empty where the past item always shows."""

    frame: Frame
    before_first: str
    limits: str
    main: tuple[Question, ...]
    past: tuple[Question, ...]
    hint: bool
    recordings: tuple[RecordingChoice, ...]
    seen_by: str
    copyrights: tuple[str, ...]


def questions_page(frame: Frame, visit: Visit, forms: Mapping[str, Form], entry: EhrEntry) -> QuestionsPage:
    """The questions of the visit's setting, as far as they have been entered."""
    names = forms_for(visit.setting)
    main, past = asked(visit.draft, visit.setting, forms)
    return QuestionsPage(
        frame=frame,
        before_first=words.BEFORE_FIRST,
        limits=words.LIMITS,
        main=main,
        past=past,
        hint=any(question.when for question in past),
        recordings=recordings(visit.draft),
        seen_by=entry.who_can_see or SEEN_UNKNOWN,
        copyrights=tuple(forms[name].copyright for name in names),
    )


def asked(
    draft: Draft, setting: Setting, forms: Mapping[str, Form]
) -> tuple[tuple[Question, ...], tuple[Question, ...]]:
    """The first form's questions, and those of the forms beside it (the past item)."""
    first, *beside = forms_for(setting)
    past = [q for name in beside for q in questions(forms[name], draft.entered.get(name, {}))]
    if past_item_shown(setting) == "when-all-no":
        past = [replace(question, when=when_all_no(forms[first])) for question in past]
    return questions(forms[first], draft.entered.get(first, {})), tuple(past)


def recordings(draft: Draft) -> tuple[RecordingChoice, ...]:
    """The three ways, with the one that the draft has."""
    return tuple(
        RecordingChoice(way.value, label, way is draft.recording) for way, label in RECORDINGS.items()
    )
