"""A server that did not prove who it is, or speaks an old TLS, gets nothing from us: no code, no token."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ipvscreen.ehr.client import FhirClient
from ipvscreen.errors import EhrUnreachable, LaunchRefused
from ipvscreen.smart.authorization import refresh
from ipvscreen.smart.client import Client
from ipvscreen.smart.discovery import discover, resolve

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
ANSWER = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
Served = tuple[str, Path, list[bytes]]


def certificate(folder: Path, host: str) -> Path:
    """A certificate for `host` that nobody but itself vouches for, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)  # OpenSSL asks the machine's clock
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{host}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture
def serving(tmp_path: Path) -> Callable[..., object]:
    """A TLS server on loopback; yields its base URL, its certificate and what it was told."""

    @asynccontextmanager
    async def serve(
        host: str = "localhost", *, old: bool = False
    ) -> AsyncIterator[tuple[str, Path, list[bytes]]]:
        file, told = certificate(tmp_path, host), []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        if old:
            context.set_ciphers("DEFAULT@SECLEVEL=0")
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            told.append(await reader.read(4096))
            writer.write(ANSWER)
            writer.close()

        server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
        async with server:
            yield f"https://localhost:{server.sockets[0].getsockname()[1]}/fhir", file, told

    return serve


async def everything_asked(http: httpx.AsyncClient, base: str) -> None:
    """Discovery, a refresh token and a read with a token: each is refused."""
    with pytest.raises(LaunchRefused):
        await discover(http, base)
    with pytest.raises(LaunchRefused):
        await refresh(http, resolve(base, "/token"), Client("our-id"), "the-refresh-token", NOW)

    async def token() -> str:
        return "the-token"

    with pytest.raises(EhrUnreachable):
        await FhirClient(http, base, token).read("Patient", "p1")


async def test_who_has_not_proved_who_it_is_is_told_nothing(serving):
    async with serving() as (base, _, told), httpx.AsyncClient() as http:
        await everything_asked(http, base)
        assert told == []


async def test_the_proof_of_another_host_is_none(serving):
    async with serving("elsewhere.example") as (base, file, told):
        async with httpx.AsyncClient(verify=ssl.create_default_context(cafile=str(file))) as http:
            await everything_asked(http, base)
        assert told == []


@pytest.mark.filterwarnings(
    "ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning"
)  # it is the point
async def test_tls_before_1_2_is_not_spoken(serving):
    async with serving(old=True) as (base, file, told):
        async with httpx.AsyncClient(verify=ssl.create_default_context(cafile=str(file))) as http:
            await everything_asked(http, base)
        assert told == []


async def test_the_same_server_with_its_proof_is_asked(serving):
    """The control: what was refused above was the missing proof."""
    async with serving() as (base, file, told):
        async with httpx.AsyncClient(verify=ssl.create_default_context(cafile=str(file))) as http:
            found = await http.get(base)
        assert found.status_code == 404
    assert told[0].startswith(b"GET /fhir HTTP/1.1")
