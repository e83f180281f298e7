"""What is printed or said where no message reaches a service: what the message says, and nothing else."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipvscreen.ipv.contact_words import rules
from ipvscreen.ipv.person import Person
from ipvscreen.ipv.referral import Agreement, ContactWay, ReferralRequest, SafeContact, Sharing
from ipvscreen.ipv.services import Kind, Service
from ipvscreen.messages import Message
from ipvscreen.resources.contact import SAFE_CONTACT
from ipvscreen.resources.context import NOBODY, Context
from ipvscreen.resources.letter import TITLE, Letter, letter_of
from ipvscreen.resources.message import message
from ipvscreen.resources.neutral import topic_word
from ipvscreen.resources.terminology import HELP_WORDS, Basis
from ipvscreen.sdc.form import Form

KEY = "5d5a3d0e-6f2b-4d0e-8f2b-1c1f6f0b9a11"
AT = datetime(2026, 3, 2, 10, 9, tzinfo=UTC)
BACK = "01632 960 444"
Read = Callable[..., Letter]


@pytest.fixture(scope="session")
def read(ctx: Context, service: Service, person: Person) -> Read:
    """The letter of a request, through the message."""

    def made(
        request: ReferralRequest,
        *,
        person: Person = person,
        context: Context = ctx,
        ring_back: str | None = BACK,
        **changes: Any,
    ) -> Letter:
        changed = replace(service, **({"endpoint": ""} | changes))
        return letter_of(
            message(context, changed, request, person, KEY, "https://app.example", AT, ring_back)
        )

    return made


def lines(letter: Letter) -> list[tuple[str, ...]]:
    return [section.lines for section in letter.sections]


def test_all_of_it_with_how_to_be_in_touch_first(read: Read, agreed: ReferralRequest) -> None:
    letter = read(agreed)

    assert (letter.service, letter.written) == ("The Willow group", AT)
    assert [section.heading for section in letter.sections] == [
        "How to be in touch: please read this first",
        "Who this is about",
        "What is wanted",
        "What was agreed",
        "From whom, and how to ring back",
    ]
    assert lines(letter) == [
        (*rules(agreed.contact), "07700 900123"),
        ("Sam Doe",),
        ("Someone who has been there", "Somewhere to live", "This is not marked as urgent."),
        (
            "The person has agreed that you are told what stands here, and nothing more.",
            "The person has agreed that you tell us whether you were in touch.",
            "This holds until 2 June 2026, that day included. After it, please make no use of this.",
        ),
        ("Dr Amina Clark", BACK),
    ]
    assert [section.listed for section in letter.sections] == [False, False, True, False, False]


def test_what_is_not_known_is_said(read: Read, ctx: Context, agreed: ReferralRequest, person: Person) -> None:
    unsaid = replace(agreed, help_wanted=frozenset(), urgent=True)
    nobody = replace(ctx, author_name=None)
    letter = read(unsaid, context=nobody, person=replace(person, name=None), ring_back=None)

    assert lines(letter)[1:3] == [
        ("No name is given.",),
        ("Nothing particular was named: please ask.", "This is urgent."),
    ]
    assert lines(letter)[4] == (NOBODY, "No number was set here: ring on the number that you know.")


def test_nothing_is_to_be_told_back(read: Read, agreed: ReferralRequest) -> None:
    letter = read(replace(agreed, agreement=Agreement(out=True, back=False, until=date(2026, 6, 2))))

    assert lines(letter)[3][1] == "The person has not agreed that you tell us anything back."


def test_she_rings_them_and_there_is_no_way_to_reach_her(read: Read, agreed: ReferralRequest) -> None:
    contact = SafeContact(ContactWay.SHE_CALLS, number="07700 900123", times="weekdays 10 to 12")
    letter = read(replace(agreed, contact=contact))

    assert lines(letter)[0] == ("Make no contact: the person will ring you.",)
    assert "07700" not in str(letter)
    assert "weekdays 10 to 12" not in str(letter)


def test_without_agreement_it_says_on_what_basis_and_no_reason(read: Read, agreed: ReferralRequest) -> None:
    sharing = Sharing("Dr Clark", Basis.SERIOUS_HARM, told=False, why_not_told="he reads her post")
    letter = read(replace(agreed, agreement=None, sharing=sharing))

    assert lines(letter)[3] == (
        "Sent without the person's agreement; basis: serious harm could otherwise follow; told: no."
        " Decided by Dr Clark.",
    )
    assert "he reads her post" not in str(letter)


def test_what_is_ours_in_a_letter_can_be_said_in_another_language(
    ctx: Context, service: Service, person: Person, agreed: ReferralRequest
) -> None:
    """Of all of it only names, numbers and what was typed are plain text: whatever is ours is a message."""
    sharing = Sharing("Dr Clark", Basis.CHILD, told=True)
    contact = replace(agreed.contact, code_word="lamp", review=date(2026, 4, 1))
    request = replace(agreed, agreement=None, sharing=sharing, contact=contact)
    nobody = replace(ctx, author_name=None)
    bundle = json.loads(
        json.dumps(message(nobody, service, request, person, KEY, "https://a.test", AT, BACK))
    )

    sections = letter_of(bundle, sharing).sections
    plain = [line for one in sections for line in one.lines if not isinstance(line, Message)]

    assert plain == ["07700 900123", "Sam Doe", BACK]
    assert all(isinstance(one.heading, Message) for one in sections)
    assert lines(letter_of(bundle, sharing)) == lines(letter_of(bundle)), "the same in English, from the text"


def test_a_name_cannot_turn_the_writing_round(read: Read, agreed: ReferralRequest, person: Person) -> None:
    letter = read(agreed, person=replace(person, name="Sam\u202e\u2028 Doe\n"))

    assert lines(letter)[1] == ("Sam  Doe",)


def test_an_extension_of_somebody_else_is_not_read(ctx: Context, service: Service, person: Person) -> None:
    contact = SafeContact(ContactWay.EMAIL, number="sam@example.org")
    request = ReferralRequest(
        "s-1", contact, agreement=Agreement(out=True, back=True, until=date(2026, 6, 2))
    )
    bundle = message(ctx, service, request, person, KEY, "https://app.example", AT)
    patient = bundle["entry"][1]["resource"]
    patient["extension"].append({"url": "https://other.example", "valueString": "Ring at night"})

    assert "Ring at night" not in str(letter_of(bundle))


def test_a_message_from_before_it_had_its_parts_is_read_in_its_sentences(
    ctx: Context, service: Service, person: Person, agreed: ReferralRequest
) -> None:
    bundle = message(ctx, service, agreed, person, KEY, "https://app.example", AT)
    patient = bundle["entry"][1]["resource"]
    before = letter_of(bundle).sections[0].lines
    patient["extension"] = [one for one in patient["extension"] if one["url"] != SAFE_CONTACT]

    assert letter_of(bundle).sections[0].lines == (" ".join(before[:-1]), before[-1])


def test_what_was_typed_cannot_turn_the_writing_round(read: Read, agreed: ReferralRequest) -> None:
    turned = SafeContact(
        ContactWay.LETTER,
        "\u202e1 Mill Lane",
        code_word="blue\u2028lamp",
        not_to_know="Jo\u202e {who}",
        review=date(2026, 4, 1),
    )
    told = lines(read(replace(agreed, contact=turned)))[0]

    assert told[:3] == (
        "Write only to this postal address: 1 Mill Lane.",
        "Must not know of this: Jo  {who}.",
        "Say this code word first: blue lamp.",
    )
    assert told[-1].startswith("All this is believed until 1 April 2026.")


contacts = st.one_of(
    st.builds(
        SafeContact,
        st.sampled_from([ContactWay.PHONE, ContactWay.TEXT]),
        number=st.just("07700 900123"),
        voicemail=st.booleans(),
        says_who=st.booleans(),
    ),
    st.just(SafeContact(ContactWay.LETTER, number="c/o the library, Mill Lane")),
    st.just(SafeContact(ContactWay.SHE_CALLS)),
)


@given(
    kind=st.sampled_from(Kind),
    contact=contacts,
    wanted=st.frozensets(st.sampled_from(sorted(HELP_WORDS))),
    urgent=st.booleans(),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_answer_no_item_and_no_score_to_any_kind_of_service(
    read: Read,
    forms: dict[str, Form],
    kind: Kind,
    contact: SafeContact,
    wanted: frozenset[str],
    urgent: bool,
) -> None:
    agreement = Agreement(out=True, back=True, until=date(2026, 6, 2))
    request = ReferralRequest("s-1", contact, wanted, agreement=agreement, urgent=urgent)
    told = str(read(request, kind=kind))

    questions = [item.text for form in forms.values() for item in form.questions() if item.text]
    assert len(questions) > 20
    assert [text for text in questions if text in told] == []
    assert topic_word(told) is None
    assert "score" not in told.lower()


def test_the_title_is_neutral() -> None:
    assert topic_word(TITLE) is None
