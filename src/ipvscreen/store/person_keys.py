"""A key for each person, under which backups seal once more what they hold of that person.

The keys stand in the store and in one file beside the backups, which each backup replaces, and in no backup.
Who takes a person's key out of both makes every backup of that person unreadable, wherever it lies.
"""

import base64
import secrets
import sqlite3
from contextlib import suppress
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ipvscreen.store.persons import person_of
from ipvscreen.store.sealed import KEY_BYTES, Ring, SealBroken, SealedTable
from ipvscreen.store.tables import forgotten, person_keys, visits

MARK = b"\0"  # what the ring has sealed begins with the length of a key id, which is never zero
_ID_BYTES, _NONCE_BYTES = 16, 12
_INSERT = "INSERT INTO person_keys (id, person_index, key) VALUES (?, ?, ?)"


@dataclass(slots=True)
class Keys:
    """Keys by id, each with the person whose it is; `gone` are ids that no copy may bring back."""

    by_id: dict[str, tuple[str, bytes]] = field(default_factory=dict, repr=False)
    gone: set[str] = field(default_factory=set)

    def with_older(self, older: "Keys") -> "Keys":
        """Both together, without what either knows to be gone."""
        gone = self.gone | older.gone
        both = older.by_id | self.by_id
        return Keys({ident: one for ident, one in both.items() if ident not in gone}, gone)


class PersonGone(SealBroken):
    """The key of that person is gone."""


def wrap(key: tuple[str, bytes], place: str, value: bytes) -> bytes:
    """`value` under a person's key: mark, key id, nonce, ciphertext with tag."""
    ident, secret = key
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return MARK + bytes.fromhex(ident) + nonce + AESGCM(secret).encrypt(nonce, value, place.encode())


def unwrap(keys: Keys, place: str, value: bytes) -> bytes:
    """What was wrapped; as it is what was not. PersonGone, or SealBroken where it does not open."""
    if not value.startswith(MARK):
        return value
    at = 1 + _ID_BYTES
    ident = value[1:at].hex()
    if ident in keys.gone:
        raise PersonGone("The key of that person is gone.")
    if ident not in keys.by_id:
        raise SealBroken("The keys are not of this backup.")
    nonce, shut = value[at : at + _NONCE_BYTES], value[at + _NONCE_BYTES :]
    try:
        return AESGCM(keys.by_id[ident][1]).decrypt(nonce, shut, place.encode())
    except (InvalidTag, ValueError):
        raise SealBroken("A stored value was altered or moved.") from None


def keys_for(live: sqlite3.Connection, copy: sqlite3.Connection, ring: Ring) -> dict[str, tuple[str, bytes]]:
    """The key of each visit in `copy`, by visit; made in `live` where there is none.

    A person who is in the copy no more loses the key, unless a visit that does not open could be theirs; who
    has left the live store meanwhile gets one that nobody keeps. SealBroken for a key that does not open.
    """
    whose, all_open = _whose(copy, ring)
    known = stored(live, ring)
    of = {person: (ident, key) for ident, (person, key) in known.by_id.items()}
    new = {person: visit for visit, person in whose.items() if person not in of}
    made = {person: (secrets.token_hex(_ID_BYTES), secrets.token_bytes(KEY_BYTES)) for person in new}
    rows = {new[person]: _row(ring, ident, person, key) for person, (ident, key) in made.items()}
    present = set(whose.values())
    retired = [ident for ident, (person, _) in known.by_id.items() if person not in present]
    _store(live, rows, retired if all_open else [])
    return {visit: (of | made)[person] for visit, person in whose.items()}


def _store(live: sqlite3.Connection, rows: dict[str, tuple[str, str, bytes]], retired: list[str]) -> None:
    """In one short transaction: `rows` by a visit of the person, and keys that nobody needs any more."""
    live.execute("BEGIN IMMEDIATE")
    try:
        there = {ident for (ident,) in live.execute("SELECT id FROM visits")}
        gone = [*retired, *(row[0] for visit, row in rows.items() if visit not in there)]
        live.executemany(_INSERT, [row for visit, row in rows.items() if visit in there])
        live.executemany("DELETE FROM person_keys WHERE id = ?", [(ident,) for ident in retired])
        live.executemany("INSERT OR IGNORE INTO forgotten (id) VALUES (?)", [(ident,) for ident in gone])
        live.execute("COMMIT")
    except BaseException:
        live.execute("ROLLBACK")
        raise


def _whose(copy: sqlite3.Connection, ring: Ring) -> tuple[dict[str, str], bool]:
    """The person of each visit that opens, and whether all do."""
    sealed, whose = SealedTable(ring, visits.name), {}
    rows = copy.execute("SELECT id, ehr, context FROM visits").fetchall()
    for ident, ehr, context in rows:
        with suppress(SealBroken):  # altered: nobody's, and stays as it is
            whose[ident] = person_of(ehr, sealed.open("context", ident, context))
    return whose, len(whose) == len(rows)


def _row(ring: Ring, ident: str, person: str, key: bytes) -> tuple[str, str, bytes]:
    sealed = SealedTable(ring, person_keys.name)
    value = sealed.seal("key", ident, {"whose": person, "key": base64.b64encode(key).decode()})
    return ident, sealed.indexes("person_index", person)[0], value


def stored(connection: sqlite3.Connection, ring: Ring) -> Keys:
    """The keys that stand in a store."""
    sealed = SealedTable(ring, person_keys.name)
    found = Keys(gone={ident for (ident,) in connection.execute("SELECT id FROM forgotten")})
    for ident, value in connection.execute("SELECT id, key FROM person_keys").fetchall():
        one = sealed.open("key", ident, value)
        found.by_id[ident] = (one["whose"], base64.b64decode(one["key"]))
    return found


def put(connection: sqlite3.Connection, ring: Ring, keys: Keys) -> None:
    """Make these the keys of a store."""
    connection.execute("BEGIN")
    for table in (person_keys, forgotten):
        connection.execute(f"DELETE FROM {table.name}")  # noqa: S608  names from above
    rows = [_row(ring, ident, person, key) for ident, (person, key) in keys.by_id.items()]
    connection.executemany(_INSERT, rows)
    connection.executemany("INSERT INTO forgotten (id) VALUES (?)", [(ident,) for ident in keys.gone])
    connection.execute("COMMIT")
