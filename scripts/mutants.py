"""Runs mutmut anew, changes the state tables as well (mutmut leaves tables of a module alone), and reports.

A change that no test can notice, because the code does the same, is listed by a comment in its module:
`# mutant: <the changed code> is equivalent because <proof>`. Whatever else survives fails, and so does a
comment whose mutant is killed or gone: the list stays true, and short (MOST_LISTED).
"""

import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
MUTMUT = Path(sys.executable).with_name("mutmut")
MOST_LISTED = 5
NOTICED = ("killed", "timeout")  # a test that never ends is noticed too
LISTED = re.compile(r"# mutant: (.+?) is equivalent because \S")

sys.path.insert(0, str(ROOT / "tests" / "unit" / "ipv"))
from test_state_tables import survivors as table_survivors  # noqa: E402  # found by the line above


def mutmut(*arguments: str) -> str:
    """What it prints; it is ended with if it fails."""
    done = subprocess.run([MUTMUT, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        sys.exit(f"mutmut {arguments[0]} failed:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout


def statuses() -> dict[str, str]:
    """Of every mutant, by its name: killed, survived, timeout, no tests …"""
    lines = [line.strip().rpartition(": ") for line in mutmut("results", "--all", "true").splitlines()]
    return {name: status for name, _, status in lines if name}


def changed(mutant: str) -> str:
    """The lines as the mutant has them."""
    added = [line[1:].strip() for line in mutmut("show", mutant).splitlines() if line.startswith("+")]
    return "\n".join(line for line in added if not line.startswith("++"))


def module(mutant: str) -> str:
    """`ipvscreen.sdc.score` of `ipvscreen.sdc.score.x_total__mutmut_1`."""
    return mutant.rpartition(".")[0]


def listed() -> set[tuple[str, str]]:
    """Module and changed code of every comment in src/."""
    return {
        (".".join(path.relative_to(ROOT / "src").with_suffix("").parts), code)
        for path in (ROOT / "src").rglob("*.py")
        for code in LISTED.findall(path.read_text("utf-8"))
    }


def faults(alive: dict[str, str], allowed: set[tuple[str, str]]) -> list[str]:
    """What makes the run fail; `alive`: the changed lines of each survivor of mutmut, by its name."""
    matched = {
        name: {(m, c) for m, c in allowed if m == module(name) and c in alive[name].splitlines()}
        for name in alive
    }
    found = [f"survived: {name}\n    {alive[name]}" for name in alive if not matched[name]]
    found += [
        f"listed, but killed or gone: {entry}" for entry in sorted(allowed.difference(*matched.values()))
    ]
    return found + ([f"more than {MOST_LISTED} are listed"] if len(allowed) > MOST_LISTED else [])


def report(found: dict[str, str], tables: int, alive: int) -> Iterator[str]:
    """How many there are, by module and by what became of them; `tables`, `alive`: of the state tables."""
    by_module = Counter(map(module, found)) + Counter({"the state tables": tables})
    yield from (f"{count:5} {name}" for name, count in sorted(by_module.items()))
    kinds = Counter(found.values())
    counts = {
        "mutants": len(found) + tables,
        "killed": sum(kinds[kind] for kind in NOTICED) + tables - alive,
        "survived": kinds["survived"] + alive,
        "proven equivalent": len(listed()),
        "not covered": kinds["no tests"],
    }
    yield ", ".join(f"{count} {what}" for what, count in counts.items())


def main() -> None:
    """Run, print, and fail where something survived."""
    started = time.monotonic()
    shutil.rmtree(ROOT / "mutants", ignore_errors=True)
    mutmut("run", "--max-children", "2")
    found = statuses()
    alive = {name: changed(name) for name, status in found.items() if status not in NOTICED}
    tables, unseen = table_survivors()
    lines = (*report(found, tables, len(unseen)), f"{time.monotonic() - started:.0f} seconds")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.exit("\n".join((*faults(alive, listed()), *(f"survived: {change}" for change in unseen))) or None)


if __name__ == "__main__":
    main()
