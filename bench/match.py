"""Matching 400 services beside a bare loop over them: how long a clinician waits for verdicts and reasons.

The bare loop reads each service and makes the same number of answers, without a rule. Both take turns; the
spread of the ratio is that of the bare loop against itself. `read` is what the page does before: from the
opened rows of the store to services.
"""

import argparse
import os
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

from rich.console import Console
from rich.table import Table

from ipvscreen.ipv.matching import match
from ipvscreen.ipv.person import Setting, Sex
from ipvscreen.ipv.services import Kind, Match, Need, Places, Risk, Service, Verdict
from ipvscreen.resources.directory import kept_service, resource_of

SERVICES = 400
PAIRS = 25
GOAL = 0.020  # seconds
TODAY = date(2026, 3, 2)
NEED = Need(
    age=30,
    sex=Sex.FEMALE,
    setting=Setting.GP,
    current=True,
    past=False,
    danger=True,
    day=TODAY,
    children=True,
    pregnant=False,
    wishes=frozenset({"safety", "housing", "children"}),
    risk=Risk.MEDIUM,
    area="E1",
)
PLAIN = Service(
    id="s0",
    kind=Kind.SPECIALIST,
    name="Harbour",
    short_name="Harbour",
    for_whom="For anyone from 16.",
    hours="Mon-Fri 09:00-17:00",
    phone="01632 960001",
    reply_hours=48,
    endpoint="https://harbour.example/fhir",
    contact_rules_signed=TODAY,
)


def made(number: int) -> Service:
    """One of them, always the same; most state a few rules, some none."""
    draw = random.Random(number)  # noqa: S311  nothing here is a secret
    return replace(
        PLAIN,
        id=f"s{number}",
        kind=draw.choice(list(Kind)),
        sexes=frozenset(draw.sample([Sex.FEMALE, Sex.MALE], draw.choice((0, 1, 2)))),
        age_from=draw.choice((0, 16, 18)),
        age_to=draw.choice((None, None, 25)),
        areas=frozenset(draw.sample(["E1", "E2", "E3"], draw.choice((0, 1, 2)))),
        risk_from=draw.choice((None, Risk.HIGH)),
        clinical_partner=draw.choice(("", "Dr Moor")),
        places=draw.choice((None, *Places)),
        places_on=TODAY,
    )


def bare(services: list[Service]) -> list[Match]:
    """As many answers, without a rule."""
    return [Match(one, Verdict.YES, (one.for_whom,)) for one in services]


def timed(work: Callable[[Any], Any], given: Any) -> float:
    """Processor seconds of one run: what others do on this machine meanwhile is not ours."""
    began = time.process_time()
    if len(work(given)) != SERVICES:
        raise RuntimeError("an answer is missing")
    return time.process_time() - began


def main() -> int:
    """Measure and print; 1 where the goal is not kept."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    services = [made(number) for number in range(SERVICES)]
    rows = [resource_of(service) for service in services]
    runs: dict[str, list[float]] = {"match": [], "bare": [], "bare again": [], "read": []}
    for _ in range(PAIRS + 1):  # the first is not counted: caches are cold
        runs["match"].append(timed(lambda given: match(given, NEED), services))
        runs["bare"].append(timed(bare, services))
        runs["bare again"].append(timed(bare, services))
        runs["read"].append(timed(lambda given: [kept_service(one) for one in given], rows))
    console = Console(width=130)
    console.print(
        f"Python {platform.python_version()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f};"
        f" {SERVICES} services, {PAIRS} rounds"
    )
    table = Table("", "median ms", "least ms", "most ms", "beside the bare loop")
    plain = statistics.median(runs["bare"][1:])
    for name, each in runs.items():
        took = sorted(each[1:])
        low, high = took[0] / plain, took[-1] / plain
        ratio = f"{statistics.median(took) / plain:.2f} ({low:.2f} to {high:.2f})"
        table.add_row(
            name, *(f"{1000 * one:.2f}" for one in (statistics.median(took), took[0], took[-1])), ratio
        )
    console.print(table)
    kept = statistics.median(runs["match"][1:]) <= GOAL
    console.print(f"{'PASS' if kept else 'FAIL'} matching in at most {1000 * GOAL:.0f} ms")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
