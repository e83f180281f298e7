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

    A person who is in the copy no more loses the key; who has left the live store meanwhile gets one that
    nobody keeps.
    """
    whose = _whose(copy, ring)
    live.execute("BEGIN IMMEDIATE")
    try:
        there = {ident for (ident,) in live.execute("SELECT id FROM visits")}
        known = stored(live, ring)
        _retire(live, known, set(whose.values()))
        of = {person: (ident, key) for ident, (person, key) in known.by_id.items()}
        for visit, person in whose.items():
            if person not in of:
                of[person] = _made(live, ring, person, keep=visit in there)
        live.execute("COMMIT")
    except BaseException:
        live.execute("ROLLBACK")
        raise
    return {visit: of[person] for visit, person in whose.items()}


def _whose(copy: sqlite3.Connection, ring: Ring) -> dict[str, str]:
    sealed = SealedTable(ring, visits.name)
    whose = {}
    for ident, ehr, context in copy.execute("SELECT id, ehr, context FROM visits"):
        with suppress(SealBroken):  # altered: nobody's, and stays as it is
            whose[ident] = person_of(ehr, sealed.open("context", ident, context))
    return whose


def _made(live: sqlite3.Connection, ring: Ring, person: str, *, keep: bool) -> tuple[str, bytes]:
    ident, key = secrets.token_hex(_ID_BYTES), secrets.token_bytes(KEY_BYTES)
    if keep:
        _insert(live, ring, ident, person, key)
    else:
        live.execute("INSERT INTO forgotten (id) VALUES (?)", (ident,))
    return ident, key


def _insert(connection: sqlite3.Connection, ring: Ring, ident: str, person: str, key: bytes) -> None:
    sealed = SealedTable(ring, person_keys.name)
    value = sealed.seal("key", ident, {"whose": person, "key": base64.b64encode(key).decode()})
    index = sealed.indexes("person_index", person)[0]
    connection.execute(
        "INSERT INTO person_keys (id, person_index, key) VALUES (?, ?, ?)", (ident, index, value)
    )


def _retire(live: sqlite3.Connection, known: Keys, present: set[str]) -> None:
    for ident in [ident for ident, (person, _) in known.by_id.items() if person not in present]:
        del known.by_id[ident]
        live.execute("DELETE FROM person_keys WHERE id = ?", (ident,))
        live.execute("INSERT INTO forgotten (id) VALUES (?)", (ident,))


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
    for ident, (person, key) in keys.by_id.items():
        _insert(connection, ring, ident, person, key)
    connection.executemany("INSERT INTO forgotten (id) VALUES (?)", [(ident,) for ident in keys.gone])
    connection.execute("COMMIT")
