"""Whole visits against HAPI's JPA server and Medplum's router: all is there, labelled in its first version."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from conftest import Before, shared

integration = shared("conftest")
reader = shared("test_second_reader")
SERVERS = ("hapi", "medplum")
Opener = Callable[..., Awaitable[Before]]


def base_of(request: pytest.FixtureRequest, server: str) -> str:
    """Starts the server at its first use."""
    base: str = request.getfixturevalue(server)
    return base


async def left_by(visit: Any, there: Before) -> dict[str, dict[str, Any]]:
    """What a visit adds to the record, by `Type/id`."""
    old = await there.held()
    visitor = there.house.visitor()
    async with visitor.browser:
        await visit(visitor)
    return {place: body for place, body in (await there.held()).items() if place not in old}


@pytest.mark.parametrize("visit", reader.VISITS, ids=lambda visit: visit.__name__)
@pytest.mark.parametrize("server", SERVERS)
async def test_a_visit_leaves_all_of_it_labelled_from_the_first_version_on(
    server: str, visit: Any, before: Opener, request: pytest.FixtureRequest
) -> None:
    there = await before(base_of(request, server))

    new = await left_by(visit, there)

    assert {body["resourceType"] for body in new.values()} == reader.VISITS[visit]
    for place, body in new.items():
        first = await there.first_version(place)
        for version in (body, first):
            codes = {label["code"] for label in version["meta"]["security"]}
            assert len({"R", "V"} & codes) == 1, (place, codes)
        assert reader.reread(body) == body
