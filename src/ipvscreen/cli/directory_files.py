"""The files of a directory: one file, a folder of tables, or the same in a zip archive."""

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from ipvscreen.resources.hsds.limits import LARGEST

MOST_FILES = 100
_One = TypeVar("_One")


def files_at(path: Path) -> Mapping[str, bytes]:
    """The bytes of each file by its name without folders; ValueError with a plain sentence, or OSError.

    No more of a file is read than one byte above what is allowed, whatever an archive says of itself.
    """
    if path.is_dir():
        return {
            one.name: _read(one) for one in _few(sorted(path.glob("*.csv")) + sorted(path.glob("*.json")))
        }
    if zipfile.is_zipfile(path):
        return _unzipped(path)
    return {path.name: _read(path)}


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST + 1)


def _unzipped(path: Path) -> Mapping[str, bytes]:
    found: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in _few([one for one in archive.infolist() if not one.is_dir()]):
                name = member.filename.rsplit("/", 1)[-1]
                if name in found:
                    raise ValueError(f"{name}: is in the archive twice.")
                if name.endswith((".csv", ".json")):
                    with archive.open(member) as file:
                        found[name] = file.read(LARGEST + 1)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, zlib.error) as wrong:
        raise ValueError(f"{path.name}: cannot be unpacked: it is damaged or locked.") from wrong
    return found


def _few(files: list[_One]) -> list[_One]:
    if len(files) > MOST_FILES:
        raise ValueError(f"holds more than {MOST_FILES} files.")
    return files
