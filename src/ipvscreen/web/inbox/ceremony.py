"""WebAuthn by py_webauthn: what the browser is asked, and whether what it answers can be taken."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import parse_authentication_credential_json
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from ipvscreen.ipv.lasting import CEREMONY
from ipvscreen.ipv.members import Member
from ipvscreen.messages import message
from ipvscreen.store.passkeys import KeyRefused, Passkey
from ipvscreen.web.inbox.place import Place
from ipvscreen.web.words import TITLE

_MILLISECONDS = int(CEREMONY.total_seconds() * 1000)
_REFUSED = message("This key cannot be used.")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a browser gave when it was asked to sign in, not yet believed."""

    text: str
    credential_id: bytes
    user: bytes | None


def make_key(place: Place, challenge: bytes, member: Member, keys: Iterable[Passkey]) -> str:
    """What the browser needs to make a key for the member, as JSON; one that holds any of `keys` makes none.

    The key is kept by the authenticator (nobody types who they are), and asks for finger, face or PIN.
    """
    options = generate_registration_options(
        rp_id=place.rp_id,
        rp_name=TITLE,
        user_name=member.name,
        user_id=bytes.fromhex(member.id),
        challenge=challenge,
        timeout=_MILLISECONDS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=key.credential_id) for key in keys],
    )
    return options_to_json(options)


def use_key(place: Place, challenge: bytes) -> str:
    """What the browser needs to sign in with any key that it has for us, as JSON."""
    options = generate_authentication_options(
        rp_id=place.rp_id,
        challenge=challenge,
        timeout=_MILLISECONDS,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


def made_key(
    place: Place, challenge: bytes, answer: str, member: Member, label: str, now: datetime
) -> Passkey:
    """The key that the browser has made; KeyRefused where the answer is not one to this challenge here."""
    try:
        made = verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=place.rp_id,
            expected_origin=place.origin,
            require_user_verification=True,
        )
    except Exception as wrong:  # a stranger's bytes: whatever a parser trips over is a refusal
        raise KeyRefused(_REFUSED) from wrong
    return Passkey(made.credential_id, made.credential_public_key, made.sign_count, label, member.id, now)


def read_answer(text: str) -> Answer:
    """Which key says that it has signed; KeyRefused for what is no answer."""
    try:
        credential = parse_authentication_credential_json(text)
    except Exception as wrong:  # as above
        raise KeyRefused(_REFUSED) from wrong
    return Answer(text, credential.raw_id, credential.response.user_handle)


def used_key(place: Place, challenge: bytes, answer: Answer, key: Passkey) -> Passkey:
    """The key with the count that it has signed with; KeyRefused unless it did sign, this challenge, here."""
    if answer.user is not None and answer.user.hex() != key.member_id:
        raise KeyRefused(_REFUSED)
    try:
        used = verify_authentication_response(
            credential=answer.text,
            expected_challenge=challenge,
            expected_rp_id=place.rp_id,
            expected_origin=place.origin,
            credential_public_key=key.public_key,
            credential_current_sign_count=key.sign_count,
            require_user_verification=True,
        )
    except Exception as wrong:  # as above
        raise KeyRefused(_REFUSED) from wrong
    return replace(key, sign_count=used.new_sign_count)
