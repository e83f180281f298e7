"""A file sealed as a whole, piece by piece: nothing in it can be read, changed, moved or cut off unseen.

Each piece is bound to its file, its place, and whether it is the last: STREAM, of Hoang, Reyhanitabar,
Rogaway and Vizár, "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance" (CRYPTO 2015).
"""

import secrets
from collections.abc import Iterator
from typing import BinaryIO

from ipvscreen.store.sealed import Ring, SealBroken, open_sealed, seal

MAGIC = b"sealed backup 1\n"
PIECE = 1024 * 1024
_PURPOSE = "backup"
_NAME_BYTES = 16
_LENGTH_BYTES = 4
_LONGEST = PIECE + 1024  # a piece, the longest key id, nonce and tag


def seal_file(ring: Ring, source: BinaryIO, target: BinaryIO) -> None:
    """Write what `source` holds, sealed under the current key."""
    name = secrets.token_bytes(_NAME_BYTES)
    target.write(MAGIC + name)
    number, piece = 0, source.read(PIECE)
    while True:
        following = source.read(PIECE)
        shut = seal(ring, _PURPOSE, _place(name, number, last=not following), piece)
        target.write(len(shut).to_bytes(_LENGTH_BYTES) + shut)
        if not following:
            return
        number, piece = number + 1, following


def open_file(ring: Ring, source: BinaryIO, target: BinaryIO) -> None:
    """Write what was sealed; SealBroken for anything else, KeyMissing where the ring lacks its key.

    What was written until then counts for nothing: only the end says that it is whole.
    """
    if source.read(len(MAGIC)) != MAGIC:
        raise SealBroken("This is not a sealed backup.")
    name, number = source.read(_NAME_BYTES), 0
    pieces = _pieces(source)
    piece = next(pieces, b"")
    while True:
        following = next(pieces, b"")
        target.write(open_sealed(ring, _PURPOSE, _place(name, number, last=not following), piece))
        if not following:
            return
        number, piece = number + 1, following


def _pieces(source: BinaryIO) -> Iterator[bytes]:
    while head := source.read(_LENGTH_BYTES):
        length = int.from_bytes(head)
        piece = source.read(length) if length <= _LONGEST else b""
        if len(head) != _LENGTH_BYTES or not piece or len(piece) != length:
            raise SealBroken("This backup was altered, or is not whole.")
        yield piece


def _place(name: bytes, number: int, *, last: bool) -> str:
    return f"{name.hex()} {number} {'last' if last else 'more'}"
