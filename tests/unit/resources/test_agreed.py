"""Until when a message may be sent: the last day that the Consent in it names, whole, in UTC."""

from datetime import UTC, datetime

import pytest

from ipvscreen.resources.agreed import agreed_until


def consent(end: str) -> dict:
    return {"resource": {"resourceType": "Consent", "provision": {"period": {"end": end}}}}


PATIENT = {"resource": {"resourceType": "Patient"}}


@pytest.mark.parametrize(
    ("message", "until"),
    [
        ({}, None),
        ({"entry": [PATIENT]}, None),
        ({"entry": [PATIENT, consent("2026-03-03")]}, datetime(2026, 3, 4, tzinfo=UTC)),
        ({"entry": [consent("2026-12-31")]}, datetime(2027, 1, 1, tzinfo=UTC)),
        ({"entry": [consent("2026-12-31"), consent("2026-03-03")]}, datetime(2026, 3, 4, tzinfo=UTC)),
    ],
)
def test_it_may_be_sent_until_the_end_of_the_last_day(message: dict, until: datetime | None) -> None:
    assert agreed_until(message) == until
