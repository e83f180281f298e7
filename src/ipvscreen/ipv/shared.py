"""Which acts a record system's own log is told of, and what may have become of the telling."""

from enum import StrEnum

from ipvscreen.ipv.audit import Act

# Its staff may read that log, whatever the labels say. So these are acts of every visit, or acts on an entry
# of whatever kind, and each is told once a visit: a visit in which something was disclosed leaves what any
# other leaves. What only such a visit has stays with us: sending, calling, the end of a referral, a
# follow-up, an earlier visit taken up again. So does whatever was kept unfinished, own conduct among it, and
# the end, which a visit that waits for somebody does not have.
SHARED = frozenset({Act.OPENED, Act.SAVED, Act.EARLIER_READ, Act.CHANGED, Act.TAKEN_BACK, Act.HIDDEN})

TRIES = 3


class Fate(StrEnum):
    """What is known of one row that is to be told; one that was taken is not kept."""

    DUE = "due"
    BEGUN = "begun"  # sent, or about to be; whether it was taken is not known, so it is never sent again
    REFUSED = "refused"  # surely not taken
    BARE = "bare"  # taken, and shown without its labels: nothing more of that visit is told
