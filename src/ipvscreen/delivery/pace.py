"""How fast and for how long a message is tried."""

from dataclasses import dataclass
from datetime import timedelta

GATHER_SECONDS = 0.005  # after an answer: others come at the same moment, and are claimed for together


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds, but for `give_up` and the counts. A lease is longer than two tries: a live sender keeps it."""

    at_once: int = 16  # messages on their way from one sender
    each: int = 4  # for one recipient, from all senders
    lease: float = 30.0
    push: float = 10.0
    idle: float = 1.0  # between two looks at the outbox, unless kicked
    first_wait: float = 5.0
    longest_wait: float = 86_400.0
    longest_asked: float = 86_400.0  # a service may put a message off for a day, not for longer
    hurry: float = 30.0  # until others are tried again, once their recipient has taken one
    held: float = 60.0  # until it is asked again whether stewards have decided where a message goes
    give_up: timedelta = timedelta(days=14)  # a person has seen for days that it does not arrive

    def wait(self, attempts: int, age: timedelta, spread: float) -> float:
        """Seconds to wait after so many attempts at a message of that age; `spread` takes up to half of it.

        They double from the first, up to a day, but are never more than a quarter of its age: what could not
        be delivered for an hour is tried within the next quarter of one. Attempts count, too, since what is
        old because nobody was there to send it has not been tried for long.
        """
        doubled = self.first_wait * 2.0 ** min(attempts - 1, 40)
        by_age = max(self.first_wait, age.total_seconds() / 4.0)
        return min(self.longest_wait, doubled, by_age) * (1.0 - spread / 2.0)
