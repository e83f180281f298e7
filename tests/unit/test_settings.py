"""What a deployer may set, and what is refused before anything is served."""

import base64
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from ipvscreen.settings import Ehr, Settings

ENTRY = {
    "name": "mill-lane",
    "iss": "https://ehr.example/fhir/",
    "client_id": "health-questionnaire",
    "exit_url": "https://ehr.example/",
}


def entry(**changes: Any) -> Ehr:
    return Ehr.model_validate(ENTRY | changes)


def settings(**changes: Any) -> Settings:
    given = {
        "public_url": "https://app.example",
        "key": "now",
        "keys": {"now": SecretStr(base64.b64encode(bytes(32)).decode())},
        "ehr": (ENTRY,),
    }
    return Settings(**(given | changes))


def test_the_key_that_seals_is_one_of_the_keys() -> None:
    with pytest.raises(ValidationError, match="names none of"):
        settings(key="next")


def test_iss_is_kept_to_the_letter() -> None:
    assert entry().iss == "https://ehr.example/fhir/"


@pytest.mark.parametrize(
    "iss", ["http://127.0.0.1:8020/fhir", "http://localhost/fhir", "http://[::1]:8020/fhir"]
)
def test_http_is_for_loopback_and_only_when_said_so(iss: str) -> None:
    with pytest.raises(ValidationError, match="allow_http_loopback"):
        entry(iss=iss)
    assert entry(iss=iss, allow_http_loopback=True).iss == iss


@pytest.mark.parametrize(
    "iss", ["http://ehr.example/fhir", "http://127.0.0.1.example/fhir", "ftp://ehr.example"]
)
def test_http_elsewhere_is_refused_whatever_is_said(iss: str) -> None:
    with pytest.raises(ValidationError):
        entry(iss=iss, allow_http_loopback=True)


@pytest.mark.parametrize("second", [{"name": "other"}, {"iss": "https://other.example/fhir"}])
def test_two_record_systems_share_neither_name_nor_iss(second: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="two \\[\\[ehr\\]\\] have the"):
        settings(ehr=(ENTRY, ENTRY | second))
    settings(ehr=(ENTRY, ENTRY | {"name": "other", "iss": "https://other.example/fhir"}))


def test_a_slash_at_the_end_makes_no_other_record_system() -> None:
    with pytest.raises(ValidationError, match="iss"):
        settings(ehr=(ENTRY, ENTRY | {"name": "other", "iss": "https://ehr.example/fhir"}))


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "ipv"},
        {"name": "dv-clinic"},
        {"name": "abuse-team"},
        {"name": "clinic-violence"},
        {"name": "refuge"},
        {"client_id": "ipvscreen"},
        {"client_id": "partner-questions"},
        {"exit_url": "https://domestic-abuse.example/"},
        {"exit_url": "https://ehr.example/victims"},
    ],
    ids=str,
)
def test_what_stands_in_addresses_does_not_tell_the_topic(changes: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="must not tell"):
        entry(**changes)


@pytest.mark.parametrize("name", ["advent-clinic", "harkness", "mill-lane-2", "st-ives", "grapevine"])
def test_a_name_that_only_contains_such_letters_is_good(name: str) -> None:
    assert entry(name=name).name == name


def test_the_public_url_does_not_tell_it_either() -> None:
    with pytest.raises(ValidationError, match="must not tell"):
        settings(public_url="https://ipvscreen.example")


@pytest.mark.parametrize(
    "origin",
    [
        "https://ehr.example/",
        "https://ehr.example/path",
        "https://ehr.example; script-src *",
        "https://ehr.example https://evil.example",
        "https://*.ehr.example",
        "*",
        "'self'",
        "https://EHR.example",
        "http://ehr.example",
        "https://user@ehr.example",
        "https://ehr.example\n",
    ],
)
def test_a_frame_ancestor_is_an_origin_and_nothing_else(origin: str) -> None:
    """It is printed into a header."""
    with pytest.raises(ValidationError):
        entry(frame_ancestors=(origin,))


@pytest.mark.parametrize(
    "origin", ["https://ehr.example", "https://ehr.example:8443", "http://localhost:8020"]
)
def test_origins_may_frame(origin: str) -> None:
    assert entry(frame_ancestors=(origin,)).frame_ancestors == (origin,)


@pytest.mark.parametrize(
    "changes",
    [
        {"client_secret": "s"},
        {"token_auth": "client_secret_basic"},
        {"token_auth": "private_key_jwt", "client_secret": "s"},
        {"token_auth": "client_secret_post", "client_secret": "s"},
    ],
    ids=str,
)
def test_a_secret_goes_with_the_one_way_that_needs_it(changes: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        entry(**changes)
    entry(token_auth="client_secret_basic", client_secret="s")


def test_secrets_are_not_printed() -> None:
    made = entry(token_auth="client_secret_basic", client_secret="do-not-print-me")
    assert "do-not-print-me" not in repr(made) + str(made) + str(made.model_dump())
    assert "do-not-print-me" not in repr(settings(metrics_token="do-not-print-me"))


@pytest.mark.parametrize(
    "changes",
    [
        {"at_most": 0},
        {"scopes": "v3"},
        {"refresh": "always"},
        {"authorize": "put"},
        {"pack": "No such name"},
        {"other": 1},
    ],
    ids=str,
)
def test_values_that_mean_nothing_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        entry(**changes)


@pytest.mark.parametrize("locale", ["nl-NL", "fr-CA"])
def test_a_page_in_another_language_never_shows_the_numbers_of_england(locale: str) -> None:
    abroad = (ENTRY | {"locale": locale},)
    with pytest.raises(ValidationError, match=r"needs numbers\.emergency and numbers\.silent"):
        settings(ehr=abroad)
    with pytest.raises(ValidationError, match=r"needs numbers\.emergency and numbers\.silent"):
        settings(ehr=abroad, numbers={"emergency": "112"})

    assert settings(ehr=abroad, numbers={"emergency": "112", "silent": "112"}).ehr[0].locale == locale


def test_a_locale_without_pages_is_refused() -> None:
    with pytest.raises(ValidationError):
        entry(locale="de-DE")


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../../etc/passwd", "/etc/localtime"])
def test_a_zone_is_one_that_there_is(zone: str) -> None:
    assert entry(zone="America/Vancouver").zone == "America/Vancouver"
    with pytest.raises(ValidationError):
        entry(zone=zone)


@pytest.mark.parametrize("name", ["flag_text", "flag_contact"])
@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("Ask the domestic lead.", "must not say 'domestic'"),
        ("Lees eerst: huiselijk.", "must not say 'huiselijk'"),
        ("Read it on {day}.", "no placeholder but {date}"),
        ("Read {date} and {.", "no placeholder"),
        ("x" * 201, "at most 200"),
        ("", "at least 1"),
    ],
)
def test_the_words_of_a_flag_are_neutral_short_and_hold_the_date_alone(
    name: str, words: str, why: str
) -> None:
    with pytest.raises(ValidationError, match=why):
        entry(**{name: words})
    assert entry(**{name: "Read the note of {date} first."})


@pytest.mark.parametrize(
    "wrong", [{"nopat": "r5"}, {"categories": "all"}, {"labels": "../uk"}, {"labels": ""}], ids=str
)
def test_a_policy_is_named_and_spelt_as_there_is_one(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        entry(**wrong)


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        ("https://app.example", "another host"),
        ("https://app.example:8443", "another host"),
        ("http://127.0.0.1:8000", "a name"),
        ("http://[::1]:8000", "a name"),
        ("http://inbox.example", "https"),
        ("https://inbox.example/", "origin"),
        ("https://partner.example", "tell"),
    ],
)
def test_the_inbox_is_apart_by_its_name(origin: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        settings(inbox={"origin": origin, "exit_url": "https://weather.example/"})


@pytest.mark.parametrize("origin", ["https://inbox.example", "http://localhost:8000"])
def test_an_inbox_has_an_origin_of_its_own(origin: str) -> None:
    inbox = settings(inbox={"origin": origin, "exit_url": "https://weather.example/"}).inbox
    assert inbox is not None
    assert inbox.origin == origin
