"""A software authenticator: makes keys and signs as WebAuthn says, and lies where a test tells it to."""

import json
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import encode_cbor

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40  # WebAuthn level 2, 6.1


def text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


@dataclass
class Key:
    """One key pair; `count` goes up with each use unless `counts` is off, as with many real ones."""

    rp_id: str
    user: str = ""
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    private: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP256R1()))
    count: int = 0
    counts: bool = True

    @property
    def public(self) -> bytes:
        """The public key as COSE (RFC 8152, 13.1.1)."""
        numbers = self.private.public_key().public_numbers()
        x, y = (one.to_bytes(32, "big") for one in (numbers.x, numbers.y))
        return encode_cbor({1: 2, 3: -7, -1: 1, -2: x, -3: y})

    def make(self, options: dict[str, Any], here: str, **lies: Any) -> str:
        """The answer to `navigator.credentials.create`."""
        self.user = options["user"]["id"]
        attested = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id
        data = self._data(ATTESTED, **lies) + attested + self.public
        client = self._client("webauthn.create", options["challenge"], here, lies)
        attestation = encode_cbor({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer({"clientDataJSON": text(client), "attestationObject": text(attestation)})

    def sign(self, options: dict[str, Any], here: str, **lies: Any) -> str:
        """The answer to `navigator.credentials.get`."""
        self.count += self.counts
        data = self._data(0, **lies)
        client = self._client("webauthn.get", options["challenge"], here, lies)
        private = lies.get("private", self.private)
        signature = private.sign(data + sha256(client).digest(), ECDSA(SHA256()))
        return self._answer(
            {
                "clientDataJSON": text(client),
                "authenticatorData": text(data),
                "signature": text(signature),
                "userHandle": lies.get("user", self.user),
            }
        )

    def _data(self, more: int, **lies: Any) -> bytes:
        rp_id = lies.get("rp_id", self.rp_id)
        flags = more | lies.get("flags", PRESENT | VERIFIED)
        return sha256(rp_id.encode()).digest() + bytes([flags]) + lies.get("count", self.count).to_bytes(4)

    def _client(self, kind: str, challenge: str, here: str, lies: dict[str, Any]) -> bytes:
        given = {"type": kind, "challenge": challenge, "origin": here, "crossOrigin": False}
        return json.dumps(given | {name: lies[name] for name in given if name in lies}).encode()

    def _answer(self, response: dict[str, str]) -> str:
        ident = text(self.credential_id)
        return json.dumps({"id": ident, "rawId": ident, "type": "public-key", "response": response})
