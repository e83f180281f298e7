"""What a record system does not take is carried by what it takes, or said word for word."""

import base64
import json
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import pytest

from ipvscreen.ipv.draft import Recording
from ipvscreen.ipv.person import Person
from ipvscreen.ipv.referral import ContactWay, ReferralRequest, SafeContact, Sharing
from ipvscreen.ipv.services import Service
from ipvscreen.ipv.visit import Door
from ipvscreen.resources.context import Context
from ipvscreen.resources.draft import Labelled, entry
from ipvscreen.resources.fallback import CARRIERS, FALLBACKS, Rest, fallback
from ipvscreen.resources.fitting import fitted, instead_of
from ipvscreen.resources.labels import labels_of
from ipvscreen.resources.neutral import topic_word
from ipvscreen.resources.plan import WritePlan, plan_writes
from ipvscreen.resources.referral import referral
from ipvscreen.resources.scopes import ASKED_FOR, Scopes
from ipvscreen.resources.screening import not_done

Screen = Callable[..., tuple[Labelled, ...]]
ALL = [kind for kind, letters in ASKED_FOR.items() if "c" in letters]
HARK = {"hark": dict.fromkeys(("76500-8", "76501-6", "76502-4", "76503-2"), ("LA32-8",)), "quick": {}}


def plan(*without: str, carriers: Collection[str] = ()) -> WritePlan:
    """Of a record system that takes everything but these types."""
    codes = [{"code": code} for code in ("create", "read", "search-type")]
    kinds = [kind for kind in (*ALL, *CARRIERS) if kind not in without]
    rest = {"mode": "server", "resource": [{"type": kind, "interaction": codes} for kind in kinds]}
    everything = Scopes.parse("patient/*.cruds")
    return plan_writes({"rest": [rest]}, everything, carriers=carriers)


def kinds(items: Collection[Labelled]) -> list[str]:
    return [item.kind for item in items]


def referred(
    ctx: Context, service: Service, request: ReferralRequest, person: Person, its: WritePlan | None = None
) -> tuple[Labelled, ...]:
    return referral(ctx, service, request, person, "key", its)


def test_where_everything_is_taken_nothing_changes(screen: Screen) -> None:
    items = screen(HARK, flag=True)
    assert fitted(plan(), items) == items
    assert fitted(None, items) == items


def test_a_form_that_is_not_taken_is_carried_by_a_document(screen: Screen) -> None:
    items = screen(HARK)
    forms = [item for item in items if item.kind == "QuestionnaireResponse"]
    made = fitted(plan("QuestionnaireResponse", carriers=CARRIERS), items)

    documents = [item for item in made if item.kind == "DocumentReference"]
    assert kinds(made) == ["DocumentReference" if k == "QuestionnaireResponse" else k for k in kinds(items)]
    for form, document in zip(forms, documents, strict=True):
        (content,) = document.body["content"]
        assert json.loads(base64.b64decode(content["attachment"]["data"])) == form.body
        assert document.about is form.about
        assert document.body["meta"] == form.body["meta"]
        assert [one["coding"][0] for one in document.body["securityLabel"]] == list(labels_of(form.about))
        assert document.body["context"] == {"encounter": [form.body["encounter"]]}
        assert document.body["author"] == [form.body["author"]]
    text = json.dumps([item.body for item in made])
    assert not [form.full_url for form in forms if f'"reference": "{form.full_url}"' in text]
    targets = [one["reference"] for one in made[-1].body["target"]]
    assert targets == [item.full_url for item in made[:-1]]
    observation = next(item for item in made if item.kind == "Observation")
    assert observation.body["derivedFrom"] == [documents[0].reference]


def test_a_document_of_nobody_outside_an_encounter(screen: Screen, ctx: Context) -> None:
    items = screen(HARK, context=replace(ctx, author=None, encounter_id=None))
    document = fitted(plan("QuestionnaireResponse", carriers=CARRIERS), items)[0].body
    assert not {"author", "context"} & document.keys()


def test_the_same_input_is_the_same_document(screen: Screen) -> None:
    its = plan("QuestionnaireResponse", carriers=CARRIERS)
    assert fitted(its, screen(HARK)) == fitted(its, screen(HARK))


def test_without_a_carrier_the_form_stays_to_be_told_of(screen: Screen) -> None:
    items = screen(HARK)
    assert fitted(plan("QuestionnaireResponse"), items) == items


@pytest.mark.parametrize("also", [(), ("QuestionnaireResponse",)])
def test_single_results_are_left_out_where_whole_forms_say_them(screen: Screen, also: Any) -> None:
    made = fitted(plan("Observation", *also, carriers=CARRIERS), screen(HARK))
    assert "Observation" not in kinds(made)
    bare = fitted(plan("Observation", "QuestionnaireResponse"), screen(HARK))
    assert "Observation" in kinds(bare)


def test_what_no_form_says_stays_to_be_told_of(screen: Screen, ctx: Context) -> None:
    its = plan("Observation")
    told, *_ = fitted(its, screen({"quick": {"neck": ("no",)}}, door=Door.TOLD))
    assert instead_of(its, told).endswith(
        "“Health questionnaire: Told without the questions being asked, 2 March 2026”"
    )
    panel, *_ = not_done(ctx, "declined", its)
    assert instead_of(its, panel).endswith("“Health questionnaire: Declined, 2 March 2026”")


def test_a_result_that_only_a_form_explains_has_no_words_of_its_own(screen: Screen) -> None:
    its = plan("Observation", "QuestionnaireResponse")
    items = fitted(its, screen(HARK))
    result = next(item for item in items if item.kind == "Observation")
    assert instead_of(its, result) == "The record system does not accept new Observations."
    form = items[0]
    assert instead_of(its, form) == "The record system does not accept new Questionnaire responses."


def test_the_words_of_a_flag_are_its_own(screen: Screen) -> None:
    its = plan("Flag")
    flag = next(item for item in fitted(its, screen(HARK, flag=True)) if item.kind == "Flag")
    assert f"“{flag.body['code']['text']}”" in instead_of(its, flag)


def test_the_words_of_a_conversation(screen: Screen) -> None:
    its = plan("Procedure")
    procedure, _ = fitted(its, screen({}, recording=Recording.CONVERSATION))
    assert "“Health questionnaire, 2 March 2026”" in instead_of(its, procedure)


@pytest.fixture
def asking(agreed: ReferralRequest) -> ReferralRequest:
    return replace(agreed, contact=SafeContact(ContactWay.SHE_CALLS))


def test_a_request_that_is_not_taken_is_carried_by_its_task(
    ctx: Context, service: Service, asking: ReferralRequest, person: Person
) -> None:
    plain = referred(ctx, service, asking, person)
    made = referred(ctx, service, asking, person, plan("ServiceRequest", carriers=CARRIERS))
    assert kinds(plain) == ["Consent", "ServiceRequest", "Task"]
    assert kinds(made) == ["Consent", "Task"]
    (_, request, before), (_, task) = plain, made
    assert (task.key, task.about) == (before.key, before.about)
    assert "focus" not in task.body
    assert task.body["code"] == request.body["code"]
    assert task.body["note"] == [{"text": "Contacting Subject Prohibited"}]
    assert task.body["meta"] == before.body["meta"]


def test_a_task_alone_keeps_why_it_was_shared(
    ctx: Context, service: Service, agreed: ReferralRequest, person: Person
) -> None:
    shared = replace(agreed, agreement=None, sharing=Sharing("Dr Amina Clark", "court", told=True))
    (task,) = referred(ctx, service, shared, person, plan("ServiceRequest"))
    assert ["Sent without" in note["text"] for note in task.body["note"]] == [True]


def test_a_note_of_the_referral_has_no_recipient(
    ctx: Context, service: Service, asking: ReferralRequest, person: Person
) -> None:
    its = plan("ServiceRequest", "Task", carriers=CARRIERS)
    (_, note, task) = referred(ctx, service, asking, person, its)
    assert (note.kind, note.body["status"], task.kind) == ("Communication", "completed", "Task")
    assert "recipient" not in note.body
    assert note.body["payload"][0]["contentString"] == (
        "The Willow group: Referral to support group (procedure). Contacting Subject Prohibited"
    )
    outside = referred(replace(ctx, encounter_id=None), service, asking, person, its)
    assert "encounter" not in outside[1].body


def test_a_referral_by_hand_says_to_whom_and_what_was_agreed(
    ctx: Context, service: Service, agreed: ReferralRequest, person: Person
) -> None:
    its = plan("ServiceRequest", "Task", "Consent")
    consent, request, task = referred(ctx, service, agreed, person, its)
    assert "“Referral to support group (procedure): The Willow group, 2 March 2026”" in instead_of(
        its, request
    )
    words = instead_of(its, consent)
    assert "Agreed with The Willow group on 2 March 2026, until" in words
    assert "come back: yes." in words
    assert instead_of(its, task) == "The record system does not accept new Tasks."
    assert agreed.agreement
    never = replace(agreed, agreement=replace(agreed.agreement, back=False))
    assert "come back: no." in instead_of(its, referred(ctx, service, never, person, its)[0])


def test_a_request_without_a_task_beside_it_stays(
    ctx: Context, service: Service, agreed: Any, person: Person
) -> None:
    (_, request, _) = referred(ctx, service, agreed, person)
    assert fitted(plan("ServiceRequest"), [request]) == (request,)


def test_what_could_be_written_and_names_nothing_says_so(screen: Screen) -> None:
    provenance = screen(HARK)[-1]
    assert instead_of(plan(), provenance) == "Nothing that it would be about can be written here."
    stranger = replace(provenance, kind="Device")
    assert fitted(plan(), [stranger]) == (stranger,)
    assert instead_of(plan(), stranger) == "Nothing that it would be about can be written here."


def test_an_observation_of_another_shape_has_no_words(ctx: Context) -> None:
    odd = entry(
        "k", "Observation", {"status": "final", "code": {"text": "x"}}, not_done(ctx, "declined")[0].about
    )
    assert instead_of(plan("Observation"), odd) == "The record system does not accept new Observations."


def test_everything_that_carries_is_neutral(
    screen: Screen, ctx: Context, service: Service, asking: ReferralRequest, person: Person
) -> None:
    """Outside the attachment: a list of documents may show any of it."""
    its = plan("QuestionnaireResponse", "ServiceRequest", "Task", carriers=CARRIERS)
    for item in (*fitted(its, screen(HARK)), *referred(ctx, service, asking, person, its)):
        if item.kind in CARRIERS:
            shown = {
                name: value
                for name, value in item.body.items()
                if name not in ("content", "meta", "securityLabel")
            }
            assert topic_word(json.dumps(shown)) is None


@pytest.mark.parametrize("kind", FALLBACKS)
def test_each_line_of_the_table_can_be_reached_and_is_neutral(kind: str) -> None:
    lines = FALLBACKS[kind]
    reached = [fallback(kind, frozenset({line.needs} - {""})) for line in lines]
    assert reached == list(lines)
    assert not lines[-1].needs
    for line in lines:
        assert topic_word(line.words) is None
        assert not line.carrier or (line.rest, line.needs) == (Rest.NOTHING, line.carrier)
