"""The house as an operator runs it: `ipvscreen serve` and record systems, each in its own process."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

sys.path.append(str(Path(__file__).resolve().parents[3] / "bench"))  # the bench runs the same processes

sys.path.append(str(Path(__file__).resolve().parent))  # what several of these tests need

import processes
import visitor

_HOP = (b"connection", b"transfer-encoding", b"date")


@pytest.fixture(scope="session")
def running() -> Any:
    """How processes are started."""
    return processes


@pytest.fixture(scope="session")
def visiting() -> Any:
    """How a browser without a screen goes through a visit."""
    return visitor


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The app with two workers, and two record systems."""
    with processes.served(tmp_path_factory.mktemp("house"), ("north", "south")) as (app, systems):
        yield type("House", (), {"app": app, **systems})


@dataclass
class Proxy:
    """A reverse proxy of one worker's wit; `asked` holds the paths that browsers asked it for."""

    url: str
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def proxies() -> Any:
    """Makes proxies before an origin; `strip` is the path that it takes away."""

    @asynccontextmanager
    async def proxy(origin: str, *, strip: str = "") -> AsyncIterator[Proxy]:
        front = Proxy(f"http://127.0.0.1:{processes.free_port()}")
        async with httpx.AsyncClient(base_url=origin, timeout=60) as http:

            async def passed_on(request: Request) -> Response:
                front.asked.append(request.url.path)
                url = httpx.URL(
                    path=request.url.path.removeprefix(strip), query=request.url.query.encode("ascii")
                )
                headers = [(n, v) for n, v in request.headers.items() if n not in ("connection", "host")]
                headers += [("X-Forwarded-For", str(request.client and request.client.host))]
                answer = await http.request(
                    request.method, url, headers=headers, content=await request.body()
                )
                response = Response(answer.content, answer.status_code)
                response.raw_headers[:] = [
                    (name.lower(), value) for name, value in answer.headers.raw if name.lower() not in _HOP
                ]
                return response

            app = Starlette(routes=[Route("/{path:path}", passed_on, methods=["GET", "POST"])])
            config = uvicorn.Config(app, port=int(front.url.rpartition(":")[2]), log_level="warning")
            server = uvicorn.Server(config)
            serving = asyncio.create_task(server.serve())
            for _ in range(600):
                if not server.started:
                    await asyncio.sleep(0.05)
            try:
                yield front
            finally:
                server.should_exit = True
                await serving

    return proxy


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'store.db'}"
        return
    server = request.getfixturevalue("postgres")
    name = server.new()
    yield server.url(name)
    server.drop(name)
