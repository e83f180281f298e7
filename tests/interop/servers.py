"""Servers that no one here wrote, each a process of its own on loopback that ends with the test run."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

HERE = Path(__file__).parent
INTEROP = HERE.parents[1] / "var" / "interop"


def hapi_command() -> list[str]:
    """HAPI's JPA server on H2; skips, in CI fails, where scripts/interop has not built it."""
    java, classpath = shutil.which("java"), INTEROP / "classpath"
    if java is None or not (INTEROP / "classes" / "Hapi.class").is_file() or not classpath.is_file():
        missing("HAPI's server is not there: it needs a JDK, Maven and scripts/interop")
    path = f"{INTEROP / 'classes'}:{classpath.read_text(encoding='utf-8')}"
    # It lives for two minutes: the second compiler would cost more than it gives.
    return [str(java), "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", path, "Hapi"]


def medplum_command() -> list[str]:
    """Medplum's router; skips, in CI fails, where it is not installed."""
    node = shutil.which("node")
    if node is None or not (HERE / "node_modules" / "@medplum" / "fhir-router").is_dir():
        missing("Medplum's router is not installed: it needs Node, npm and scripts/interop")
    return [str(node), str(HERE / "medplum.mjs")]


def missing(why: str) -> None:
    """Skip what needs it, or fail in CI."""
    pytest.fail(why) if os.environ.get("IPVSCREEN_CI") else pytest.skip(why)


@contextmanager
def running(command: list[str], log: Path) -> Iterator[str]:
    """Start it and wait for its port; the FHIR base. It ends when its standard input does, or is killed."""
    with (
        log.open("w", encoding="utf-8") as errors,
        subprocess.Popen(  # noqa: S603  our own program
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as server,
    ):
        try:
            assert server.stdout is not None
            port = server.stdout.readline().strip()
            assert port.isdecimal(), f"it did not start: {log.read_text(encoding='utf-8')[-2000:]}"
            yield f"http://127.0.0.1:{port}/fhir"
        finally:
            assert server.stdin is not None
            server.stdin.close()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
