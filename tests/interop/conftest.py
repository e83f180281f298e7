"""The house before servers that no one here wrote, and what the tests here share.

pytest's importlib mode puts no folder on the path; the house and the visits are those of tests/integration.
"""

import importlib.util
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

HERE = Path(__file__).parent
sys.path.append(str(HERE))
SECONDS = 60  # for one answer of a server that is still warming up, on a busy machine


def shared(name: str) -> ModuleType:
    """A module of tests/integration."""
    known = sys.modules.get(f"shared_{name}")
    if known is None:
        spec = importlib.util.spec_from_file_location(
            f"shared_{name}", HERE.parent / "integration" / f"{name}.py"
        )
        assert spec is not None
        assert spec.loader is not None
        known = sys.modules[f"shared_{name}"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(known)
    return known


@pytest.fixture(scope="session")
def hapi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base of HAPI's JPA server."""
    from servers import hapi_command, running

    with running(hapi_command(), tmp_path_factory.mktemp("hapi") / "log") as base:
        httpx.get(f"{base}/metadata", timeout=SECONDS).raise_for_status()  # the first one takes seconds
        yield base


@pytest.fixture(scope="session")
def medplum(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base of Medplum's router."""
    from servers import medplum_command, running

    with running(medplum_command(), tmp_path_factory.mktemp("medplum") / "log") as base:
        yield base


class Before:
    """A house of tests/integration whose record system is another server; see `front`."""

    def __init__(self, house: Any, front: Any, server: httpx.AsyncClient) -> None:
        self.house, self.front, self.server = house, front, server
        self.sandbox = house.ehr.state.sandbox

    async def held(self) -> dict[str, dict[str, Any]]:
        """All that the server has of the types that we write, read by id, by `Type/id`."""
        found = {}
        for kind in shared("test_second_reader").EVERY_KIND:
            listed = await self.server.get(
                f"/{kind}", params={"_count": "500"}, headers={"Cache-Control": "no-cache"}
            )
            for entry in listed.json().get("entry", []):
                place = f"{kind}/{entry['resource']['id']}"
                found[place] = (await self.server.get(f"/{place}")).json()
        return found

    async def first_version(self, place: str) -> dict[str, Any]:
        """The oldest of a resource's history, read by the id that the history gives it."""
        entries = (await self.server.get(f"/{place}/_history")).json()["entry"]
        oldest = min((entry["resource"]["meta"] for entry in entries), key=lambda meta: meta["lastUpdated"])
        body: dict[str, Any] = (await self.server.get(f"/{place}/_history/{oldest['versionId']}")).json()
        return body

    async def cleared(self, places: list[str]) -> None:
        """Take away what a visit left, so that the next one finds the record as it was."""
        entries = [{"request": {"method": "DELETE", "url": place}} for place in places]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        (await self.server.post("", json=bundle)).raise_for_status()


@pytest.fixture
async def before(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Before]]]:
    """Opens a house before the server at a base; what was written there is removed in the end."""
    from front import Front

    async with AsyncExitStack() as stack:

        async def opened(base: str, *, bare_lists: bool = False, **settings: Any) -> Before:
            integration = shared("conftest")
            house = await stack.enter_async_context(integration.open_house(tmp_path, **settings))
            server = await stack.enter_async_context(
                httpx.AsyncClient(
                    base_url=base, timeout=SECONDS, headers={"Content-Type": "application/fhir+json"}
                )
            )
            front = Front(house.ehr, server, bare_lists=bare_lists)
            house.transports[integration.EHR].app = front
            await front.give()
            made = Before(house, front, server)
            held = set(await made.held())

            async def clear() -> None:
                if new := [place for place in await made.held() if place not in held]:
                    await made.cleared(new)

            stack.push_async_callback(clear)
            return made

        yield opened
