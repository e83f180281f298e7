"""FHIRPath's operators on collections: three-valued, typed, exact in decimals."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from fhirpathpy.engine.invocations import equality
from fhirpathpy.engine.nodes import FP_DateTime, FP_Quantity, FP_Time, FP_TimeBase

from ipvscreen.sdc.fhirpath import moments, quantities
from ipvscreen.sdc.fhirpath.elements import is_number, key_of, plain
from ipvscreen.sdc.fhirpath.frames import Fault, single

_Operator = Callable[[list[Any], list[Any]], list[Any]]
_GREATEST = Decimal(10) ** 28  # beyond it sums of decimals are no longer exact
_DateTime: Any = FP_DateTime  # fhirpathpy's classes have no types
_Time: Any = FP_Time
_fhirpathpy: Any = equality


def truth(values: list[Any]) -> bool | None:
    """The collection as a condition: None if it is empty, true for one element that is no boolean."""
    value = plain(single(values))
    return None if value is None else value if isinstance(value, bool) else True


def number(value: Any) -> Any:
    """`value` as an integer where it is whole and was one. Fault if it is no number, or too great."""
    if not is_number(value):
        raise Fault("The expression counts with something that is no number.")
    if abs(value) > _GREATEST:
        raise Fault("The expression makes too great a number.")
    return value


def equal(left: list[Any], right: list[Any]) -> bool | None:
    """FHIRPath's `=`: None where it cannot be told, such as 2020 = 2020-05."""
    if not left or not right:
        return None
    if len(left) != len(right):
        return False
    found = [_same(plain(one), plain(other)) for one, other in zip(left, right, strict=True)]
    return False if False in found else None if None in found else True


def order(one: Any, other: Any) -> int | None:
    """-1, 0 or 1 for two plain values; None where it cannot be told. Fault for types that have no order."""
    left, right = _timed(one, other)
    if isinstance(left, FP_TimeBase) and type(left) is type(right):
        return _compared(left, right)
    if isinstance(left, FP_Quantity) and isinstance(right, FP_Quantity):
        return quantities.compare(left, right)
    if (is_number(left) and is_number(right)) or (isinstance(left, str) and isinstance(right, str)):
        return -1 if left < right else int(left > right)
    raise Fault("The expression compares values of different types.")


def distinct(values: list[Any]) -> list[Any]:
    """Without repetitions; the first of each stays."""
    found: dict[Any, Any] = {}
    for value in values:
        found.setdefault(key_of(value), value)
    return list(found.values())


def _compared(left: Any, right: Any) -> int | None:
    found: int | None = left.compare(right)
    return found


def _same(one: Any, other: Any) -> bool | None:
    left, right = _timed(one, other)
    if isinstance(left, FP_TimeBase) and type(left) is type(right):
        return _equal_times(left, right)
    if isinstance(left, FP_Quantity) and isinstance(right, FP_Quantity):
        found_order = quantities.compare(left, right)
        return None if found_order is None else found_order == 0
    return key_of(left) == key_of(right)


def _equal_times(left: Any, right: Any) -> bool | None:
    found: bool | None = left.equals(right)
    return found


def _timed(left: Any, right: Any) -> tuple[Any, Any]:
    """A text beside a date or time is read as one."""
    if isinstance(left, FP_TimeBase) and isinstance(right, str):
        return left, _DateTime(right) or _Time(right) or right
    if isinstance(right, FP_TimeBase) and isinstance(left, str):
        return _DateTime(left) or _Time(left) or left, right
    return left, right


def _plus(left: Any, right: Any) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        return left + right
    if isinstance(left, FP_TimeBase) and isinstance(right, FP_Quantity):
        return _moved(left, right)
    if isinstance(left, FP_Quantity) and isinstance(right, FP_Quantity):
        return _added(left, right, 1)
    return number(number(left) + number(right))


def _moved(time: Any, span: Any) -> Any:
    move = moments.moved if isinstance(time, FP_DateTime) else moments.moved_time
    return type(time)(move(time.asStr, span.value, span.unit or ""))


def _minus(left: Any, right: Any) -> Any:
    if isinstance(left, FP_TimeBase) and isinstance(right, FP_Quantity):
        return _moved(left, type(right)(-right.value, right.unit))
    if isinstance(left, FP_Quantity) and isinstance(right, FP_Quantity):
        return _added(left, right, -1)
    return number(number(left) - number(right))


def _added(left: Any, right: Any, sign: int) -> Any:
    try:
        return quantities.added(left, right, sign)
    except ValueError as fault:
        raise Fault(str(fault)) from None


def _times(left: Any, right: Any) -> Any:
    return number(number(left) * number(right))


def _divided(left: Any, right: Any) -> Any:
    return Decimal(number(left)) / Decimal(number(right)) if number(right) != 0 else None


def _whole(left: Any, right: Any) -> Any:
    return int(Decimal(number(left)) // Decimal(number(right))) if number(right) != 0 else None


def _rest(left: Any, right: Any) -> Any:
    if number(right) == 0:
        return None
    rest = Decimal(number(left)) % Decimal(right)
    return int(rest) if isinstance(left, int) and isinstance(right, int) else rest


def _arithmetic(work: Callable[[Any, Any], Any]) -> _Operator:
    def operator(left: list[Any], right: list[Any]) -> list[Any]:
        one, other = plain(single(left)), plain(single(right))
        return [] if one is None or other is None else _listed(work(one, other))

    return operator


def _inequality(holds: Callable[[int], bool]) -> _Operator:
    def compared(left: Any, right: Any) -> bool | None:
        found = order(left, right)
        return None if found is None else holds(found)

    return _arithmetic(compared)


def _logic(work: Callable[[bool | None, bool | None], bool | None]) -> _Operator:
    return lambda left, right: _listed(work(truth(left), truth(right)))


def _and(left: bool | None, right: bool | None) -> bool | None:
    return False if left is False or right is False else None if left is None or right is None else True


def _or(left: bool | None, right: bool | None) -> bool | None:
    return True if left or right else None if left is None or right is None else False


def _xor(left: bool | None, right: bool | None) -> bool | None:
    return None if left is None or right is None else left != right


def _negated(value: bool | None) -> bool | None:
    return None if value is None else not value


def _within(one: list[Any], many: list[Any]) -> list[Any]:
    return [] if not one else [key_of(single(one)) in {key_of(value) for value in many}]


def _joined(left: list[Any], right: list[Any]) -> list[Any]:
    parts = [plain(single(values)) for values in (left, right)]
    if not all(part is None or isinstance(part, str) for part in parts):
        raise Fault("The expression joins something that is no text.")
    return ["".join(part or "" for part in parts)]


def _equivalent(left: list[Any], right: list[Any]) -> bool:
    if len(left) != len(right):
        return False
    plainly = ([plain(value) for value in values] for values in (left, right))
    ordered = [sorted(values, key=str) for values in plainly]
    return all(bool(_alike(one, other)) for one, other in zip(*ordered, strict=True))


def _alike(left: Any, right: Any) -> Any:
    found: list[Any] = _fhirpathpy.equival({}, [left], [right])
    return found and found[0]


def _listed(value: Any) -> list[Any]:
    return [] if value is None else [value]


OPERATORS: Mapping[str, _Operator] = {
    "=": lambda left, right: _listed(equal(left, right)),
    "!=": lambda left, right: _listed(_negated(equal(left, right))),
    "~": lambda left, right: [_equivalent(left, right)],
    "!~": lambda left, right: [not _equivalent(left, right)],
    "<": _inequality(lambda found: found < 0),
    ">": _inequality(lambda found: found > 0),
    "<=": _inequality(lambda found: found <= 0),
    ">=": _inequality(lambda found: found >= 0),
    "+": _arithmetic(_plus),
    "-": _arithmetic(_minus),
    "*": _arithmetic(_times),
    "/": _arithmetic(_divided),
    "div": _arithmetic(_whole),
    "mod": _arithmetic(_rest),
    "&": _joined,
    "|": lambda left, right: distinct(left + right),
    "and": _logic(_and),
    "or": _logic(_or),
    "xor": _logic(_xor),
    "implies": _logic(lambda left, right: _or(_negated(left), right)),
    "in": _within,
    "contains": lambda many, one: _within(one, many),
}
