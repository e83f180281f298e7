"""The message to a service: self-contained, and nothing of what was asked or answered in it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipvscreen.ipv.child import Child
from ipvscreen.ipv.person import Person
from ipvscreen.ipv.referral import Agreement, ContactWay, ReferralRequest, Release, SafeContact, Sharing
from ipvscreen.ipv.services import Kind, Service
from ipvscreen.resources.contact import (
    CONTACT_RULES,
    SAFE_CONTACT,
    contact_extensions,
    contact_of,
    contact_rules,
)
from ipvscreen.resources.context import NOBODY, Context
from ipvscreen.resources.labels import DEFAULT
from ipvscreen.resources.letter import letter_of
from ipvscreen.resources.message import message
from ipvscreen.resources.neutral import topic_word
from ipvscreen.resources.policy import WritePolicy
from ipvscreen.resources.terminology import HELP_WORDS, Basis
from ipvscreen.sdc.form import Form

KEY = "5d5a3d0e-6f2b-4d0e-8f2b-1c1f6f0b9a11"
AT = datetime(2026, 3, 2, 10, 9, tzinfo=UTC)
Sent = Callable[..., dict[str, Any]]
DS4P = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label"
CODES = "http://terminology.hl7.org/CodeSystem"
INLINE_LABELS = [
    {"url": DS4P, "valueCoding": {"system": f"{CODES}/v3-Confidentiality", "code": "V"}},
    {"url": DS4P, "valueCoding": {"system": f"{CODES}/v3-ActCode", "code": "PATLOC"}},
]


@pytest.fixture(scope="session")
def sent(ctx: Context, service: Service, person: Person) -> Sent:
    marking = replace(ctx, policy=WritePolicy(labels=replace(DEFAULT, inline=True)))

    def made(
        request: ReferralRequest, *, person: Person = person, context: Context = marking, **changes: Any
    ) -> dict[str, Any]:
        return message(context, replace(service, **changes), request, person, KEY, "https://app.example", AT)

    return made


def resources(bundle: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {entry["resource"]["resourceType"]: entry["resource"] for entry in bundle["entry"]}


def test_a_message_with_its_header_first(sent: Sent, agreed: ReferralRequest) -> None:
    bundle = sent(agreed)
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "message")
    assert bundle["identifier"]["value"] == f"urn:uuid:{KEY}"
    assert bundle["timestamp"] == "2026-03-02T10:09:00Z"
    kinds = [entry["resource"]["resourceType"] for entry in bundle["entry"]]
    assert kinds == ["MessageHeader", "Patient", "Consent", "ServiceRequest", "Task"]
    header = bundle["entry"][0]["resource"]
    assert header["eventCoding"]["code"] == "referral-new"
    assert header["destination"] == [{"name": "The Willow group", "endpoint": "https://willow.example/fhir"}]
    assert header["source"] == {"name": "Health questionnaire", "endpoint": "https://app.example"}
    assert header["sender"] == {"display": "Dr Amina Clark"}
    assert header["focus"] == [{"reference": bundle["entry"][-1]["fullUrl"]}]


def test_the_same_referral_is_the_same_message(sent: Sent, agreed: ReferralRequest) -> None:
    assert sent(agreed) == sent(agreed)


def test_nothing_points_outside(sent: Sent, agreed: ReferralRequest) -> None:
    bundle = sent(agreed)
    inside = {entry["fullUrl"] for entry in bundle["entry"]}
    assert len(inside) == len(bundle["entry"])
    found = list(references(bundle))
    assert len(found) >= 7
    assert set(found) <= inside


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        value = list(value.values())
    for part in value if isinstance(value, list) else ():
        yield from references(part)


def test_the_patient_is_a_name_and_a_safe_way(sent: Sent, agreed: ReferralRequest) -> None:
    patient = resources(sent(agreed))["Patient"]
    patient.pop("meta")
    assert patient == {
        "resourceType": "Patient",
        "extension": [
            {"url": CONTACT_RULES, "valueString": contact_rules(agreed.contact)},
            {
                "url": SAFE_CONTACT,
                "extension": [
                    {"url": "way", "valueCode": "phone"},
                    {"url": "times", "valueString": "weekdays 10 to 12"},
                ],
            },
        ],
        "name": [{"text": "Sam Doe"}],
        "telecom": [{"system": "phone", "value": "07700 900123", "extension": INLINE_LABELS}],
    }


def test_a_person_without_a_name_is_sent_without(sent: Sent, agreed: ReferralRequest) -> None:
    assert "name" not in resources(sent(agreed, person=Person(None, None)))["Patient"]


def test_an_unknown_clinician(sent: Sent, agreed: ReferralRequest, ctx: Context) -> None:
    found = resources(sent(agreed, context=replace(ctx, author_name=None)))
    assert found["MessageHeader"]["sender"] == found["Task"]["requester"] == {"display": NOBODY}


@pytest.mark.parametrize(
    ("way", "system", "value"),
    [
        (ContactWay.PHONE, "phone", "07700 900123"),
        (ContactWay.TEXT, "sms", "07700 900123"),
        (ContactWay.EMAIL, "email", "sam@safe.example"),
    ],
)
def test_how_she_is_reached(
    sent: Sent, agreed: ReferralRequest, way: ContactWay, system: str, value: str
) -> None:
    patient = resources(sent(replace(agreed, contact=SafeContact(way, number=value))))["Patient"]
    assert patient["telecom"] == [{"system": system, "value": value, "extension": INLINE_LABELS}]


def test_a_letter_and_ringing_herself_need_no_number(sent: Sent, agreed: ReferralRequest) -> None:
    letter = SafeContact(ContactWay.LETTER, number="c/o Ann, 1 High Street")
    patient = resources(sent(replace(agreed, contact=letter)))["Patient"]
    assert "telecom" not in patient
    assert "c/o Ann, 1 High Street" in patient["extension"][0]["valueString"]
    rings = SafeContact(ContactWay.SHE_CALLS, number="07700 900123")
    patient = resources(sent(replace(agreed, contact=rings)))["Patient"]
    assert "07700" not in json.dumps(patient)
    assert patient["extension"][0]["valueString"] == "Make no contact: the person will ring you."


_LAST = "letter, email, messages in a portal or an app, saying who you are"
ALL_SAFE = SafeContact(
    ContactWay.TEXT,
    "07700 900123",
    "mornings",
    voicemail=True,
    letter=True,
    email=True,
    says_who=True,
    portal=True,
)


def test_contact_rules_say_no_to_all_that_was_not_said_to_be_safe() -> None:
    rules = contact_rules(SafeContact(ContactWay.PHONE, number="07700 900123"))
    assert "Times: none given. Safe: nothing else." in rules
    assert f"Not safe: voicemail, text message, {_LAST}." in rules
    assert "If another person answers, do not say why you rang." in rules
    rules = contact_rules(ALL_SAFE)
    assert f"Times: mornings. Safe: voicemail, text message, {_LAST}." in rules
    assert "Not safe: nothing else." in rules


def test_contact_rules_say_who_must_not_know_the_code_word_and_until_when() -> None:
    rules = contact_rules(replace(ALL_SAFE, code_word="lamp", not_to_know="Jo", review=date(2026, 4, 1)))
    assert rules.startswith(
        "Send a text to the number given, and use no other way. Must not know of this: Jo."
        " Say this code word first: lamp. Times: mornings."
    )
    assert rules.endswith(
        "All this is believed until 1 April 2026. After that day, ask again before you use this."
    )
    rings = SafeContact(ContactWay.SHE_CALLS, code_word="lamp", not_to_know="Jo", review=date(2026, 4, 1))
    assert contact_rules(rings) == "Must not know of this: Jo. Make no contact: the person will ring you."


TYPED = st.none() | st.text(min_size=1, max_size=300)


@given(
    way=st.sampled_from(ContactWay),
    safe=st.tuples(*[st.booleans()] * 6),
    times=TYPED,
    code_word=TYPED,
    not_to_know=TYPED,
    review=st.none() | st.dates(),
)
def test_the_parts_say_all_that_the_sentences_say(
    way: ContactWay,
    safe: tuple[bool, ...],
    times: str | None,
    code_word: str | None,
    not_to_know: str | None,
    review: date | None,
) -> None:
    number = "sam@safe.example" if way is ContactWay.EMAIL else "07700 900123"
    contact = SafeContact(way, number, times, *safe, code_word, not_to_know, review)
    reached = (
        {"telecom": [{"value": number}]}
        if way in (ContactWay.PHONE, ContactWay.TEXT, ContactWay.EMAIL)
        else {}
    )
    patient = json.loads(json.dumps({"extension": contact_extensions(contact)} | reached))

    read = contact_of(patient)

    assert read is not None
    assert contact_rules(read) == contact_rules(contact)
    if way is ContactWay.SHE_CALLS:
        assert read == SafeContact(way, not_to_know=not_to_know), "nothing that would help to reach her"
    else:
        assert read == contact
    assert contact_of({"extension": patient["extension"][:1]}) is None


def test_help_wanted(sent: Sent, agreed: ReferralRequest) -> None:
    wanted = resources(sent(agreed))["Task"]["input"]
    displays = [one["valueCodeableConcept"]["coding"][0]["display"] for one in wanted]
    assert displays == ["Someone who has been there", "Somewhere to live"]
    for nothing in (frozenset(), frozenset({"nothing-now"})):
        assert "input" not in resources(sent(replace(agreed, help_wanted=nothing)))["Task"]
    with pytest.raises(ValueError, match="a-pony"):
        sent(replace(agreed, help_wanted=frozenset({"a-pony"})))


def test_sharing_without_agreement_is_said_and_there_is_no_consent(
    sent: Sent, agreed: ReferralRequest
) -> None:
    sharing = Sharing("Dr Amina Clark", Basis.CHILD, told=True)
    found = resources(sent(replace(agreed, agreement=None, sharing=sharing)))
    assert "Consent" not in found
    assert found["ServiceRequest"]["note"][0]["text"].startswith("Sent without the person's agreement")


REQUESTS = st.builds(
    ReferralRequest,
    service_id=st.just("s-1"),
    contact=st.builds(
        SafeContact,
        way=st.sampled_from([way for way in ContactWay if way is not ContactWay.EMAIL]),
        number=st.just("07700 900123"),
        times=st.sampled_from([None, "weekdays"]),
        voicemail=st.booleans(),
        text=st.booleans(),
        letter=st.booleans(),
        email=st.booleans(),
        says_who=st.booleans(),
    ),
    help_wanted=st.frozensets(st.sampled_from(sorted(HELP_WORDS))),
    agreement=st.builds(Agreement, out=st.just(True), back=st.booleans(), until=st.just(date(2026, 6, 2))),
    urgent=st.booleans(),
    release=st.none() | st.just(Release(date(2026, 3, 2), date(2026, 6, 2))),
)
SHARINGS = st.none() | st.builds(
    Sharing,
    decided_by=st.just("Dr Amina Clark"),
    basis=st.sampled_from(Basis),
    told=st.booleans(),
    why_not_told=st.just("he abuses her"),
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(request=REQUESTS, sharing=SHARINGS, kind=st.sampled_from(Kind))
def test_no_answer_no_item_and_no_score_in_any_message(
    sent: Sent,
    strings: Callable[[Any], Iterator[str]],
    forms: dict[str, Form],
    request: ReferralRequest,
    sharing: Sharing | None,
    kind: Kind,
) -> None:
    if sharing:
        request = replace(request, agreement=None, sharing=sharing)
    bundle = sent(request, kind=kind)
    kinds = {entry["resource"]["resourceType"] for entry in bundle["entry"]}
    assert kinds <= {"MessageHeader", "Patient", "Consent", "ServiceRequest", "Task"}
    texts = set(strings(bundle))
    everything = json.dumps(bundle)
    for item in (item for form in forms.values() for item in form.questions()):
        assert item.link_id not in texts
        assert item.text not in everything
    for form in forms.values():
        assert form.url not in everything
    for unsaid in ("loinc.org", "LA33-6", "7650", "linkId", "valueQuantity", "score", "he abuses her"):
        assert unsaid not in everything
    for identifying in ("1990", "patient-88", "visit-77", "encounter-99"):
        assert identifying not in everything
    assert resources(bundle)["Patient"].keys() <= {"resourceType", "meta", "extension", "name", "telecom"}
    assert "Practitioner/66" not in everything
    assert [topic_word(text) for text in texts if topic_word(text)] == []


@pytest.mark.parametrize(("age", "words"), [(7, "For a child aged 7"), (None, "For a child")])
def test_for_whom_it_is_stands_first_where_it_is_for_a_child(
    sent: Sent, agreed: ReferralRequest, age: int | None, words: str
) -> None:
    """In the message and in the letter made of it; the control is for the person."""
    bundle = sent(replace(agreed, child=Child(age)))
    first, *others = resources(bundle)["Task"]["input"]
    assert first == {"type": {"text": "For whom"}, "valueCodeableConcept": {"text": words}}
    assert others == resources(sent(agreed))["Task"]["input"]
    assert letter_of(bundle).sections[2].lines[0] == words
    assert words not in letter_of(sent(agreed)).sections[2].lines
    alone = sent(replace(agreed, child=Child(age), help_wanted=frozenset()))
    assert resources(alone)["Task"]["input"] == [first]
