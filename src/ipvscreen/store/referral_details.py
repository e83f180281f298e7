"""What a referral is about, as it lies sealed in its row: to whom, on what footing, for which need."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from ipvscreen.ipv.by_hand import ByHand
from ipvscreen.ipv.need import need_from_json, need_to_json
from ipvscreen.ipv.referral import Agreement, Sharing
from ipvscreen.ipv.services import Need

_ALWAYS = ("service_id", "service_name", "phone", "urgent")


def details_to_json(referral: Any) -> dict[str, Any]:
    """As plain JSON; how the person can be reached is in the message alone, which is not kept."""
    agreed, need = referral.agreement, referral.need
    more = {
        "agreement": agreed and asdict(agreed) | {"until": agreed.until.isoformat()},
        "sharing": referral.sharing and asdict(referral.sharing),
        "need": need and need_to_json(need),
        "by_hand": sorted(referral.by_hand),
        "review": referral.review and referral.review.isoformat(),
    }
    always = {name: getattr(referral, name) for name in _ALWAYS}
    return always | {name: value for name, value in more.items() if value}


def details_from_json(stored: Mapping[str, Any]) -> dict[str, Any]:
    """By field of Referral what `details_to_json` stored, also in an earlier version."""
    typed = {name: read(stored[name]) for name, read in _TYPED.items() if name in stored}
    return {**stored, **typed}


def _agreement(stored: Mapping[str, Any]) -> Agreement:
    return Agreement(stored["out"], stored["back"], date.fromisoformat(stored["until"]))


def _sharing(stored: Mapping[str, Any]) -> Sharing:
    return Sharing(**stored)


def _by_hand(stored: Sequence[str]) -> frozenset[ByHand]:
    return frozenset(map(ByHand, stored))


def _need(stored: Mapping[str, Any]) -> Need:
    return need_from_json(stored)


_TYPED: Mapping[str, Callable[[Any], Any]] = {
    "agreement": _agreement,
    "sharing": _sharing,
    "need": _need,
    "by_hand": _by_hand,
    "review": date.fromisoformat,
}
