"""What can be learned from outside: how long a page is, how long it takes, how many entries are written."""

import re
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from ipvscreen.web import rooms as rooms_module
from ipvscreen.web.rooms import SIZE_CLASS

Visitors = Callable[[], Any]
YES, NO = "LA33-6", "LA32-8"
NEGATIVE = dict.fromkeys(("76500-8", "76501-6", "76502-4", "76503-2"), NO) | {"aas-1": "no"}
POSITIVE = NEGATIVE | {"76501-6": YES, "76502-4": YES}
QUICK = {"safe-today": "yes", "neck": "no", "suicide": "no"}
ROUNDS = 60


async def at_done(
    visitor: Any, answers: dict[str, str], patient: str = "anna-woman", clinician: str = "dr-osei"
) -> dict[str, int]:
    """The length in bytes of each page on the way to `done`, by its step."""
    await visitor.launch(patient, clinician)
    seen = {visitor.step: len(visitor.page.content)}
    for fields in ({"door": "ask", "setting": "gp"}, answers, *((QUICK,) if answers == POSITIVE else ())):
        await visitor.post(fields)
        seen[visitor.step] = len(visitor.page.content)
    await visitor.get("done")
    return seen | {visitor.step: len(visitor.page.content)}


async def test_every_page_of_a_visit_is_of_one_size_class(visitors: Visitors):
    yes, no = await at_done(visitors(), POSITIVE), await at_done(visitors(), NEGATIVE)

    assert {"start", "questions", "done"} <= set(no)
    assert {"start", "questions", "respond", "refer", "done"} == set(yes)
    assert set(yes.values()) == set(no.values()) == {SIZE_CLASS}


async def test_without_it_the_pages_would_tell(visitors: Visitors, monkeypatch: pytest.MonkeyPatch):
    """The control of the last test."""
    monkeypatch.setattr(rooms_module, "SIZE_CLASS", 1)

    yes, no = await at_done(visitors(), POSITIVE), await at_done(visitors(), NEGATIVE)

    assert yes["done"] != no["done"]
    assert yes["respond"] not in no.values()


async def test_what_follows_the_page_is_nothing(visitors: Visitors):
    visitor = visitors()
    await at_done(visitor, NEGATIVE)

    assert re.fullmatch(r"(?s).*</html>\s*", visitor.page.text)


def distance(one: list[float], other: list[float]) -> float:
    """Kolmogorov and Smirnov's: the greatest difference between the two distributions, 0 to 1."""
    both = sorted([(value, 0) for value in one] + [(value, 1) for value in other])
    seen, greatest = [0, 0], 0.0
    for _, which in both:
        seen[which] += 1
        greatest = max(greatest, abs(seen[0] / len(one) - seen[1] / len(other)))
    return greatest


async def test_the_page_after_save_takes_as_long_whatever_was_answered(house: Any, visitors: Visitors):
    """In turn, so that a machine that is busy for a while is so for both. p = 0.0001 at 0.4 for 60 and 60."""
    yes, no = visitors(), visitors()
    await at_done(yes, POSITIVE)
    await at_done(no, NEGATIVE, "freya-woman", "dr-lindqvist")  # a second visit would stop her first
    found: dict[str, list[float]] = {"yes": [], "no": []}
    for _ in range(ROUNDS):
        for name, visitor in (("yes", yes), ("no", no)):
            start = time.process_time()
            answer = await visitor.get("done")
            assert answer.status_code == 200
            found[name].append(time.process_time() - start)

    assert distance(found["yes"], found["no"]) < 0.4
    slower = [one * 1.5 for one in found["no"]]
    assert distance(found["no"], slower) > 0.4, "the control: half as long again would be seen"


async def test_without_a_flag_the_entries_are_as_many_and_labelled_alike(house: Any, visitors: Visitors):
    counted = []
    for answers, patient in ((POSITIVE, "anna-woman"), (NEGATIVE, "freya-woman")):
        await at_done(visitors(), answers, patient)
        found: Counter[tuple[str, str]] = Counter()
        async with house.reader() as reader:
            for kind in ("QuestionnaireResponse", "Observation", "Provenance", "Flag", "Procedure"):
                bundle = (await reader.get(f"/{kind}", params={"patient": patient})).json()
                for entry in bundle.get("entry", []):
                    labels = sorted(one["code"] for one in entry["resource"]["meta"]["security"])
                    found[kind, " ".join(labels)] += 1
        counted.append(found)

    assert counted[0] == counted[1]
    assert sum(counted[0].values()) > 8
