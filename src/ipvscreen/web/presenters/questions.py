"""The page of questions: the forms of the visit, and how the conversation is recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ipvscreen.ipv.draft import Draft, Recording
from ipvscreen.ipv.packs import Asked, Pack, When
from ipvscreen.messages import joined, message
from ipvscreen.resources.terminology import REASON_WORDS
from ipvscreen.store.visits import Visit
from ipvscreen.web import words
from ipvscreen.web.presenters.frame import Frame
from ipvscreen.web.presenters.items import Question, id_of, questions, when_all_no
from ipvscreen.web.rooms import EhrEntry

RECORDINGS = {
    Recording.FULL: message("The answers, marked as restricted and not for online access"),
    Recording.CONVERSATION: message("Only that a conversation took place"),
    Recording.NOTHING: message("Nothing in the health record"),
}
SEEN_UNKNOWN = message(
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
class FurtherForm:
    """A button to a form on a page of its own; `begun` where something was entered in it."""

    name: str
    label: str
    begun: bool


@dataclass(frozen=True, slots=True)
class QuestionsPage:
    """The page; `hint` where the past item waits for an all-no; of `reasons` value, label, chosen or not."""

    frame: Frame
    before_first: str
    limits: str
    main: tuple[Question, ...]
    past: tuple[Question, ...]
    hint: bool
    reasons: tuple[tuple[str, str, bool], ...]
    further: tuple[FurtherForm, ...]
    recordings: tuple[RecordingChoice, ...]
    seen_by: str
    refused: tuple[str, ...]
    copyrights: tuple[str, ...]
    mistakes: Mapping[str, str]


def questions_page(
    frame: Frame, visit: Visit, pack: Pack, entry: EhrEntry, mistakes: Mapping[str, str]
) -> QuestionsPage:
    """The questions of the visit's pack, as far as they have been entered."""
    main, past = asked(visit, pack, mistakes)
    return QuestionsPage(
        frame=frame,
        before_first=words.BEFORE_FIRST,
        limits=words.LIMITS,
        main=main,
        past=past,
        hint=any(one.when is When.ALL_NO for one in pack.ask),
        reasons=_reasons(visit.draft, pack),
        further=further(visit.draft, pack),
        recordings=recordings(visit.draft),
        seen_by=entry.who_can_see or SEEN_UNKNOWN,
        refused=pack.refused,
        copyrights=tuple(message(form.copyright) for form in pack.asked()),
        mistakes=told((*main, *past), mistakes),
    )


def told(asked: Sequence[Question], mistakes: Mapping[str, str]) -> Mapping[str, str]:
    """By the id of its place, what is wrong; what stands elsewhere keeps its own."""
    texts = {one.name: one.text for question in asked for one in question.walk()}
    return {
        id_of(field) if field in texts else field: joined(" ", filter(None, (texts.get(field), words)))
        for field, words in mistakes.items()
    }


def asked(
    visit: Visit, pack: Pack, mistakes: Mapping[str, str]
) -> tuple[tuple[Question, ...], tuple[Question, ...]]:
    """The first form's questions, and those of the forms beside it (the past item)."""
    by_form = [_asked(one, visit, pack, mistakes) for one in pack.ask]
    return next(iter(by_form), ()), tuple(question for beside in by_form[1:] for question in beside)


def _asked(one: Asked, visit: Visit, pack: Pack, mistakes: Mapping[str, str]) -> tuple[Question, ...]:
    found = shown(one.form.name, visit, pack, mistakes)
    if one.when is When.ALWAYS:
        return found
    condition = when_all_no(pack.ask[0].form)
    return tuple(replace(question, when=condition) for question in found)


def shown(
    name: str, visit: Visit, pack: Pack, mistakes: Mapping[str, str], *, but: str | None = None
) -> tuple[Question, ...]:
    """The questions of that form of the two pages, as far as it was entered."""
    form = next(form for form in pack.shown() if form.name == name)
    entered = visit.draft.entered
    return questions(
        form,
        entered.get(name, {}),
        but=but,
        mistakes=mistakes,
        launch=visit.launch(),
        now=visit.opened_at.astimezone(pack.zone),
        fresh=name not in entered,
    )


def further(draft: Draft, pack: Pack) -> tuple[FurtherForm, ...]:
    """The forms that have a page of their own."""
    return tuple(
        FurtherForm(one.form.name, one.label, bool(draft.entered.get(one.form.name))) for one in pack.more
    )


def _reasons(draft: Draft, pack: Pack) -> tuple[tuple[str, str, bool], ...]:
    if not pack.reason:
        return ()
    return tuple((value.value, label, value is draft.reason) for value, label in REASON_WORDS.items())


def recordings(draft: Draft) -> tuple[RecordingChoice, ...]:
    """The three ways, with the one that the draft has."""
    return tuple(
        RecordingChoice(way.value, label, way is draft.recording) for way, label in RECORDINGS.items()
    )
