"""Everything that we write, read by models that no one here wrote: fhirclient's, of FHIR R4 4.0.1, strict.

fhir.resources has R4B and no R4. R4B differs from R4 in types that we do not use; this holds every element
that we do use against R4 itself.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from fhirclient.models.bundle import Bundle
from fhirclient.models.fhirabstractbase import FHIRValidationError
from fhirclient.models.fhirelementfactory import FHIRElementFactory

from ipvscreen.ipv.draft import Recording
from ipvscreen.ipv.person import Person
from ipvscreen.ipv.referral import Agreement, ContactWay, ReferralRequest, SafeContact, Sharing
from ipvscreen.ipv.services import Service
from ipvscreen.ipv.visit import Door
from ipvscreen.resources.draft import Labelled, transaction_bundle
from ipvscreen.resources.fitting import document, note
from ipvscreen.resources.model import MODELS
from ipvscreen.resources.referral import message, referral
from ipvscreen.resources.screening import Context, not_done

Screen = Callable[..., tuple[Labelled, ...]]
COMMON = {"resourceType", "meta", "identifier"}
USED: dict[str, str] = {
    "Communication": "status subject encounter sent payload",
    "Condition": (
        "clinicalStatus verificationStatus category code subject encounter recordedDate recorder evidence"
    ),
    "Consent": "status scope category patient dateTime performer policyRule provision",
    "DocumentReference": "status docStatus type category subject date author securityLabel content context",
    "Flag": "status category code subject encounter period author",
    "MessageHeader": "eventCoding destination sender source focus",
    "Observation": (
        "status category code subject encounter effectiveDateTime issued performer hasMember derivedFrom "
        "valueCodeableConcept valueQuantity dataAbsentReason component"
    ),
    "Patient": "extension name telecom",
    "Procedure": "status code subject encounter performedDateTime performer",
    "Provenance": "target recorded agent",
    "QuestionnaireResponse": "questionnaire status subject encounter authored author source item",
    "ServiceRequest": (
        "status intent priority code orderDetail subject encounter authoredOn requester performer "
        "supportingInfo note"
    ),
    "Task": "status businessStatus intent priority code focus for encounter authoredOn requester owner input",
}


@pytest.fixture(scope="module")
def written(
    screen: Screen, ctx: Context, service: Service, agreed: ReferralRequest, person: Person
) -> list[dict[str, Any]]:
    """One of everything that can be written or sent."""
    aas = {"aas-2": ("yes",), "aas-2-whom": ("partner",), "aas-2-times": ("2",), "aas-3": ("pass",)}
    hark = {link_id: ("LA33-6",) for link_id in ("76500-8", "76501-6", "76502-4", "76503-2")}
    rings = replace(agreed, contact=SafeContact(ContactWay.SHE_CALLS))
    shared = replace(rings, agreement=None, sharing=Sharing("Dr Amina Clark", "court", told=True))
    no_way_back = replace(agreed, agreement=Agreement(out=True, back=False, until=date(2026, 6, 2)))
    drafts = [
        *screen(
            {"hark": hark, "aas-1": {"aas-1": ("pass",)}, "quick": {"neck": ("no",)}}, flag=True, concern=True
        ),
        *screen({"aas": aas}, context=replace(ctx, author=None, encounter_id=None)),
        *screen({}, door=Door.TOLD),
        *screen({}, recording=Recording.CONVERSATION),
        *not_done(ctx, "declined"),
        *(
            item
            for request in (agreed, shared, no_way_back)
            for item in referral(ctx, service, request, person, "k")
        ),
    ]
    at = datetime(2026, 3, 2, 10, 9, tzinfo=UTC)
    messages = [message(ctx, service, r, person, "k", "https://app.example", at) for r in (agreed, shared)]
    form, asked = drafts[0], next(item for item in drafts if item.kind == "ServiceRequest")
    drafts += [document(form), note(asked)]
    transaction = transaction_bundle(drafts[:12], conditional=True)
    inside = [entry["resource"] for bundle in messages for entry in bundle["entry"]]
    return [*(item.body for item in drafts), *inside, *messages, transaction]


def test_r4_reads_it_strictly_and_gives_it_back_unchanged(written: list[dict[str, Any]]) -> None:
    assert len(written) > 40
    for body in written:
        assert FHIRElementFactory.instantiate(body["resourceType"], body).as_json() == body


def test_the_first_reader_gives_it_back_unchanged(written: list[dict[str, Any]]) -> None:
    """What is sent is a copy of what was made, not what the model prints; both are the same."""
    for body in written:
        model = MODELS[body["resourceType"]].model_validate(body)
        assert json.loads(model.model_dump_json(exclude_none=True)) == body


def test_the_second_reader_would_refuse_what_r4_does_not_know(written: list[dict[str, Any]]) -> None:
    flag = next(body for body in written if body["resourceType"] == "Flag")
    with pytest.raises(FHIRValidationError, match="surprise"):
        FHIRElementFactory.instantiate("Flag", {**flag, "surprise": 1})


def test_a_bundle_is_read_strictly(written: list[dict[str, Any]]) -> None:
    bundles = [body for body in written if body["resourceType"] == "Bundle"]
    assert len(bundles) == 3
    for body in bundles:
        assert len(Bundle(body, strict=True).entry) == len(body["entry"])


def test_the_elements_that_we_use_are_these_and_both_versions_have_them(
    written: list[dict[str, Any]],
) -> None:
    found: dict[str, set[str]] = {}
    for body in written:
        found.setdefault(body["resourceType"], set()).update(body)
    found.pop("Bundle")
    used = {kind: set(elements.split()) for kind, elements in USED.items()}
    assert {kind: elements - COMMON for kind, elements in found.items()} == used
    for kind, elements in used.items():
        r4 = FHIRElementFactory.instantiate(kind, None).elementProperties()
        r4_lists = {json_name: is_list for _, json_name, _, is_list, _, _ in r4}
        fields = {field.alias or name: field for name, field in MODELS[kind].model_fields.items()}
        for element in elements:
            r4b_is_list = "List[" in str(fields[element].annotation)
            assert r4b_is_list is r4_lists[element], f"{kind}.{element}"
