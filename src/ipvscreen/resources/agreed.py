"""Until when what the person agreed to holds, read from the message that would be sent."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any


def agreed_until(message: Mapping[str, Any]) -> datetime | None:
    """The first moment (UTC) at which nothing may be sent any more; None where no end was agreed.

    None is also what is shared without agreement, on a recorded decision. The last day is the one that the
    Consent in the message names, and counts whole, in UTC.
    """
    ends = [_last_day(entry["resource"]) for entry in message.get("entry", ())]
    days = [day for day in ends if day is not None]
    if not days:
        return None
    return datetime.combine(min(days) + timedelta(days=1), time(), UTC)


def _last_day(resource: Mapping[str, Any]) -> date | None:
    if resource["resourceType"] != "Consent":
        return None
    return date.fromisoformat(resource["provision"]["period"]["end"])
