"""A real socket that hangs up, hangs, or talks in pieces."""

import asyncio
import contextlib

import httpx
import pytest

from ipvscreen.ehr.client import FhirClient
from ipvscreen.errors import EhrUnreachable

HEAD = b"HTTP/1.1 201 Created\r\nContent-Type: application/fhir+json\r\n"
PATIENT = {"resourceType": "Patient", "id": "p1"}


@contextlib.asynccontextmanager
async def server(talk):
    """A server on loopback; `talk(reader, writer)` is what it does once it has read a request."""
    served, talking = [], set()

    async def serve(reader, writer):
        talking.add(asyncio.current_task())
        served.append(await reader.readuntil(b"\r\n\r\n"))
        with contextlib.suppress(ConnectionError):
            await talk(writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/fhir", served
    finally:
        listening.close()
        await listening.wait_closed()
        await asyncio.gather(*talking)


async def created(base, seconds=10.0):
    async def token():
        return "secret-token"

    async with httpx.AsyncClient() as http:
        return await FhirClient(http, base, token, seconds=seconds).create(PATIENT)


async def test_an_answer_in_pieces_is_put_together():
    async def talk(writer):
        body = b'{"resourceType":"Patient","id":"p7"}'
        writer.write(HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode() + body[:10])
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.write(body[10:])
        await writer.drain()

    async with server(talk) as (base, served):
        assert (await created(base)).reference == "Patient/p7"

    assert served[0].startswith(b"POST /fhir/Patient HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"", id="before-the-answer"),
        pytest.param(HEAD, id="within-the-headers"),
        pytest.param(HEAD + b'Content-Length: 36\r\n\r\n{"resourceType"', id="within-the-body"),
        pytest.param(HEAD + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"res', id="within-a-chunk"),
        pytest.param(b"\x00\x01\x02 not HTTP\r\n\r\n", id="noise"),
    ],
)
async def test_a_hang_up_leaves_it_open_what_happened(said):
    async def talk(writer):
        writer.write(said)
        await writer.drain()

    async with server(talk) as (base, served):
        with pytest.raises(EhrUnreachable, match="broke off") as unreachable:
            await created(base)

    assert unreachable.value.may_have_happened
    assert len(served) == 1


async def test_nobody_listening_means_that_nothing_happened():
    async with server(lambda _: asyncio.sleep(0)) as (base, _):
        pass

    with pytest.raises(EhrUnreachable, match="could not be reached") as unreachable:
        await created(base)

    assert not unreachable.value.may_have_happened


async def test_a_server_that_hangs_is_left_in_time():
    async def talk(writer):
        await asyncio.sleep(0.6)

    async with server(talk) as (base, _):
        with pytest.raises(EhrUnreachable, match="in time") as unreachable:
            await created(base, seconds=0.2)

    assert unreachable.value.may_have_happened


async def test_a_server_that_drips_is_left_in_time_too():
    async def talk(writer):
        for byte in HEAD:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.02)

    async with server(talk) as (base, _):
        started = asyncio.get_running_loop().time()
        with pytest.raises(EhrUnreachable, match="in time"):
            await created(base, seconds=0.2)

        assert asyncio.get_running_loop().time() - started < 0.6
