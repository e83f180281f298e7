"""What is wrong in an HSDS file: a plain sentence with its place, and never a service without its rules."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ipvscreen.resources.directory_report import Fate, Reading
from ipvscreen.resources.hsds.as_json import parsed
from ipvscreen.resources.hsds.limits import LARGEST
from ipvscreen.resources.hsds.reading import read_json, read_tables
from ipvscreen.resources.service_parts import TAXONOMY
from ipvscreen.sdc.strict import DEEPEST

sys.path.insert(0, str(Path(__file__).parent))  # with importlib the folder is not on it
from made import Body, Rows, page, rows, tables

MOTHERS = "Mentor Mothers of Millbrook"


def nested(body: Any) -> Reading:
    return read_json("d.json", parsed("d.json", json.dumps(body).encode()))


def left_out(reading: Reading) -> list[str]:
    return [str(one) for one in reading.remarks if one.fate is Fate.LEFT_OUT]


def attribute(service: Body, code: str) -> Body:
    found: Body = next(one for one in service["attributes"] if one["taxonomy_term"]["code"] == code)
    return found


def setting(name: str, value: Any) -> Callable[[Body], None]:
    return lambda service: service.update({name: value})


def saying(code: str, value: str) -> Callable[[Body], None]:
    return lambda service: attribute(service, code).update(value=value)


def twice(code: str) -> Callable[[Body], None]:
    return lambda service: service["attributes"].append(attribute(service, code))


def without(code: str) -> Callable[[Body], None]:
    return lambda service: service["attributes"].remove(attribute(service, code))


def unknown(service: Body) -> None:
    attribute(service, "sex")["taxonomy_term"]["code"] = "colour"


def termless(service: Body) -> None:
    del attribute(service, "sex")["taxonomy_term"]


def misplaced(service: Body) -> None:
    service["organization"]["attributes"] = [attribute(service, "sex")]


def quiet(service: Body) -> None:
    service["phones"], service["organization"]["phones"] = [], []


def timeless(service: Body) -> None:
    service["schedules"] = [{"id": "x", "byday": "1MO", "opens_at": "09:00", "closes_at": "17:00"}]


A = "contents[0]"
SEX, PLACES_ON = f"{A}.attributes[4]", f"{A}.attributes[12]"


@pytest.mark.parametrize(
    ("change", "place", "sentence"),
    [
        (setting("id", ""), A, "has no 'id'."),
        (setting("id", "a b"), A, "its id may hold letters, digits, '-' and '.', 64 at most."),
        (setting("status", "temporarily closed"), A, "its status is 'temporarily closed', not 'active'."),
        (setting("status", None), A, "its status is '', not 'active'."),
        (setting("minimum_age", "twelve"), A, "its 'minimum_age' is not a whole number of years."),
        (setting("minimum_age", 12.5), A, "its 'minimum_age' is not a whole number of years."),
        (setting("maximum_age", 15), A, "its greatest age is below its least."),
        (
            setting("assured_date", "10/02/2026"),
            A,
            "its 'assured_date' cannot be '10/02/2026': a day as 2026-03-02.",
        ),
        (saying("kind", "spa"), A, "its 'kind' cannot be 'spa': one of mentor-mother, peer-mentor, "),
        (saying("short-name", "Domestic line"), A, "its short name must be neutral, without 'Domestic'."),
        (saying("reply-hours", "0"), A, f"{A}.attributes[2]: its 'reply-hours' cannot be 0: one or more."),
        (saying("reply-hours", "soon"), A, "its 'reply-hours' cannot be 'soon': a whole number."),
        (saying("needs-children-or-pregnancy", "y"), A, "cannot be 'y': yes or no."),
        (saying("sex", ""), A, f"{SEX}: its 'sex' has no value."),
        (saying("endpoint", "http://mothers.example"), A, "its endpoint must be an https address."),
        (
            saying("places-on", "2026-02-30"),
            A,
            "its 'places-on' cannot be '2026-02-30': a day as 2026-03-02.",
        ),
        (
            saying("supervision", "=HYPERLINK(1)"),
            A,
            "its supervision begins like a formula of a spreadsheet.",
        ),
        (setting("name", "@SUM(A1)"), A, "its name begins like a formula of a spreadsheet."),
        (setting("name", "-cmd"), A, "its name begins like a formula of a spreadsheet."),
        (
            setting("eligibility_description", "For\u202e all"),
            A,
            "its for whom holds a character that no text may hold.",
        ),
        (setting("eligibility_description", "x" * 2001), A, "its for whom is longer than 2000 characters."),
        (
            setting("phones", [{"id": "p", "number": "ring the bell"}]),
            A,
            "its telephone number is not a number.",
        ),
        (setting("phones", ["01632"]), A, f"{A}.phones[0]: is not an object."),
        (unknown, A, f"{SEX}: 'colour' is not one of our terms."),
        (termless, A, f"{SEX}: names a term that is not there."),
        (twice("kind"), A, "needs exactly one 'kind'."),
        (without("kind"), A, "needs exactly one 'kind'."),
        (without("short-name"), A, "needs exactly one 'short-name'."),
        (setting("schedules", []), A, "needs exactly one 'schedules'."),
        (timeless, A, "needs exactly one 'schedules'."),
        (
            misplaced,
            A,
            f"{A}.organization.attributes[0]: has a term of ours; such a term belongs to a service.",
        ),
        (quiet, A, "has no telephone number."),
    ],
)
def test_a_service_that_cannot_be_read_is_left_out_with_a_sentence(
    change: Callable[[Body], None], place: str, sentence: str
) -> None:
    body = page()
    change(body["contents"][0])
    reading = nested(body)
    assert len(reading.services) == 6
    (line,) = left_out(reading)
    assert line.startswith(f"{place}: ")
    assert sentence in line


@pytest.mark.parametrize("field", ["eligibility_description", "name"])
@pytest.mark.parametrize(
    "text",
    ["At 77 hidden terrace", "Near Quiet Quarter", "In QZ9 8XY", "Ask at 12 Some Road", "Kerkstraat 12"],
)
def test_a_refuge_whose_words_hold_its_address_is_left_out(field: str, text: str) -> None:
    body = page()
    body["contents"][2][field] = text
    reading = nested(body)
    (line,) = left_out(reading)
    assert "a text of this refuge may hold its address." in line
    assert len(reading.services) == 6


def test_who_stands_twice_is_left_out_both_times() -> None:
    body = page()
    body["contents"].append(dict(body["contents"][1]))
    reading = nested(body)
    assert len(reading.services) == 6
    assert left_out(reading) == [
        f"contents[{n}]: Evening group: its id stands 2 times; which of them holds is not known. (left out)"
        for n in (1, 7)
    ]


def test_without_an_eligibility_the_description_is_shown() -> None:
    body = page()
    del body["contents"][3]["eligibility_description"]
    assert nested(body).services[3].for_whom == "A safety plan, and the agencies brought together."
    del body["contents"][3]["description"]
    assert "has no 'description'." in left_out(nested(body))[0]


def test_what_is_no_object_is_said() -> None:
    body = page()
    body["contents"][0] = "a service"
    assert left_out(nested(body)) == ["contents[0]: A service without a name: is not an object. (left out)"]
    assert nested("nothing").services == ()


def test_our_taxonomy_may_stand_in_the_term_itself() -> None:
    body = page()
    for one in body["contents"][3]["attributes"]:
        one["taxonomy_term"] |= {"taxonomy": TAXONOMY}
        del one["taxonomy_term"]["taxonomy_detail"]
    assert nested(body).services == nested(page()).services


DEEP = b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1)


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b'{"contents": [', "d.json: is not JSON: line 1, column 15."),
        (DEEP, "d.json: is nested more than 64 levels deep."),
        (b"[" * 1_000_000, "d.json: is nested more than 64 levels deep."),
        (b'{"a": 1, "a": 2}', "d.json: has an object that holds 'a' twice."),
        (b"[" + b"1" * 101 + b"]", "d.json: holds a number of more than 100 characters."),
        (b"[NaN]", "d.json: holds NaN, which is not a number in JSON."),
        (b'{"name": "Caf\xe9"}', "d.json: is not text in UTF-8 (line 1); save it again"),
        ('{"a": 1}'.encode("utf-16"), "d.json: is not text in UTF-8 (line 1); save it again"),
        ('{"a": 1}'.encode("utf-16-le"), "d.json: is not text in UTF-8; save it again"),
        (b" " * (LARGEST + 1), "d.json: is larger than 8 MiB."),
        (b"{}", "d.json: holds no services"),
        (b"[]", "d.json: holds no services"),
        (b'{"contents": []}', "d.json: holds no services"),
    ],
    ids=range(13),
)
def test_a_file_that_is_broken_as_a_whole(raw: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=r"^d\.json") as wrong:
        read_json("d.json", parsed("d.json", raw))
    assert str(wrong.value).startswith(sentence)


def test_deep_brackets_in_a_text_are_only_a_text() -> None:
    body = page()
    body["contents"][0]["description"] = "[" * 200 + '\\" {'
    assert len(nested(body).services) == 7


# Tables


def cut(made: dict[str, bytes], name: str, number: int) -> dict[str, bytes]:
    """The tables with that row of one of them cut after its second cell."""
    lines = made[name].decode().splitlines()
    lines[number - 1] = ",".join(lines[number - 1].split(",")[:2])
    return made | {name: "\r\n".join(lines).encode()}


@pytest.mark.parametrize(
    "name", ["attributes.csv", "taxonomy_terms.csv", "taxonomies.csv", "service_areas.csv"]
)
def test_half_a_row_that_may_be_a_rule_ends_the_import(name: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name}, row 2: has 2 of \d+ cells\.$"):
        read_tables(cut(tables(), name, 2))


def test_half_a_row_of_a_service_leaves_that_service_out() -> None:
    reading = read_tables(cut(tables(), "services.csv", 2))
    assert len(reading.services) == 6
    assert left_out(reading) == [
        "services.csv, row 2: A service without a name: has 2 of 15 cells. (left out)"
    ]


def test_half_a_telephone_is_passed_over_and_said() -> None:
    reading = read_tables(cut(tables(), "phones.csv", 3))
    assert "phones.csv, row 3: has 2 of 10 cells. (dropped)" in [str(one) for one in reading.remarks]
    assert reading.services[0].phone == "01632 960500", "of the organisation"


def test_a_row_without_anything_is_no_row() -> None:
    made = tables()
    made["services.csv"] += b",,,,,,,,,,,,,,\r\n\r\n"
    assert read_tables(made).found == 7


def test_a_row_of_nobody_is_said() -> None:
    made: Rows = rows()
    made["phones"].append({"id": "x", "service_id": "nobody", "number": "1"})
    made["attributes"].append(made["attributes"][0] | {"link_id": "nobody"})
    told = [str(one) for one in read_tables(tables(made)).remarks]
    sentence = "belongs to a service that is not in services.csv. (dropped)"
    assert sorted(line for line in told if "belongs" in line) == [
        f"attributes.csv, row {len(made['attributes']) + 1}: {sentence}",
        f"phones.csv, row {len(made['phones']) + 1}: {sentence}",
    ]


def test_a_term_of_ours_elsewhere_ends_the_import() -> None:
    made = rows()
    made["attributes"][0] |= {"link_entity": "organization"}
    with pytest.raises(ValueError, match=r"^attributes\.csv, row 2: has a term of ours; such a term belongs"):
        read_tables(tables(made))


def test_a_term_of_others_elsewhere_is_nothing_to_us() -> None:
    made = rows()
    theirs = next(one for one in made["attributes"] if one["taxonomy_term"]["code"] == "BH-1800")
    theirs["link_entity"] = "location"
    assert len(read_tables(tables(made)).services) == 7


def test_an_attribute_whose_term_is_missing_leaves_the_service_out() -> None:
    made = rows()
    del made["taxonomy_terms"][0]
    reading = read_tables(tables(made))
    assert reading.services == ()
    assert "attributes.csv, row 2: names a term that is not there. (left out)" in left_out(reading)[0]


def test_ids_twice_in_a_table() -> None:
    made = rows()
    made["services"].append(dict(made["services"][6]))
    reading = read_tables(tables(made))
    assert [line.split(":")[0] for line in left_out(reading)] == [
        "services.csv, row 8",
        "services.csv, row 9",
    ]


HEAD = b"id,name,status\n"


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "services.csv: is not there."),
        ({"services.csv": b""}, "services.csv, row 1: has no column 'id'."),
        ({"services.csv": b"id,status\n"}, "services.csv, row 1: has no column 'name'."),
        ({"services.csv": b"id,name,status,name\n"}, "services.csv, row 1: has a column twice."),
        ({"services.csv": b'id,name,status\n1,"open,active\n'}, "services.csv, row 2: is not CSV: "),
        ({"services.csv": b'id,name,status\n1,"a"b,active\n'}, "services.csv, row 2: is not CSV: "),
        ({"services.csv": HEAD + b"1," + b"x" * 140_000 + b",active\n"}, "services.csv, row 2: is not CSV: "),
        (
            {"services.csv": "id,name,status\n1,Café,active\n".encode("cp1252")},
            "services.csv: is not text in UTF-8 (line 2)",
        ),
        ({"services.csv": HEAD.decode().encode("utf-16")}, "services.csv: is not text in UTF-8 (line 1)"),
        ({"services.csv": HEAD + b"x" * 10_000_000}, "services.csv: is larger than 8 MiB."),
        ({"services.csv": HEAD + b"1,a,active\n" * 100_001}, "services.csv: has more than 100000 rows."),
    ],
    ids=range(11),
)
def test_tables_that_are_broken_as_a_whole(files: dict[str, bytes], sentence: str) -> None:
    with pytest.raises(ValueError, match=r"^services\.csv") as wrong:
        read_tables(files)
    assert str(wrong.value).startswith(sentence)


def test_services_without_any_other_table_are_left_out() -> None:
    reading = read_tables({"services.csv": HEAD + b"1,Harbour,active\n"})
    assert left_out(reading) == ["services.csv, row 2: Harbour: has no 'description'. (left out)"]


def test_a_report_is_one_line_whatever_a_file_holds() -> None:
    body = page()
    body["contents"][0] |= {"name": "Two\nlines\x1b[31m", "status": "defunct"}
    assert left_out(nested(body)) == [
        "contents[0]: Two?lines?[31m: its status is 'defunct', not 'active'. (left out)"
    ]


def test_a_value_that_is_true_says_yes_and_a_place_without_a_point_is_no_address() -> None:
    body = page()
    attribute(body["contents"][1], "trial")["value"] = True
    attribute(body["contents"][2], "takes-no-public-funds")["value"] = False
    where = body["contents"][2]["service_at_locations"][0]["location"]
    del where["latitude"], where["longitude"]
    reading = nested(body)
    assert reading.services == nested(page()).services
    dropped = [one.place for one in reading.remarks if "address" in one.sentence]
    assert dropped == ["contents[2].service_at_locations[0].location.addresses[0]"]
