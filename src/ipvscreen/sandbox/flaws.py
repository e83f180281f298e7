"""Faults that record systems have been seen with, by name: what `ipvscreen sandbox --flaw` switches on."""

from collections.abc import Callable

from ipvscreen.sandbox.kinds import WRITABLE
from ipvscreen.sandbox.switches import LabelLoss, Switches


def _no_s256(switches: Switches) -> None:
    """Says nothing of PKCE, and does not look at it (seen: smart-on-fhir/client-js#174)."""
    switches.no_s256 = True


def _drops_labels(switches: Switches) -> None:
    """Stores everything without its labels; R4 leaves it to the server whether it keeps them."""
    switches.drop_labels = set(WRITABLE)


def _no_flag_create(switches: Switches) -> None:
    """Takes no new Flag (seen: Epic's sandbox reads and searches them only)."""
    switches.flag_create = False


def _labels_missing_in_bundles(switches: Switches) -> None:
    """Keeps labels, and leaves them out of its Bundles (seen: hapifhir/hapi-fhir#8362)."""
    switches.labels_missing_in_search = switches.labels_missing_in_history = True


def _losing(way: LabelLoss) -> Callable[[Switches], None]:
    """Of every type, in that way."""

    def flaw(switches: Switches) -> None:
        switches.label_loss = dict.fromkeys(sorted(WRITABLE), way)

    flaw.__doc__ = f"Loses the labels of everything: {way}."
    return flaw


FLAWS: dict[str, Callable[[Switches], None]] = {
    "no-s256": _no_s256,
    "drops-labels": _drops_labels,
    "no-flag-create": _no_flag_create,
    "labels-missing-in-bundles": _labels_missing_in_bundles,
    "downgrades-labels": _losing("downgraded"),
    "drops-labels-on-update": _losing("on-update"),
    "labels-missing-in-search": _losing("in-search"),
    "labels-missing-in-history": _losing("in-history"),
    "labels-of-other-system": _losing("other-system"),
    "saves-nothing": _losing("not-saved"),
    "labels-late": _losing("late"),
}
