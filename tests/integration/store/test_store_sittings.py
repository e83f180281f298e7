"""Sittings: a clinician without a patient, kept whole and gone when over."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ipvscreen.store.facade import Store
from ipvscreen.store.sealed import SealBroken
from ipvscreen.store.sittings import Sitting


@pytest.fixture
def sitting(at: datetime) -> Sitting:
    return Sitting(
        id="sitting-1",
        ehr="practice",
        iss="https://ehr.test/fhir",
        user="Practitioner/1",
        user_key="https://ehr.test/fhir Practitioner/1",
        user_name=None,
        cookie_hash="c" * 64,
        opened_at=at,
        expires_at=at + timedelta(minutes=60),
    )


async def test_a_sitting_comes_back_as_it_was_and_closes(store: Store, sitting: Sitting):
    assert await store.sittings.create(sitting) == sitting
    assert await store.sittings.get("sitting-1") == sitting

    await store.sittings.close(sitting)
    await store.sittings.close(sitting)

    assert await store.sittings.get("sitting-1") is None


async def test_what_ran_out_goes_with_the_next(store: Store, sitting: Sitting):
    await store.sittings.create(sitting)
    for seconds, there in ((-1, True), (0, False)):
        opened = sitting.expires_at + timedelta(seconds=seconds)
        later = replace(sitting, id=f"at {seconds}", opened_at=opened, expires_at=opened + timedelta(hours=1))
        await store.sittings.create(later)
        assert (await store.sittings.get("sitting-1") is not None) is there


async def test_nobody_can_be_put_in_anothers_place(store: Store, file: Path, sitting: Sitting):
    await store.sittings.create(sitting)
    await store.sittings.create(replace(sitting, id="sitting-2", user_key="another", cookie_hash="d" * 64))

    async with store._engine.execution_options(ipvscreen_writes=True).begin() as connection:
        await connection.exec_driver_sql(
            "UPDATE sittings SET context = (SELECT context FROM sittings WHERE id = 'sitting-2')"
        )

    with pytest.raises(SealBroken):
        await store.sittings.get("sitting-1")
