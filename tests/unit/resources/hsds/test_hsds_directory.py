"""A whole directory in HSDS 3.0: what is taken, and that nested and tabular say the same."""

import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ipvscreen.ipv.matching import match
from ipvscreen.ipv.person import Setting, Sex
from ipvscreen.ipv.services import Access, ByAndFor, Kind, Meeting, Need, Places, Risk, Service, Verdict
from ipvscreen.resources.directory import kept_service, resource_of, service_of
from ipvscreen.resources.directory_report import Fate, Reading
from ipvscreen.resources.hsds.as_json import parsed
from ipvscreen.resources.hsds.reading import read_json, read_tables

sys.path.insert(0, str(Path(__file__).parent))  # with importlib the folder is not on it
from made import page, rows, tables

SIGNED = date(2026, 1, 15)


def nested(body: Any) -> Reading:
    return read_json("d.json", parsed("d.json", json.dumps(body).encode()))


def by_kind(reading: Reading) -> dict[Kind, Service]:
    return {service.kind: service for service in reading.services}


def test_every_service_of_a_page_is_taken() -> None:
    reading = nested(page())
    assert (reading.found, len(reading.services)) == (7, 7)
    assert all(remark.fate is not Fate.LEFT_OUT for remark in reading.remarks)


def test_what_is_read_of_a_service() -> None:
    mothers = by_kind(nested(page()))[Kind.MENTOR_MOTHER]
    assert mothers == Service(
        id=page()["contents"][0]["id"],
        kind=Kind.MENTOR_MOTHER,
        name="Mentor Mothers of Millbrook",
        short_name="Millbrook mothers",
        for_whom="For mothers of young children and pregnant women who are or were hurt at home.",
        hours="Mon, Tue, Wed, Thu, Fri 09:00–17:00",
        phone="+44 1632 960602",
        reply_hours=48,
        endpoint="https://mothers.example/fhir",
        sexes=frozenset({Sex.FEMALE}),
        age_from=16,
        needs_children_or_pregnancy=True,
        child_age_to=4,
        settings=frozenset({Setting.GP, Setting.ANTENATAL}),
        area_words="Millbrook and Weir",
        languages=frozenset({"en", "ur"}),
        supervision="Ada Lind, health visitor",
        meeting=frozenset({Meeting.NEUTRAL, Meeting.ONLINE}),
        places=Places.FREE,
        places_on=date(2026, 2, 27),
        checked_on=date(2026, 2, 10),
        contact_rules_signed=SIGNED,
    )


def test_what_is_read_of_the_others() -> None:
    found = by_kind(nested(page()))
    group, refuge = found[Kind.PEER_GROUP], found[Kind.REFUGE]
    assert (group.phone, group.hours) == ("01632 960610 ext. 4", "Tuesdays, 18:30 to 20:00, in school terms")
    assert (group.clinical_partner, group.risk_to, group.trial) == (
        "Dr Lea Moor, clinical psychologist",
        Risk.MEDIUM,
        True,
    )
    assert (group.areas, group.area_words) == ({"E06000999", "E06000998"}, "Millbrook; Weir")
    assert (group.no_access, group.access) == ({Access.STEP_FREE}, {Access.HEARING_LOOP})
    assert (refuge.excluded_areas, refuge.boys_to, refuge.takes_no_public_funds) == ({"E06000999"}, 13, False)
    assert found[Kind.HIGH_RISK].phone == "0808 157 0612"
    assert (found[Kind.HIGH_RISK].risk_from, found[Kind.HIGH_RISK].age_from) == (Risk.HIGH, 16)
    assert (found[Kind.CHILDREN].age_from, found[Kind.CHILDREN].age_to) == (5, 11)
    assert found[Kind.CHILDREN].by_and_for == {ByAndFor.BLACK_MINORITISED}
    assert found[Kind.USES_VIOLENCE].other_support == "the Harbour team"
    assert found[Kind.USES_VIOLENCE].phone == "01632 960500", "of the organisation, never of a named contact"


def test_tables_say_the_same() -> None:
    from_tables, from_json = read_tables(tables()), nested(page())
    assert from_tables.services == from_json.services
    told = {(one.service, one.fate, one.sentence) for one in from_json.remarks}
    assert told <= {(one.service, one.fate, one.sentence) for one in from_tables.remarks}


def test_a_list_one_service_and_an_organisation_are_read_as_well() -> None:
    contents = page()["contents"]
    assert nested(contents).services == nested(page()).services
    assert nested(contents[3]).services == nested([contents[3]]).services
    whose = {"id": "o", "name": "Trust", "services": contents[:2]}
    assert nested(whose).services == nested(contents[:2]).services


def test_what_is_said_of_what_is_taken() -> None:
    told = [str(one) for one in nested(page()).remarks]
    place = "contents[2].service_at_locations[0].location"
    assert told == [
        "contents[0].languages[2]: Mentor Mothers of Millbrook: a language without an ISO 639 code is not"
        " compared. (dropped)",
        f"{place}.addresses[0]: House for women: a refuge has an address here; it is not stored. (dropped)",
        f"{place}: House for women: a refuge has an address here; it is not stored. (dropped)",
        "contents[5]: Children's mental health service: has not signed the contact rules: it is listed and"
        " not offered. (noted)",
        "contents[5]: Children's mental health service: has no endpoint: it is listed with its number, and"
        " nothing can be sent to it. (noted)",
    ]


def test_in_tables_a_line_has_its_row() -> None:
    told = [str(one) for one in read_tables(tables()).remarks]
    assert "contacts.csv: is not read. (noted)" in told
    assert (
        "addresses.csv, row 4: House for women: a refuge has an address here; it is not stored. (dropped)"
        in told
    )


def test_what_is_stored_is_what_was_read_and_nothing_else() -> None:
    for service in nested(page()).services:
        kept = json.loads(json.dumps(resource_of(service)))
        assert kept_service(kept) == service_of(kept) == service
    everything = json.dumps([resource_of(service) for service in nested(page()).services])
    for hidden in (
        "Hidden Terrace",
        "Quiet Quarter",
        "QZ9",
        "51.1234",
        "Library Walk",
        "Ann Other",
        "960999",
    ):
        assert hidden not in everything
    assert "House for women" in everything


WOMAN = Need(
    age=30,
    sex=Sex.FEMALE,
    setting=Setting.GP,
    current=True,
    past=False,
    danger=False,
    day=date(2026, 3, 2),
    children=True,
    pregnant=False,
    risk=Risk.MEDIUM,
    area="E06000999",
)


def test_verdict_and_decisive_reason_of_each() -> None:
    found = {one.service.kind: one for one in match(read_tables(tables()).services, WOMAN)}
    assert {kind: (one.verdict, one.reasons[0]) for kind, one in found.items()} == {
        Kind.MENTOR_MOTHER: (
            Verdict.YES,
            "For a child aged 0 to 4; the children's ages are not known, so ask.",
        ),
        Kind.PEER_GROUP: (
            Verdict.YES,
            "Not to be had there: access without steps; ask whether that is needed.",
        ),
        Kind.REFUGE: (Verdict.NO, "They take nobody from this patient's area."),
        Kind.HIGH_RISK: (
            Verdict.BETWEEN,
            "The risk is too low for them: they take it from high to high.",
        ),
        Kind.CHILDREN: (Verdict.YES, "For a child aged 5 to 11; the children's ages are not known, so ask."),
        Kind.CHILDREN_MENTAL_HEALTH: (Verdict.NO, "Contact rules not signed: cannot be offered."),
        Kind.USES_VIOLENCE: (
            Verdict.NO,
            "For people who say that they use violence; this was not said and is never inferred.",
        ),
    }


def test_rows_are_the_fields_of_the_page() -> None:
    """The helper leaves no service and no attribute out."""
    assert len(rows()["services"]) == 7
    assert len(rows()["attributes"]) == sum(len(one["attributes"]) for one in page()["contents"])


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_european_spreadsheet_is_read(delimiter: str, mark: str) -> None:
    assert read_tables(tables(delimiter=delimiter, mark=mark)).services == nested(page()).services
