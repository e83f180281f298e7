"""The one file beside the backups that holds the keys of persons, sealed as a whole."""

import base64
import io
import json
import os
import secrets
from pathlib import Path

from ipvscreen.store.person_keys import Keys
from ipvscreen.store.sealed import Ring
from ipvscreen.store.sealed_file import open_file, seal_file

NAME = "persons.keys"


def beside(backup: Path) -> Path:
    """Where it lies unless it is said."""
    return backup.with_name(NAME)


def read_keys(file: Path, ring: Ring) -> Keys:
    """What it holds; nothing where it is not there. KeyMissing or SealBroken where it does not open."""
    plain = io.BytesIO()
    try:
        with file.open("rb") as source:
            open_file(ring, source, plain)
    except FileNotFoundError:
        return Keys()
    body = json.loads(plain.getvalue())
    by_id = {ident: (whose, base64.b64decode(key)) for ident, (whose, key) in body["keys"].items()}
    return Keys(by_id, set(body["gone"]))


def write_keys(file: Path, keys: Keys, ring: Ring) -> None:
    """Replace it, at once and for its owner alone."""
    by_id = {ident: (whose, base64.b64encode(key).decode()) for ident, (whose, key) in keys.by_id.items()}
    plain = io.BytesIO(json.dumps({"keys": by_id, "gone": sorted(keys.gone)}).encode())
    new = file.with_name(f".{file.name}-{secrets.token_hex(4)}")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as target:
            seal_file(ring, plain, target)
            target.flush()
            os.fsync(target.fileno())
        new.replace(file)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
