"""Sealing: AES-256-GCM, a key of its own for each purpose, bound to the place where the value lies."""

import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ipvscreen.errors import IpvscreenError

KEY_BYTES = 32
_NONCE_BYTES = 12  # NIST SP 800-38D, 8.2.2: random, 96 bits
_LONGEST_KEY_ID = 255  # its length is one byte
_BLOCK = 256


class SealBroken(IpvscreenError):
    """A sealed value was altered, or lies where it was not put."""


class KeyMissing(SealBroken):
    """It names a key that the ring does not hold; in the store that is a mistake in the settings."""


@dataclass(frozen=True, slots=True)
class Ring:
    """Keys of 32 bytes by key id; `current` seals, each of them opens. ValueError for any other ring."""

    keys: Mapping[str, bytes] = field(repr=False)
    current: str

    def __post_init__(self) -> None:
        """Refuse at start what would otherwise fail at the first disclosure."""
        if self.current not in self.keys:
            raise ValueError("the current key is not on the ring")
        for key_id, key in self.keys.items():
            if len(key) != KEY_BYTES:
                raise ValueError(f"key {key_id!r} must be {KEY_BYTES} bytes")
            if not 0 < len(key_id.encode()) <= _LONGEST_KEY_ID:
                raise ValueError(f"a key id must be 1 to {_LONGEST_KEY_ID} bytes")


def _derived(key: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode()).derive(key)


def key_prefix(key_id: str) -> bytes:
    """How every value begins that this key has sealed."""
    return bytes([len(key_id.encode())]) + key_id.encode()


def seal(ring: Ring, purpose: str, aad: str, plain: bytes) -> bytes:
    """`plain` under the current key: one byte of length, key id, nonce, ciphertext with tag."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    shut = AESGCM(_derived(ring.keys[ring.current], purpose)).encrypt(nonce, plain, aad.encode())
    return key_prefix(ring.current) + nonce + shut


def open_sealed(ring: Ring, purpose: str, aad: str, sealed: bytes) -> bytes:
    """What `seal` was given; KeyMissing for a key not on the ring, SealBroken for all else."""
    at = 1 + sealed[0] if sealed else 0
    key = ring.keys.get(sealed[1:at].decode(errors="replace"))
    if key is None:
        raise KeyMissing("A stored value was sealed with a key that is not in the settings.")
    nonce, shut = sealed[at : at + _NONCE_BYTES], sealed[at + _NONCE_BYTES :]
    try:
        return AESGCM(_derived(key, purpose)).decrypt(nonce, shut, aad.encode())
    except (InvalidTag, ValueError):  # ValueError: cut so short that no nonce is left
        raise SealBroken("A stored value was altered or moved.") from None


def blind_indexes(ring: Ring, purpose: str, value: str) -> tuple[str, ...]:
    """HMAC-SHA-256 of `value` in hex under each key, the current one first: write the first, look up all."""
    ids = sorted(ring.keys, key=lambda key_id: key_id != ring.current)
    keys = (_derived(ring.keys[key_id], f"index {purpose}") for key_id in ids)
    return tuple(hmac.new(key, value.encode(), sha256).hexdigest() for key in keys)


class SealedTable:
    """JSON values in the sealed columns of one table; a value opens only in its own column and row."""

    def __init__(self, ring: Ring, table: str) -> None:
        self._ring = ring
        self._table = table

    def seal(self, column: str, row: str, value: Any) -> bytes:
        """`value` as padded JSON, sealed for that place; None too, so that nothing shows what is absent."""
        plain = json.dumps(value).encode()
        plain += b" " * (-len(plain) % _BLOCK)  # the length of a draft would tell how much was answered
        return seal(self._ring, self._purpose(column), self._place(column, row), plain)

    def open(self, column: str, row: str, sealed: bytes) -> Any:
        """What was sealed for that place; SealBroken where it does not open."""
        plain = open_sealed(self._ring, self._purpose(column), self._place(column, row), sealed)
        return json.loads(plain)

    def indexes(self, column: str, value: str) -> tuple[str, ...]:
        """`blind_indexes` for that column."""
        return blind_indexes(self._ring, self._purpose(column), value)

    def _purpose(self, column: str) -> str:
        return f"{self._table}.{column}"

    def _place(self, column: str, row: str) -> str:
        return f"{self._table}.{column}.{row}"
