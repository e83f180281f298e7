"""A disk that is full or broken: the Save is refused, the page says so, and the record has got nothing.

A full disk is a real one where we may mount one (a tmpfs of two megabytes, as root). A broken one, and a full
one elsewhere, is made by a small library between SQLite and the system, compiled here.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import killed
import pytest

SOURCE = Path(__file__).with_name("no_disk.c")
CC = shutil.which("cc")
REFUSED = "Nothing was saved, and nothing was sent."
Break = Callable[[], Callable[[], None]]


def mounted(folder: Path) -> bool:
    """Whether a small disk of its own is there now."""
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    return os.geteuid() == 0 and not subprocess.run(command, capture_output=True, check=False).returncode  # noqa: S603


def fill(folder: Path) -> Callable[[], None]:
    """Fill that disk; what empties it again."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    return filler.unlink


def flag(folder: Path, how: str) -> Callable[[], None]:
    """Let the library fail from now on; what mends it."""
    (folder / how).touch()
    return (folder / how).unlink


@pytest.fixture(scope="module", params=["full", "broken"])
def disk(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[killed.House, Break]]:
    folder = tmp_path_factory.mktemp("disk")
    store = folder / "store"
    store.mkdir()
    with ExitStack() as stack:
        real = request.param == "full" and mounted(store)
        env: dict[str, str] = {}
        if real:
            stack.callback(subprocess.run, ["umount", "-l", str(store)], check=True)
        else:
            assert CC is not None, "without a compiler and without root no disk can be made to fail"
            library = folder / "no_disk.so"
            subprocess.run([CC, "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"], check=True)  # noqa: S603
            env = {"LD_PRELOAD": str(library), "FAILING": str(store)}
        how = "eio" if request.param == "broken" else "enospc"
        url = f"sqlite+aiosqlite:///{store / 'store.db'}"
        house = stack.enter_context(killed.house(folder, env, database=url))
        yield house, (lambda: fill(store)) if real else (lambda: flag(store, how))


async def test_what_cannot_be_kept_is_refused_and_nothing_is_pretended(
    disk: tuple[killed.House, Break],
) -> None:
    house, breaks = disk
    async with killed.window(house, 1) as window:
        await window.open(killed.POSITIVE, killed.QUIET)
        form, before = window.page, len(house.held()["bodies"])
        mends = breaks()
        try:
            refused = await window.visitor.post(form, **window.save)
        finally:
            mends()

        assert refused.status_code == 507, refused.text
        assert REFUSED in refused.text
        assert len(house.held()["bodies"]) == before
        assert await window.told() == "not yet", "nothing claims that it was saved"
        window.page = form
        await window.until_saved()
        window.check("saved", house.held()["bodies"])
        assert set(window.seen) <= {"saved", "saving"}, "the very same form, sent once more"
