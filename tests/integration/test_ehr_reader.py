"""What is read of patients, encounters and clinicians, well-formed or not."""

from datetime import date

import pytest

from ipvscreen.ehr.reader import name_of, person_of, reach_of, relatives_of, setting_of
from ipvscreen.ipv.person import Person, Setting, Sex
from ipvscreen.ipv.proxies import Reach

INTERPRETER = "http://hl7.org/fhir/StructureDefinition/patient-interpreterRequired"


def test_a_whole_patient():
    patient = {
        "name": [{"use": "official", "family": "Mbeki", "given": ["Thandi", "Rose"]}],
        "birthDate": "1990-05-06",
        "gender": "female",
    }

    assert person_of(patient) == Person("Thandi Rose Mbeki", date(1990, 5, 6), Sex.FEMALE)


def test_a_patient_of_whom_nothing_is_known():
    assert person_of({}) == Person(None, None, Sex.UNKNOWN, None)


@pytest.mark.parametrize(
    "value",
    [
        "1990",
        "1990-05",
        "19900506",
        "1990-W01-1",
        "1990-13-01",
        "1990-05-06T00:00:00Z",
        "",
        None,
        7,
        "１９９０-05-06",
    ],
)
def test_a_date_of_birth_that_is_partial_or_odd_is_not_guessed(value):
    assert person_of({"birthDate": value}).birth_date is None


@pytest.mark.parametrize(
    ("value", "sex"),
    [
        ("female", Sex.FEMALE),
        ("male", Sex.MALE),
        ("other", Sex.OTHER),
        ("unknown", Sex.UNKNOWN),
        ("F", Sex.UNKNOWN),
        (None, Sex.UNKNOWN),
        (["male"], Sex.UNKNOWN),
    ],
)
def test_sex(value, sex):
    assert person_of({"gender": value}).sex is sex


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([{"text": "Thandi Mbeki"}], "Thandi Mbeki"),
        ([{"text": " ", "family": "Mbeki"}], "Mbeki"),
        (
            [
                {"use": "nickname", "text": "T"},
                {"use": "usual", "text": "U"},
                {"use": "official", "text": "O"},
            ],
            "O",
        ),
        ([{"use": "nickname", "text": "T"}, {"use": "usual", "text": "U"}], "U"),
        ([{"use": "old", "text": "Before"}, {"use": "maiden", "text": "M"}], "M"),
        ([{"use": "old", "text": "Before"}], None),
        ([{"use": "official"}, {"family": "Mbeki"}], "Mbeki"),
        ([{"prefix": ["Dr"], "given": ["Ada", None, 7], "family": "Okafor"}], "Dr Ada Okafor"),
        ([{"given": "Ada"}], None),
        (["odd"], None),
        ("odd", None),
        (None, None),
    ],
)
def test_names(names, expected):
    assert name_of({"name": names}) == expected


def spoken(language, **extra):
    return {"language": language} | extra


@pytest.mark.parametrize(
    ("communication", "language"),
    [
        ([spoken({"text": "Somali"})], "Somali"),
        ([spoken({"coding": [{"code": "so"}, {"display": "Somali"}]})], "Somali"),
        ([spoken({"coding": [{"code": "so"}]})], "so"),
        ([spoken({"text": "English"}), spoken({"text": "Somali"}, preferred=True)], "Somali"),
        ([spoken({"text": "English"}), spoken({"text": "Somali"})], "English"),
        ([spoken({}), spoken("odd"), {}], "language not given"),
        (None, "language not given"),
    ],
)
def test_an_interpreter_is_named_by_language(communication, language):
    patient = {"extension": [{"url": INTERPRETER, "valueBoolean": True}], "communication": communication}

    assert person_of(patient).interpreter == language


@pytest.mark.parametrize(
    "extension",
    [
        None,
        [{"url": INTERPRETER, "valueBoolean": False}],
        [{"url": INTERPRETER, "valueBoolean": "true"}],
        [{"url": "https://other.example", "valueBoolean": True}],
    ],
)
def test_no_interpreter_where_the_record_does_not_say_so(extension):
    patient = {"extension": extension, "communication": [spoken({"text": "Somali"}, preferred=True)]}

    assert person_of(patient).interpreter is None


def encounter(*codings):
    return {"serviceType": {"coding": list(codings)}}


def snomed(code):
    return {"system": "http://snomed.info/sct", "code": code}


@pytest.mark.parametrize(
    ("found", "setting"),
    [
        (encounter(snomed("394814009")), Setting.GP),
        (encounter(snomed("394587001")), Setting.MENTAL_HEALTH),
        (encounter(snomed("408470005")), Setting.ANTENATAL),
        (encounter({"system": "local", "code": "x"}, snomed("408470005")), Setting.ANTENATAL),
        (encounter(snomed("000")), Setting.GP),
        (encounter({"system": "local", "code": "394587001"}), Setting.GP),
        ({"serviceType": "odd"}, Setting.GP),
        ({}, Setting.GP),
        (None, Setting.GP),
    ],
)
def test_the_setting_is_the_encounters_or_the_default(found, setting):
    assert setting_of(found, Setting.GP) is setting
    if setting is Setting.GP and found != encounter(snomed("394814009")):
        assert setting_of(found, Setting.MENTAL_HEALTH) is Setting.MENTAL_HEALTH


def test_how_somebody_is_reached_by_what_is_in_use() -> None:
    found = reach_of(
        {
            "telecom": [
                {"system": "phone", "value": " 01632 1 "},
                {"system": "sms", "value": "07700 2"},
                {"system": "phone", "use": "old", "value": "01632 3"},
                {"system": "email", "value": "a@example.org"},
                {"system": "fax", "value": "01632 4"},
                {"system": "phone"},
                "no object",
            ],
            "address": [
                {"line": ["", "1 Mill Lane"], "postalCode": "AB1 2CD"},
                {"use": "old", "line": ["2 Mill Lane"], "postalCode": "AB1 2CD"},
                {"text": "somewhere"},
            ],
        }
    )
    assert found == Reach(("01632 1", "07700 2"), ("a@example.org",), (("1 Mill Lane", "AB1 2CD"), ("", "")))
    contact = {"address": {"line": ["1 Mill Lane"], "postalCode": "AB1 2CD"}}
    assert reach_of(contact).addresses == (("1 Mill Lane", "AB1 2CD"),)
    assert reach_of({"telecom": "x", "address": "y"}) == Reach()


@pytest.mark.parametrize(
    ("relationship", "proxy"),
    [
        ([], False),
        ([{"text": "Son"}], False),
        ([{"text": "Son; Proxy for online access"}], True),
        ([{"coding": [{"code": "HPOWATT"}]}], True),
        ([{"coding": [{"code": "SON", "display": "natural son"}]}, {"coding": [{"code": "GUARD"}]}], True),
        ("no list", False),
    ],
)
def test_who_may_act_for_the_patient(relationship: object, proxy: bool) -> None:
    (one,) = relatives_of({}, [{"relationship": relationship}])
    assert one.proxy is proxy


def test_related_people_and_emergency_contacts_count_and_former_ones_do_not() -> None:
    patient = {"contact": [{"telecom": [{"system": "phone", "value": "1"}]}]}
    related = [{"active": False, "relationship": [{"text": "proxy"}]}, {"active": True}]
    assert [one.reach.phones for one in relatives_of(patient, related)] == [("1",), ()]
    assert relatives_of({}, None) == ()
