"""`questionnaires check`, as a deployer types it before a form of her own is dropped in."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ipvscreen.cli import main
from ipvscreen.ipv.validity import NO_STUDY
from ipvscreen.ipv.wording import digest
from ipvscreen.parts import data_folder

SHIPPED = ("hark", "aas", "aas-1", "quick", "past", "children", "impact", "use", "dash-result")
CALCULATED = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-calculatedExpression"
CONTROL = "http://hl7.org/fhir/StructureDefinition/questionnaire-itemControl"
HIDDEN = "http://hl7.org/fhir/StructureDefinition/questionnaire-hidden"
TRANSLATION = "http://hl7.org/fhir/StructureDefinition/translation"


def page(link_id: str, *items: dict[str, Any]) -> dict[str, Any]:
    coding = {"system": "http://hl7.org/fhir/questionnaire-item-control", "code": "page"}
    control = {"url": CONTROL, "valueCodeableConcept": {"coding": [coding]}}
    return {"extension": [control], "linkId": link_id, "text": "P", "type": "group", "item": list(items)}


@pytest.fixture
def own() -> dict[str, Any]:
    """A form of a deployer's: two pages, a sum, and something that no page shows."""
    twice = {"language": "text/fhirpath", "expression": "%resource.descendants().where(linkId='n').count()"}
    return {
        "resourceType": "Questionnaire",
        "language": "en",
        "url": "https://example.org/Questionnaire/sleep",
        "version": "2.1",
        "name": "Sleep",
        "title": "Sleep",
        "status": "active",
        "copyright": "ours",
        "item": [
            page("p1", {"linkId": "n", "text": "How many hours?", "type": "integer", "required": True}),
            page(
                "p2",
                {"linkId": "note", "text": "Anything else?", "type": "text", "repeats": True},
                {
                    "extension": [{"url": CALCULATED, "valueExpression": twice}],
                    "linkId": "sum",
                    "text": "Answers",
                    "type": "integer",
                    "readOnly": True,
                },
                {
                    "extension": [{"url": HIDDEN, "valueBoolean": True}],
                    "linkId": "source",
                    "text": "Source",
                    "type": "string",
                },
            ),
        ],
    }


@pytest.fixture
def check(tmp_path: Path) -> Any:
    """`check(body, …)`: the command on a file with that body."""

    def run(body: object, *arguments: str) -> Result:
        file = tmp_path / "own.json"
        file.write_text(body if isinstance(body, str) else json.dumps(body), encoding="utf-8")
        return CliRunner().invoke(main, ["questionnaires", "check", str(file), *arguments])

    return run


def told(result: Result) -> dict[str, list[dict[str, str]]]:
    """The findings of the JSON line, by what they are about."""
    found: dict[str, list[dict[str, str]]] = {}
    for finding in json.loads(result.stdout)["findings"]:
        found.setdefault(finding["title"], []).append(finding)
    return found


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_form_would_be_taken_again(name: str) -> None:
    file = data_folder("questionnaires") / f"{name}.json"

    result = CliRunner().invoke(main, ["questionnaires", "check", str(file), "--json"])

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["form"]["name"] == name
    found = told(result)
    assert found["Wording"][0]["level"] == "good"
    assert "Translation" not in found
    assert ("Validated in" in found["Validity"][0]["words"]) is (name in {"hark", "aas"})
    assert (found["Packs"][0]["level"] == "good") is (name != "use")


def test_what_would_be_shown_is_told(check: Any, own: dict[str, Any]) -> None:
    result = check(own, "--json")

    body = json.loads(result.stdout)
    assert (result.exit_code, body["exit"], body["file"]) == (0, 0, "own.json")
    form = body["form"]
    assert (form["name"], form["pages"], form["language"]) == ("sleep", 2, "en")
    assert form["canonical"] == "https://example.org/Questionnaire/sleep|2.1"
    assert [(item["linkId"], item["type"], item["notes"]) for item in form["items"]] == [
        ("p1", "group", ""),
        ("n", "integer", "required"),
        ("p2", "group", ""),
        ("note", "text", "repeats"),
        ("sum", "integer", "read-only, calculated"),
        ("source", "string", "hidden"),
    ]
    assert told(result)["Shown"][0]["words"] == (
        "4 questions on 2 pages; 1 calculated by the server; 1 not shown"
    )


def test_a_form_that_no_pack_names_has_a_page_of_its_own_in_those_of_its_language(
    check: Any, own: dict[str, Any]
) -> None:
    (english,) = told(check(own, "--json"))["Packs"]
    (german,) = told(check(own | {"language": "de"}, "--json"))["Packs"]

    assert (english["level"], english["words"]) == ("good", "gp, gp-routine, antenatal, mental-health")
    assert (german["level"], german["words"]) == ("warning", "No pack asks it.")


def test_what_pages_would_say_about_validity_and_words_is_told(check: Any, own: dict[str, Any]) -> None:
    found = told(check(own, "--json"))

    assert NO_STUDY in found["Validity"][0]["words"]
    (wording,) = found["Wording"]
    assert wording["level"] == "warning"
    assert digest(own) in wording["words"]


def test_studies_and_reviews_of_the_deployer_stand_beside_the_file(
    check: Any, own: dict[str, Any], tmp_path: Path
) -> None:
    row = {"instrument": "sleep", "population": "night nurses", "limits": "It misses naps."}
    pin = {"form": "sleep", "language": "en", "sha256": digest(own), "reviewer": "Dr Osei"}
    pins = {"pins": [{**pin, "date": "2026-03-02", "signed": True}]}
    (tmp_path / "validity.json").write_text(json.dumps({"rows": [row]}))
    (tmp_path / "wording.json").write_text(json.dumps(pins))

    found = told(check(own, "--json"))

    assert found["Validity"][0]["words"] == "Validated in night nurses. It misses naps."
    assert found["Wording"][0]["words"] == "en: as of 2026-03-02. Dr Osei"
    own["item"][0]["item"][0]["text"] = "How many minutes?"
    (changed,) = told(check(own, "--json"))["Wording"]
    assert "have changed since 2026-03-02" in changed["words"]


@pytest.mark.parametrize("words", ['{"rows": [{"instrument": "x"}]}', "{}", "no", '{"rows": 1}'])
def test_a_bad_file_beside_it_is_named(check: Any, own: dict[str, Any], tmp_path: Path, words: str) -> None:
    (tmp_path / "validity.json").write_text(words)

    result = check(own, "--json")

    assert result.exit_code == 1
    assert told(result)["validity.json"][0]["words"].startswith("cannot be used")


def test_everything_that_is_refused_is_named_with_its_path(check: Any, own: dict[str, Any]) -> None:
    own["item"][0]["item"][0]["type"] = "attachment"
    own["item"][1]["item"][0]["extension"] = [{"url": "https://example.org/unheard-of", "valueBoolean": True}]

    result = check(own)
    found = told(check(own, "--json"))

    assert result.exit_code == 1
    assert json.loads(check(own, "--json").stdout)["form"] is None
    paths = [path for path in found if path.startswith("Questionnaire.item")]
    assert paths[0].startswith("Questionnaire.item[0].item[0]")
    assert paths[1].startswith("Questionnaire.item[1].item[0].extension[0]")
    assert sum(line.startswith(" bad") for line in result.stdout.splitlines()) == len(paths) == 2


@pytest.mark.parametrize("words", ["", "not JSON", "[]", '{"a": 1, "a": 2}', '{"resourceType": "Patient"}'])
def test_what_is_no_questionnaire_is_refused_in_words(check: Any, words: str) -> None:
    result = check(words, "--json")

    assert result.exit_code == 1
    assert json.loads(result.stdout)["findings"][0]["level"] == "bad"


def test_a_file_that_is_not_there_is_a_wrong_argument() -> None:
    assert CliRunner().invoke(main, ["questionnaires", "check", "nowhere.json"]).exit_code == 2


def test_a_name_that_ships_is_taken(check: Any, own: dict[str, Any]) -> None:
    result = check(own | {"name": "HARK"}, "--json")

    assert result.exit_code == 1
    (name,) = told(result)["Name"]
    assert name["level"] == "bad"


def test_a_changed_copy_of_a_shipped_form_does_not_pass_for_it(check: Any) -> None:
    body = json.loads((data_folder("questionnaires") / "hark.json").read_text("utf-8"))
    assert check(body, "--json").exit_code == 0
    body["item"][0]["text"] += " Or not?"

    result = check(body, "--json")

    assert result.exit_code == 1
    assert "have changed" in told(result)["Wording"][0]["words"]


def test_controls_of_our_pages_keep_their_names(check: Any, own: dict[str, Any]) -> None:
    own["item"][0]["item"][0]["linkId"] = "recording"

    result = check(own, "--json")

    assert result.exit_code == 1
    assert "'recording'" in told(result)["linkId"][0]["words"]


def test_a_link_id_of_another_form_is_told_and_does_no_harm(check: Any, own: dict[str, Any]) -> None:
    own["item"][0]["item"][0]["linkId"] = "contact"

    result = check(own, "--json")

    assert result.exit_code == 0
    (finding,) = told(result)["linkId"]
    assert (finding["level"], finding["words"]) == (
        "warning",
        "'contact': also in 'quick'. The two cannot stand on one page.",
    )


def test_a_translation_that_is_not_whole_is_told(check: Any, own: dict[str, Any]) -> None:
    said = [{"url": "lang", "valueCode": "nl"}, {"url": "content", "valueString": "Slaap"}]
    own["_title"] = {"extension": [{"url": TRANSLATION, "extension": said}]}

    (finding,) = told(check(own, "--json"))["Translation"]

    assert finding["words"] == "6 texts not in nl, such as 'How many hours?'."


def test_the_table_says_the_same_and_steers_no_terminal(check: Any, own: dict[str, Any]) -> None:
    own["item"][0]["item"][0]["text"] = "How\u202e many \u009b31m[bold]hours[/bold]?"

    result = check(own)

    assert result.exit_code == 0, result.output
    assert "[bold]hours[/bold]?" in result.stdout
    assert not {"\u202e", "\u009b"} & set(result.stdout)
    assert "4 questions on 2 pages" in result.stdout


def test_a_folder_that_ships_can_be_copied_and_checked_whole(tmp_path: Path) -> None:
    folder = shutil.copytree(data_folder("questionnaires"), tmp_path / "questionnaires")

    result = CliRunner().invoke(main, ["questionnaires", "check", str(folder / "aas.json"), "--json"])

    (validity,) = told(result)["Validity"]
    assert validity["words"].count("Validated in") == 1
