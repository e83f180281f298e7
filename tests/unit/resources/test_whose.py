"""Nothing is ever made for the record of anybody but the patient of the launch."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipvscreen.ipv.draft import Recording
from ipvscreen.ipv.person import Person
from ipvscreen.ipv.referral import ReferralRequest
from ipvscreen.ipv.services import Service
from ipvscreen.ipv.visit import Door
from ipvscreen.resources.context import Context
from ipvscreen.resources.draft import Labelled, references_in
from ipvscreen.resources.labels import About
from ipvscreen.resources.referral import message, referral
from ipvscreen.resources.screening import not_done
from ipvscreen.resources.terminology import NotDone
from ipvscreen.resources.whose import OthersRecord, one_person, only_theirs

IDS = st.from_regex(r"[A-Za-z0-9\-.]{1,20}", fullmatch=True)
Screen = Callable[..., tuple[Labelled, ...]]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_built_is_of_the_patient_of_the_launch(
    data: st.DataObject,
    ctx: Context,
    screen: Screen,
    service: Service,
    agreed: ReferralRequest,
    person: Person,
) -> None:
    one = replace(ctx, patient_id=data.draw(IDS))
    items = [
        *screen(
            {"hark": {}, "quick": {}},
            recording=data.draw(st.sampled_from(Recording)),
            flag=data.draw(st.booleans()),
            door=data.draw(st.sampled_from(Door)),
            context=one,
        ),
        *not_done(one, data.draw(st.sampled_from(NotDone))),
        *referral(one, service, agreed, person, "k"),
    ]
    named = {reference for item in items for reference in references_in(item.body)}
    people = {reference for reference in named if reference.partition("/")[0] in _PEOPLE}
    assert people == {f"Patient/{one.patient_id}"}


_PEOPLE = {"Patient", "RelatedPerson", "Person", "Group"}


def forged(items: tuple[Labelled, ...], kind: str, element: str, value: Any) -> list[Labelled]:
    """The same with that element of the first of its kind replaced (None takes it away)."""
    made, done = list(items), False
    for n, item in enumerate(items):
        if item.kind == kind and not done:
            body = {name: part for name, part in item.body.items() if name != element}
            made[n] = replace(item, body=body if value is None else body | {element: value})
            done = True
    assert done, f"there is no {kind}"
    return made


@pytest.mark.parametrize("owner", [{"reference": "Patient/somebody-else"}, {"display": "Sam"}, "me", None])
@pytest.mark.parametrize("kind", ["Observation", "QuestionnaireResponse", "Flag"])
def test_an_entry_of_anybody_else_is_refused(ctx: Context, screen: Screen, kind: str, owner: Any) -> None:
    items = screen({"hark": {}}, flag=True)
    assert only_theirs(items, ctx.patient_id) == items
    with pytest.raises(OthersRecord, match=f"A {kind} is not about the patient"):
        only_theirs(forged(items, kind, "subject", owner), ctx.patient_id)


@pytest.mark.parametrize(
    ("kind", "element"), [("Task", "for"), ("ServiceRequest", "subject"), ("Consent", "patient")]
)
def test_nor_is_a_referral(
    ctx: Context, service: Service, agreed: ReferralRequest, person: Person, kind: str, element: str
) -> None:
    items = referral(ctx, service, agreed, person, "k")
    with pytest.raises(OthersRecord):
        only_theirs(forged(items, kind, element, {"reference": "Patient/child"}), ctx.patient_id)


def test_a_provenance_stands_where_its_targets_stand(ctx: Context, screen: Screen) -> None:
    items = screen({"hark": {}})
    other = [{"reference": "Observation/of-somebody-else"}]
    with pytest.raises(OthersRecord):
        only_theirs(forged(items, "Provenance", "target", other), ctx.patient_id)


def test_a_kind_that_we_do_not_write_is_refused(ctx: Context) -> None:
    body = {"resourceType": "RelatedPerson", "patient": {"reference": f"Patient/{ctx.patient_id}"}}
    with pytest.raises(OthersRecord):
        only_theirs([Labelled("k", "RelatedPerson", body, About.SCREEN)], ctx.patient_id)


def test_the_builder_itself_looks(ctx: Context, screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    """A builder that names somebody else gets nothing out of its room."""
    other = property(lambda _: {"reference": "Patient/somebody-else"})
    monkeypatch.setattr(Context, "patient", other)
    with pytest.raises(OthersRecord):
        screen({"hark": {}})
    with pytest.raises(OthersRecord):
        screen({}, recording=Recording.CONVERSATION)
    with pytest.raises(OthersRecord):
        not_done(ctx, "declined")


def test_a_message_names_nobody_else_and_points_into_no_record(
    ctx: Context, service: Service, agreed: ReferralRequest, person: Person
) -> None:
    bundle = message(ctx, service, agreed, person, "k", "https://app.example", ctx.at)
    assert one_person(bundle) == bundle

    second = deepcopy(bundle)
    second["entry"].append({"fullUrl": "urn:uuid:2", "resource": {"resourceType": "Patient"}})
    record = deepcopy(bundle)
    record["entry"][-1]["resource"]["for"] = {"reference": f"Patient/{ctx.patient_id}"}
    beside = deepcopy(bundle)
    beside["entry"][-1]["resource"]["owner"] = {"reference": "Organization/1"}
    nobody = deepcopy(bundle)
    nobody["entry"] = [one for one in nobody["entry"] if one["resource"]["resourceType"] != "Patient"]
    for wrong in (second, record, beside, nobody):
        with pytest.raises(OthersRecord):
            one_person(wrong)
