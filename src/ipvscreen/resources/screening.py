"""What one visit leaves in the record system, by how the clinician chose to record it.

FULL, questions asked: a QuestionnaireResponse for each form handed in and the Observations of each
instrument. Hand in every form of the visit and the quick items, also those never shown: then the number of
resources and their labels are the same for a positive, a negative, an incomplete and a declined. A form on
a page of its own is written if anything was answered, and leaves no Observations.
FULL, nothing asked (told, worried, danger, from the record): one Observation says where it was learned, and
the quick items are written if any was answered. Either way a Flag if agreed to, a health concern if chosen,
and one Provenance. CONVERSATION: one Procedure that says no more than that it took place, and its Provenance;
neither Flag nor health concern, which would send their reader to an entry that holds nothing.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ipvscreen.ipv.assessment import Assessment
from ipvscreen.ipv.draft import Recording
from ipvscreen.ipv.instruments import INSTRUMENTS, QUICK
from ipvscreen.ipv.packs import Reason
from ipvscreen.ipv.visit import Door
from ipvscreen.resources.concern import health_concern
from ipvscreen.resources.context import Context
from ipvscreen.resources.draft import Labelled, business_key, entry
from ipvscreen.resources.fitting import fitted
from ipvscreen.resources.labels import About
from ipvscreen.resources.observations import absent, instrument_observations, observation
from ipvscreen.resources.plan import WritePlan
from ipvscreen.resources.provenance import provenance
from ipvscreen.resources.terminology import (
    APP_NAME,
    ENTRIES,
    FLAG_CATEGORY,
    LOINC,
    NOT_DONE,
    NOT_DONE_WORDS,
    SOURCE_WORDS,
    Absent,
    FlagStatus,
    NotDone,
    ProcedureStatus,
    ResponseStatus,
    Source,
    concept,
)
from ipvscreen.resources.whose import only_theirs
from ipvscreen.sdc.answers import Answers
from ipvscreen.sdc.response import response_items

__all__ = ["Context", "not_done", "screening"]

_SOURCES: dict[Door, Source] = {
    Door.TOLD: Source.TOLD,
    Door.WORRIED: Source.CONCERN,
    Door.DANGER: Source.DANGER,
    Door.FROM_RECORD: Source.RECORD,
}


def screening(
    ctx: Context,
    answers: Mapping[str, Answers],
    assessment: Assessment,
    recording: Recording,
    flag: bool,
    door: Door | None,
    reason: Reason | None = None,
    plan: WritePlan | None = None,
    *,
    concern: bool = False,
) -> tuple[Labelled, ...]:
    """The labelled resources of this visit, Provenance last; empty when nothing is to be recorded.

    `reason`, why it was asked today, stands in that of the answers alone. With a `plan`, as that record
    system can hold them.
    """
    if recording is Recording.NOTHING:
        return ()
    if recording is Recording.CONVERSATION:
        procedure = _conversation(ctx)
        talk = (procedure, provenance(ctx, (procedure,), About.CONVERSATION))
        return fitted(plan, only_theirs(talk, ctx.patient_id))
    said = [*_entries(ctx, answers, assessment, door)]
    chosen = (*((_flag(ctx),) if flag else ()), *((health_concern(ctx, said),) if concern else ()))
    entries = [*said, *chosen]
    written = (*entries, provenance(ctx, entries, About.PROVENANCE, reason))
    return fitted(plan, only_theirs(written, ctx.patient_id))


def not_done(ctx: Context, reason: str, plan: WritePlan | None = None) -> tuple[Labelled, ...]:
    """The panel without answers, and why; ValueError for a reason that is not in the list."""
    why = NotDone(reason)
    coded = Absent.ASKED_DECLINED if why is NotDone.DECLINED else Absent.NOT_PERFORMED
    words = NOT_DONE_WORDS[why]
    body = {
        "code": concept(LOINC, "76499-3", text=APP_NAME),
        **_performer(ctx.known_clinician),
        **absent(coded, local=concept(NOT_DONE, why, words, text=words)),
    }
    panel = observation(ctx, "not-done", body)
    made = (panel, provenance(ctx, (panel,), About.SCREEN))
    return fitted(plan, only_theirs(made, ctx.patient_id))


def _entries(
    ctx: Context, answers: Mapping[str, Answers], assessment: Assessment, door: Door | None
) -> Iterator[Labelled]:
    source = _SOURCES.get(door) if door else None
    results = {result.instrument: result for result in assessment.results}
    if source:
        yield _disclosure(ctx, source)
    for name, form in answers.items():
        if not form.given and (source or not (name in INSTRUMENTS or name == QUICK)):
            continue
        response = _response(ctx, form, source)
        yield response
        if name in INSTRUMENTS:
            yield from instrument_observations(ctx, form, results.get(name), response)


def _response(ctx: Context, answers: Answers, source: Source | None) -> Labelled:
    form = answers.form
    author = ctx.known_clinician
    body: dict[str, Any] = {
        "questionnaire": form.canonical,
        "status": ResponseStatus.COMPLETED,
        "subject": ctx.patient,
        **ctx.encounter,
        "authored": ctx.instant,
        **({"author": author} if author else {}),
        **({} if source is Source.RECORD else {"source": ctx.patient}),
    }
    if items := response_items(answers):
        body["item"] = items
    about = About.SCREEN if form.name in INSTRUMENTS else About.QUICK
    return entry(
        business_key(ctx.visit_id, f"{form.name}/response"),
        "QuestionnaireResponse",
        body,
        about,
        ctx.policy.labels,
    )


def _disclosure(ctx: Context, source: Source) -> Labelled:
    body = {
        "code": concept(ENTRIES, "disclosure", "Learned without asking"),
        **_performer(ctx.patient if source is Source.TOLD else ctx.known_clinician),
        "valueCodeableConcept": concept(ENTRIES, source, SOURCE_WORDS[source]),
    }
    return observation(ctx, "disclosure", body, category="social-history")


def _performer(who: dict[str, Any] | None) -> dict[str, Any]:
    return {"performer": [who]} if who else {}


def _flag(ctx: Context) -> Labelled:
    """Says what to do and not why: some systems show it on every page of the chart."""
    author = ctx.known_clinician
    body = {
        "status": FlagStatus.ACTIVE,
        "category": [concept(FLAG_CATEGORY, "safety", "Safety")],
        "code": {"text": ctx.policy.flag(ctx.at.date())},
        "subject": ctx.patient,
        **ctx.encounter,
        "period": {"start": ctx.instant},
        **({"author": author} if author else {}),
    }
    return entry(business_key(ctx.visit_id, "flag"), "Flag", body, About.FLAG, ctx.policy.labels)


def _conversation(ctx: Context) -> Labelled:
    author = ctx.known_clinician
    body = {
        "status": ProcedureStatus.COMPLETED,
        "code": {"text": APP_NAME},
        "subject": ctx.patient,
        **ctx.encounter,
        "performedDateTime": ctx.instant,
        **({"performer": [{"actor": author}]} if author else {}),
    }
    return entry(
        business_key(ctx.visit_id, "conversation"), "Procedure", body, About.CONVERSATION, ctx.policy.labels
    )
