"""What lies in the files: no plain word about a person, and nothing that can be moved or exchanged."""

import base64
import json
import sqlite3
import stat
from contextlib import closing
from dataclasses import astuple, replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from ipvscreen.ipv.draft import Draft
from ipvscreen.ipv.person import Person
from ipvscreen.ipv.visit import VisitState
from ipvscreen.resources.written import Check, Written, WrittenOne
from ipvscreen.store.facade import Store
from ipvscreen.store.grant import Grant
from ipvscreen.store.launches import PendingLaunch
from ipvscreen.store.outbox import UNREADABLE
from ipvscreen.store.sealed import SealBroken
from ipvscreen.store.signing_keys import NewKey
from ipvscreen.store.sittings import Sitting

SERVICE = {"resourceType": "HealthcareService", "id": "mentors", "name": "canary-service"}


CANARIES = [
    *("canary-form", "canary-item", "canary-answer", "canary-reference", "canary-words"),
    *("canary-patient", "canary-encounter", "canary-user", "canary-user-key", "canary-user-name"),
    *("canary-name", "canary-language", "canary-last-form", "canary-cookie", "canary-token"),
    *("canary-refresh", "canary-granted", "canary-sitting-user", "canary-sitting-cookie", "canary-jwk"),
    *("canary-service-id", "canary-service-name", "canary-phone", "canary-refusal", "canary-service"),
    *("canary-body", "canary-endpoint", "canary-correlation", "canary-text"),
    *("canary-verifier", "canary-nonce", "canary-url", "canary-iss", "canary-scope"),
]
# What may be found, and so shows that the search finds what lies there: a plain name, and a plain hash
# (the launch's row is named by the hash of its state, which is as good as random).
VISIBLE = ["visible-ehr-name", "visible-by-hash"]


def run(file: Path, statement: str, *values: object) -> None:
    """Change the file behind the store's back."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(statement, values)


def forms_of(canary: str) -> list[bytes]:
    """How a value could show: as text in two encodings, in base64, in hex, as a plain hash."""
    plain = canary.encode()
    shifted = [base64.b64encode(b" " * by + plain)[4:-4] for by in range(3)]
    digest = sha256(plain).digest()
    return [plain, canary.encode("utf-16-le"), plain.hex().encode(), digest, digest.hex().encode(), *shifted]


async def test_no_canary_is_found_in_the_files(
    store: Store, file: Path, at: datetime, new_visit, new_referral
):
    draft = Draft(entered={"canary-form": {"canary-item": ("canary-answer",)}})
    written = Written((WrittenOne("k", "Flag", "Flag/canary-reference", Check.FAILED, "canary-words"),))
    visit = new_visit(
        ehr="visible-ehr-name",
        patient_id="canary-patient",
        encounter_id="canary-encounter",
        user="Practitioner/canary-user",
        user_key="canary-user-key",
        user_name="canary-user-name",
        person=Person("canary-name", date(1990, 5, 17), interpreter="canary-language"),
        last_form="canary-last-form",
        cookie_hash="canary-cookie",
    )
    referral, job = new_referral()
    referral = replace(
        referral, service_id="canary-service-id", service_name="canary-service-name", phone="canary-phone"
    )
    job = replace(
        job,
        body={"name": "canary-body"},
        endpoint="https://canary-endpoint",
        correlation="canary-correlation",
    )
    launch = PendingLaunch(
        state="visible-by-hash",
        ehr="p",
        iss="canary-iss",
        verifier="canary-verifier",
        nonce="canary-nonce",
        browser="b" * 64,
        endpoints={"token": "canary-url"},
        created_at=at,
        scope="canary-scope",
    )
    granted = Grant("canary-token", at, "canary-refresh", "https://ehr.test/token", "canary-granted")
    until = at + timedelta(hours=1)
    sitting = Sitting(
        "s", "p", "i", "canary-sitting-user", "canary-user-key", "n", "canary-sitting-cookie", at, until
    )
    key = NewKey("kid", "ES384", {"d": "canary-jwk"})

    await store.launches.put(launch)
    await store.visits.create(replace(visit, id="earlier"), granted)
    run(file, "PRAGMA wal_checkpoint(TRUNCATE)")  # from the log into the file: both are searched
    await store.launches.put(replace(launch, created_at=at + timedelta(minutes=5)))
    await store.sittings.create(sitting)
    await store.signing_keys.rotate([key], at)
    await store.services.replace([SERVICE])
    visit = await store.visits.create(visit, granted)
    visit = await store.visits.change(visit, draft=draft, written=written, referred_in_record=written)
    await store.referrals.add(visit, referral, job)
    (leased,) = await store.outbox.claim(at, 1, 30)
    await store.outbox.fail(leased, at, "canary-refusal")
    await store.followups.add(visit, due=at.date(), text="canary-text")

    contents = {path.name: path.read_bytes() for path in file.parent.iterdir()}
    stored = repr([visit, referral, job, launch, SERVICE, sitting, astuple(granted), key.jwk])
    stored += "canary-refusal canary-text"
    assert [word for word in CANARIES if word not in stored] == [], "what was not stored proves nothing"
    found = {(name, word) for name, content in contents.items() for word in showing(content)}
    names = (file.name, f"{file.name}-wal")
    assert found == {(name, word) for name in names for word in VISIBLE}
    assert not any(b"visible-by-hash" in content for content in contents.values())


def showing(content: bytes) -> list[str]:
    """Which of the words can be found there, in any form."""
    return [word for word in [*CANARIES, *VISIBLE] if any(form in content for form in forms_of(word))]


async def test_the_file_and_its_log_are_for_their_owner_alone(store: Store, file: Path):
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}

    assert f"{file.name}-wal" in modes
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize(
    "column", ["token", "context", "person", "plan", "draft", "written", "referred_in_record"]
)
async def test_another_visits_value_does_not_open(
    store: Store, file: Path, new_visit, new_grant, column: str
):
    await store.visits.create(new_visit(), new_grant("token-1"))
    await store.visits.create(new_visit(id="visit-2", patient_id="patient-2"), new_grant("token-2"))

    run(
        file,
        f"UPDATE visits SET {column} = other.{column} FROM visits AS other"  # noqa: S608  names from above
        " WHERE visits.id = 'visit-1' AND other.id = 'visit-2'",
    )

    with pytest.raises(SealBroken):
        await (store.visits.grant("visit-1") if column == "token" else store.visits.get("visit-1"))


async def test_a_value_does_not_open_in_another_column(store: Store, file: Path, new_visit, new_grant):
    written = Written((WrittenOne("k", "Flag", "Flag/1", Check.FAILED, ""),))
    await store.visits.create(new_visit(written=written), new_grant())

    run(file, "UPDATE visits SET referred_in_record = written")

    with pytest.raises(SealBroken):
        await store.visits.get("visit-1")


async def test_a_value_does_not_open_in_another_table(
    store: Store, file: Path, new_visit, new_grant, at: datetime
):
    visit = await store.visits.create(new_visit(id="same-id"), new_grant())
    await store.services.replace([SERVICE | {"id": "same-id"}])
    await store.followups.add(visit, due=at.date(), text="text")

    run(file, "UPDATE services SET body = (SELECT person FROM visits)")
    run(file, "UPDATE followups SET id = 'same-id', text = (SELECT token FROM visits)")

    with pytest.raises(SealBroken):
        await store.services.all()
    with pytest.raises(SealBroken):
        await store.followups.of_clinician(visit.ehr, visit.user_key)


async def test_a_service_cannot_be_given_another_endpoint(store: Store, file: Path):
    await store.services.replace([SERVICE])

    run(file, "UPDATE services SET body = ?", json.dumps(SERVICE | {"name": "other"}).encode())

    with pytest.raises(SealBroken):
        await store.services.all()


async def test_a_message_that_was_exchanged_is_refused_and_the_others_go_out(
    store: Store, file: Path, at: datetime, new_visit, new_grant, new_referral
):
    visit = await store.visits.create(new_visit(state=VisitState.RECORDED), new_grant())
    for key in ("key-1", "key-2"):
        visit = await store.referrals.add(visit, *new_referral(key))

    run(
        file,
        "UPDATE outbox SET message = (SELECT message FROM outbox WHERE key = 'key-2') WHERE key = 'key-1'",
    )

    assert [job.key for job in await store.outbox.claim(at, 10, 30)] == ["key-2"]
    refused = await store.referrals.get("key-1")
    assert refused is not None
    assert (refused.state, refused.words) == ("refused", UNREADABLE)


async def test_what_is_deleted_is_overwritten(store: Store, file: Path, at: datetime):
    launch = PendingLaunch("state", "p", "i", "v", "n", "visible-browser", {}, at)
    await store.launches.put(launch)
    run(file, "PRAGMA wal_checkpoint(TRUNCATE)")
    assert is_in(file, b"visible-browser")

    await store.launches.take("state", "visible-browser", at)

    await store.close()
    assert not is_in(file, b"visible-browser")


def is_in(file: Path, word: bytes) -> bool:
    return word in file.read_bytes()
