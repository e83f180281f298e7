"""The preview: one form on loopback, with what comes of it; nothing is kept and nothing gets out."""

import json
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from ipvscreen.cli import main
from ipvscreen.errors import FormRefused
from ipvscreen.web.preview import make_preview

ROOT = Path(__file__).parents[2]
URL = "http://127.0.0.1:8040"
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
CALCULATED = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-calculatedExpression"
Asks = Callable[[dict[str, Any]], httpx.AsyncClient]


def questionnaire(*items: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "Questionnaire",
        "url": "https://forms.example/Questionnaire/f",
        "version": "1",
        "name": "Example",
        "title": "Health questionnaire",
        "status": "active",
        "copyright": "Made up for tests.",
        "item": [{"text": f"Text of {one['linkId']}", **one} for one in items],
    }


@pytest.fixture
async def asks() -> AsyncIterator[Asks]:
    clients = list[httpx.AsyncClient]()

    def made(form: dict[str, Any]) -> httpx.AsyncClient:
        app = make_preview(form, ROOT / "smart_app", url=URL, clock=lambda: NOW)
        clients.append(httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=URL))
        return clients[-1]

    yield made
    for client in clients:
        await client.aclose()


def body(answer: httpx.Response, name: str) -> Any:
    found = re.search(rf'<pre id="{name}"[^>]*>(.*?)</pre>', answer.text, re.DOTALL)
    assert found, answer.text
    return json.loads(unescape(found[1]))


def large(count: int, calculated: int) -> dict[str, Any]:
    """So many items, the last of them worked out from one other each."""

    def sums(number: int) -> dict[str, Any]:
        rule = {
            "language": "text/fhirpath",
            "expression": f"%resource.item.where(linkId='n{number}').answer.value + 1",
        }
        return {"extension": [{"url": CALCULATED, "valueExpression": rule}], "readOnly": True}

    asked = [{"linkId": f"n{number}", "type": "integer"} for number in range(count - calculated)]
    shown = [{"linkId": f"c{number}", "type": "integer", **sums(number)} for number in range(calculated)]
    return questionnaire(*asked, *shown)


async def test_400_items_and_80_calculations_in_one_request(asks: Asks) -> None:
    answer = await asks(large(400, 80)).post("/", data={f"n{number}": str(number) for number in range(320)})

    assert answer.status_code == 200
    assert len(re.findall(r'<output class="value" data-name="c\d+">\d+</output>', answer.text)) == 80
    assert len(re.findall(r'<input type="text" id="i-n\d+-1" name="n\d+" value="\d+"', answer.text)) == 320
    items = {one["linkId"]: one["answer"][0]["valueInteger"] for one in body(answer, "response")["item"]}
    assert [items[f"c{number}"] for number in range(80)] == [number + 1 for number in range(80)]
    assert body(answer, "outcome")["issue"][0]["severity"] == "information"


async def test_a_sum_that_cannot_be_done_is_said(asks: Asks) -> None:
    """The option has no weight: no number stands for it, and the answer stays."""
    weighed = {"language": "text/fhirpath", "expression": "%resource.item.answer.value.weight().sum()"}
    form = questionnaire(
        {"linkId": "a", "type": "choice", "answerOption": [{"valueCoding": {"code": "x", "display": "X"}}]},
        {"linkId": "n", "type": "decimal", "extension": [{"url": CALCULATED, "valueExpression": weighed}]},
    )
    client = asks(form)
    assert "could not be worked out" not in (await client.get("/")).text
    answer = await client.post("/", data={"a": "x"})
    assert "A result could not be worked out: Item n: An answer has no weight." in answer.text
    assert [one["linkId"] for one in body(answer, "response")["item"]] == ["a"]


async def test_what_is_typed_cannot_become_markup(asks: Asks) -> None:
    hostile = "</pre><script>alert(1)</script>"
    answer = await asks(questionnaire({"linkId": "s", "type": "string"})).post("/", data={"s": hostile})

    assert "<script>alert" not in answer.text
    assert body(answer, "response")["item"][0]["answer"] == [{"valueString": hostile}]


async def test_it_has_the_headers_of_every_page(asks: Asks) -> None:
    answer = await asks(questionnaire({"linkId": "s", "type": "string"})).get("/")

    assert "script-src http://127.0.0.1:8040/s/page.js;" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", ["/s/page.css", "/s/page.js", "/s/icon.svg"])
async def test_it_serves_its_files_and_no_other(asks: Asks, path: str) -> None:
    client = asks(questionnaire({"linkId": "s", "type": "string"}))

    assert (await client.get(path)).status_code == 200
    assert (await client.get("/s/none.js")).status_code == 404
    assert (await client.get("/docs")).status_code == 404


async def test_only_under_its_own_name(asks: Asks) -> None:
    client = asks(questionnaire({"linkId": "s", "type": "string"}))

    assert (await client.get("/", headers={"host": "evil.example"})).status_code == 400


@pytest.mark.parametrize("posted", [{"unknown": "x"}, {"c": "not-offered"}, {"r": "changed"}])
async def test_what_the_form_does_not_offer_is_refused(asks: Asks, posted: dict[str, str]) -> None:
    option = {"valueCoding": {"system": "urn:s", "code": "a", "display": "A"}}
    form = questionnaire(
        {"linkId": "c", "type": "choice", "answerOption": [option]},
        {"linkId": "r", "type": "string", "readOnly": True},
    )
    answer = await asks(form).post("/", data=posted)

    assert answer.status_code == 422
    assert "not-offered" not in answer.text


async def test_nothing_is_kept_between_two_requests(asks: Asks) -> None:
    client = asks(questionnaire({"linkId": "s", "type": "string"}))
    await client.post("/", data={"s": "Ada"})

    assert "Ada" not in (await client.get("/")).text


def test_names_of_our_own_controls_are_refused() -> None:
    with pytest.raises(FormRefused, match="'more' is the name of a control"):
        make_preview(
            questionnaire({"linkId": "more", "type": "string"}),
            ROOT / "smart_app",
            url=URL,
            clock=lambda: NOW,
        )


def test_the_command_says_why_it_shows_nothing(tmp_path: Path) -> None:
    file = tmp_path / "form.json"
    file.write_text(json.dumps(questionnaire({"linkId": "a", "type": "attachment"})), "utf-8")
    ended = CliRunner().invoke(main, ["questionnaires", "preview", str(file), "--port", "0"])

    assert ended.exit_code == 1
    assert "Questionnaire.item[0]" in ended.output
    assert "validated, not rendered" in ended.output
