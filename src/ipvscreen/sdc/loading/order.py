"""Refuses what depends on itself: conditions, calculations and variables must come to an end."""

from collections.abc import Iterable, Iterator, Mapping

from ipvscreen.errors import FormRefused
from ipvscreen.sdc.expressions import links_in, names_in
from ipvscreen.sdc.form import Form, Item, Variable
from ipvscreen.sdc.loading.node import Report
from ipvscreen.sdc.loading.outline import Place

Scope = Mapping[str, str]  # name of a variable → its name in the graph


def refuse_cycles(form: Form, places: Mapping[str, Place], report: Report) -> None:
    """A refusal for each item at which a circle closes, as far as the expressions show what they read."""
    graph = {name: tuple(dict.fromkeys(needs)) for name, needs in _graph(form)}
    done: set[str] = set()
    for start in graph:
        circle = _circle(start, graph, done)
        if circle:
            link_id = next((name for name in circle if name in places), circle[0])
            path = places[link_id].node.path if link_id in places else "Questionnaire"
            words = " → ".join(name.lstrip("%") for name in circle[:5]) + " → …" * (len(circle) > 5)
            report.add(FormRefused(path, f"depends on itself: {words}."))


def _circle(start: str, graph: Mapping[str, tuple[str, ...]], done: set[str]) -> tuple[str, ...]:
    """The first circle that is met from `start`; none among what is `done`. Without recursion."""
    path: dict[str, Iterator[str]] = {}
    if start not in done:
        path[start] = iter(graph[start])
    while path:
        here = next(reversed(path))
        needed = next((name for name in path[here] if name not in done and name in graph), None)
        if needed is None:
            done.add(here)
            del path[here]
        elif needed in path:
            names = list(path)
            done.update(names)
            return (*names[names.index(needed) :], needed)
        else:
            path[needed] = iter(graph[needed])
    return ()


def _graph(form: Form) -> Iterator[tuple[str, Iterable[str]]]:
    """What each item and each variable needs to be known first."""
    scope = dict[str, str]()
    yield from _variables("", form.variables, scope)
    waiting: list[tuple[Item, str | None, Scope]] = [(item, None, scope) for item in reversed(form.items)]
    while waiting:
        item, above, outer = waiting.pop()
        inner = dict(outer)
        yield from _variables(item.link_id, item.variables, inner)
        needs = [above] if above else []
        needs += [condition.question for condition in item.enable_when]
        for expression in (item.enable_expression, item.calculated):
            needs += _reads(expression, inner) if expression else ()
        yield item.link_id, needs
        waiting.extend((child, item.link_id, inner) for child in reversed(item.items))


def _variables(
    where: str, variables: tuple[Variable, ...], scope: dict[str, str]
) -> Iterator[tuple[str, Iterable[str]]]:
    for variable in variables:
        needs = _reads(variable.expression, scope)
        scope[variable.name] = f"%{variable.name} {where}".rstrip()
        yield scope[variable.name], needs


def _reads(expression: str, scope: Scope) -> list[str]:
    try:
        names = names_in(expression) & set(scope)
        return [*sorted(links_in(expression)), *(scope[name] for name in sorted(names))]
    except ValueError:  # refused already, where a form is wanted
        return []
