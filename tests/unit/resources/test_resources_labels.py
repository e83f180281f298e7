"""Labels: which, exactly one confidentiality code, none that is forbidden, and whether a server kept them."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipvscreen.ipv.draft import Recording
from ipvscreen.ipv.person import Person
from ipvscreen.ipv.referral import ReferralRequest
from ipvscreen.ipv.services import Service
from ipvscreen.ipv.visit import Door
from ipvscreen.resources.draft import Labelled, transaction_bundle
from ipvscreen.resources.labels import About, labelled, labelled_like, labels_of, lost
from ipvscreen.resources.referral import message, referral
from ipvscreen.resources.screening import Context, not_done
from ipvscreen.resources.terminology import NotDone
from ipvscreen.sdc.form import Form

ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CONF = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"

EXPECTED = {
    About.SCREEN: ["R", "SDV", "NOPAT"],
    About.QUICK: ["V", "SDV", "NOPAT"],
    About.FLAG: ["V", "SDV", "NOPAT", "NORDSCLCDS"],
    About.CONCERN: ["V", "SDV", "NOPAT", "NORDSCLCDS"],
    About.REFERRAL: ["R", "SDV", "NOPAT", "NORDSCLCDS"],
    About.CONTACT: ["V", "NORDSCLCDS"],
    About.BUNDLE: ["V"],
    About.MESSAGE: ["V"],
    About.DOCUMENT: ["R"],
    About.CONVERSATION: ["R", "NOPAT"],
    About.PROVENANCE: ["V", "SDV", "NOPAT"],
}
# Retired, or something else entirely (DV is Discover Card); and STU3 names of the systems.
FORBIDDEN = {(ACT, "VIO"), (ACT, "DV"), (ACT, "NORDSLCD"), (CONF, "SDV"), (CONF, "S"), (CONF, "T")}


@pytest.mark.parametrize("about", About)
def test_labels_by_what_it_is_about(about: About) -> None:
    labels = labels_of(about)
    assert [label["code"] for label in labels] == EXPECTED[about]
    assert [label["system"] for label in labels] == [CONF] + [ACT] * (len(labels) - 1)
    assert all(label.keys() == {"system", "code"} for label in labels), "a display would name the topic"


def test_labels_replace_others_and_keep_the_rest_of_meta() -> None:
    body = {"resourceType": "Flag", "meta": {"source": "#x", "security": [{"system": CONF, "code": "N"}]}}
    result = labelled(body, About.CONVERSATION)
    assert result["meta"] == {"source": "#x", "security": list(labels_of(About.CONVERSATION))}
    assert body["meta"]["security"] == [{"system": CONF, "code": "N"}]


def test_what_is_sent_again_has_the_labels_that_it_went_out_with() -> None:
    sent = {"meta": {"security": [{"system": CONF, "code": "V"}]}}
    stored = {"status": "entered-in-error", "meta": {"versionId": "3"}}
    again = labelled_like(stored, sent)
    assert again == {"status": "entered-in-error", "meta": {"versionId": "3"} | sent["meta"]}
    assert lost(sent, again) == ()


def test_a_label_that_the_server_dropped_is_named() -> None:
    sent = labelled({"resourceType": "Observation"}, About.SCREEN)
    stored = {"meta": {"security": [{"system": ACT, "code": "NOPAT"}, {"system": CONF, "code": "R"}]}}
    assert lost(sent, stored) == (f"{ACT}|SDV",)


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"meta": None},
        {"meta": {}},
        {"meta": "R"},
        {"meta": ["R"]},
        *(
            {"meta": {"security": one}}
            for one in (None, "R", 7, {"code": "R"}, ["R", "NOPAT"], [None, ["R"]])
        ),
        {"meta": {"security": [{"system": CONF, "code": ["R"]}, {"system": [ACT], "code": "NOPAT"}]}},
    ],
)
def test_no_meta_is_every_label_lost(stored: dict[str, Any]) -> None:
    sent = labelled({}, About.SCREEN)
    assert lost(sent, stored) == (f"{CONF}|R", f"{ACT}|SDV", f"{ACT}|NOPAT")


def test_a_code_of_another_system_is_not_the_label() -> None:
    old = "http://hl7.org/fhir/v3/Confidentiality"
    assert lost(labelled({}, About.BUNDLE), {"meta": {"security": [{"system": old, "code": "V"}]}}) == (
        f"{CONF}|V",
    )


def test_displays_and_order_do_not_matter() -> None:
    sent = labelled({}, About.SCREEN)
    stored = [{**label, "display": "any"} for label in reversed(labels_of(About.SCREEN))]
    assert lost(sent, {"meta": {"security": stored}}) == ()


def entered_for(form: Form) -> st.SearchStrategy[dict[str, tuple[str, ...]]]:
    """Any combination of answers, passes and gaps that the form offers."""
    controls = {
        item.link_id: st.sampled_from([(), ("pass",), *((option.code,) for option in item.options)])
        for item in form.questions()
        if item.type == "choice"
    }
    return st.fixed_dictionaries(controls)


def check(items: tuple[Labelled, ...]) -> None:
    for item in items:
        security = item.body["meta"]["security"]
        assert [label["code"] for label in security] == EXPECTED[item.about]
        assert sum(label["system"] == CONF for label in security) == 1
        assert not FORBIDDEN & {(label["system"], label["code"]) for label in security}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_resource_of_every_visit_is_labelled(
    data: st.DataObject, forms: dict[str, Form], screen: Callable[..., tuple[Labelled, ...]]
) -> None:
    names = data.draw(st.sampled_from([("hark", "aas-1", "quick"), ("aas", "quick"), ("hark",), ()]))
    items = screen(
        {name: data.draw(entered_for(forms[name])) for name in names},
        recording=data.draw(st.sampled_from(Recording)),
        flag=data.draw(st.booleans()),
        concern=data.draw(st.booleans()),
        door=data.draw(st.sampled_from([None, *Door])),
        declined=data.draw(st.booleans()),
    )
    check(items)
    assert all(item.about is not About.SCREEN or item.kind != "Flag" for item in items)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_labels_and_count_do_not_tell_the_result(
    data: st.DataObject, forms: dict[str, Form], screen: Callable[..., tuple[Labelled, ...]]
) -> None:
    def seen() -> list[tuple[str, str, list[dict[str, str]]]]:
        entered = {name: data.draw(entered_for(forms[name])) for name in ("hark", "aas-1", "quick")}
        items = screen(entered, declined=data.draw(st.booleans()))
        return [(item.key, item.kind, item.body["meta"]["security"]) for item in items]

    assert seen() == seen()


@pytest.mark.parametrize("reason", NotDone)
def test_not_done_is_labelled_as_a_screen(ctx: Context, reason: NotDone) -> None:
    items = not_done(ctx, reason)
    check(items)
    assert {item.about for item in items} == {About.SCREEN}


def test_a_referral_is_labelled_and_a_message_twice_over(
    ctx: Context, service: Service, agreed: ReferralRequest, person: Person
) -> None:
    items = referral(ctx, service, agreed, person, "k")
    check(items)
    assert {item.about for item in items} == {About.REFERRAL}
    bundle = message(ctx, service, agreed, person, "k", "https://app.example", ctx.at)
    resources = [entry["resource"] for entry in bundle["entry"]]
    codes = {r["resourceType"]: [label["code"] for label in r["meta"]["security"]] for r in resources}
    assert codes.pop("MessageHeader") == ["V"]
    assert codes.pop("Patient") == ["V", "NORDSCLCDS"]
    assert set(map(tuple, codes.values())) == {("V", "NORDSCLCDS")}
    assert [label["code"] for label in bundle["meta"]["security"]] == ["V"]


def test_a_transaction_shows_only_a_confidentiality_code(screen: Callable[..., tuple[Labelled, ...]]) -> None:
    bundle = transaction_bundle(screen({"hark": {}}), conditional=False)
    assert bundle["meta"]["security"] == [{"system": CONF, "code": "V"}]


def test_an_entry_that_was_hidden_since_has_kept_its_lower_confidentiality() -> None:
    def with_level(level: str) -> dict[str, Any]:
        return {"meta": {"security": [{"system": CONF, "code": level}]}}

    assert lost(with_level("R"), with_level("V")) == ()
    assert lost(with_level("V"), with_level("R")) == (f"{CONF}|V",)
    assert lost(with_level("R"), with_level("unheard-of")) == (f"{CONF}|R",)
