"""The sheet shows each service with its verdict: what can be offered, and the others with their reason."""

import re
from typing import Any

import pytest

from ipvscreen.resources.bundle import read_bundle
from ipvscreen.resources.directory import resource_of
from ipvscreen.sandbox.directory import services_bundle

POSITIVE = {"76500-8": "LA33-6"}
QUIET = {"safe-today": "yes", "neck": "no", "suicide": "no", "help-now": ["housing"]}
SHEET = {"way": "phone", "number": "07700 900123", "out": "yes", "back": "yes"}


@pytest.fixture
async def visitor(house: Any) -> Any:
    """At the sheet, with the directory of the day in the store."""
    day = house.clock().date()
    services = read_bundle(services_bundle("https://service.test/fhir", day)).services
    await house.app.state.rooms.store.services.replace([resource_of(service) for service in services])
    visitor = house.visitor()
    await visitor.launch("anna-woman")
    for fields in ({"door": "ask"}, POSITIVE, QUIET):
        await visitor.post(fields)
    assert visitor.step == "refer", visitor.text
    return visitor


def offered(visitor: Any) -> list[str]:
    return re.findall(r'name="service" value="([^"]+)"', visitor.page.text)


async def test_what_answers_the_wish_comes_first_with_its_reasons(visitor: Any) -> None:
    assert set(offered(visitor)[:2]) == {"house", "specialist"}
    for sentence in ("Answers what the person asked for.", "Boys up to 13 may come along; ask about sons."):
        assert sentence in visitor.text
    assert "There are places, as confirmed on" in visitor.text


@pytest.mark.parametrize(
    ("service", "reason"),
    [
        ("new-group", "No clinician stands behind this group by name: cannot be offered."),
        ("old-advice", "This entry was last checked on 6 May 2024: ring before anything is sent."),
        ("weir-advice", "Full, as confirmed on"),
        ("uses-violence", "this was not said and is never inferred."),
    ],
)
async def test_what_cannot_be_offered_says_why_and_is_refused(
    visitor: Any, service: str, reason: str
) -> None:
    assert "evening-group" in offered(visitor)
    assert service not in offered(visitor)
    assert reason in visitor.text

    await visitor.post(SHEET | {"service": service})

    assert visitor.step == "refer"
    assert "This service is not offered here. Choose another." in visitor.text
