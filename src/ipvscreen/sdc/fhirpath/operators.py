"""FHIRPath's operators on collections: three-valued, typed, exact in decimals."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from fhirpathpy.engine.invocations import equality
from fhirpathpy.engine.nodes import FP_DateTime, FP_Quantity, FP_Time, FP_TimeBase

from ipvscreen.sdc.fhirpath import moments, quantities
from ipvscreen.sdc.fhirpath.elements import is_number, key_of, keyed, plain, raw
from ipvscreen.sdc.fhirpath.limits import Fault, single

_Operator = Callable[[list[Any], list[Any]], Any]
_GREATEST = Decimal(10) ** 28  # beyond it sums of decimals are no longer exact
_DateTime: Any = FP_DateTime  # fhirpathpy's classes have no types
_Time: Any = FP_Time
_fhirpathpy: Any = equality


def truth(values: list[Any]) -> bool | None:
    """The collection as a condition: None if it is empty, true for one element that is no boolean."""
    value = plain(single(values))
    return None if value is None else value if isinstance(value, bool) else True


def number(value: Any) -> Any:
    """`value`. Fault if it is no number, or too great."""
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
    pairs = [(one, other) for one, other in zip(left, right, strict=True) if raw(one) is not raw(other)]
    found = [_same(plain(one), plain(other)) for one, other in pairs]
    return False if False in found else None if None in found else True


def order(one: Any, other: Any) -> int | None:
    """-1, 0 or 1 for two plain values; None where it cannot be told. Fault for types that have no order."""
    left, right = _timed(one, other)
    if isinstance(left, FP_TimeBase) and type(left) is type(right):
        timed: Any = left
        found: int | None = timed.compare(right)
        return found
    if isinstance(left, FP_Quantity) and isinstance(right, FP_Quantity):
        return quantities.compare(left, right)
    if (is_number(left) and is_number(right)) or (isinstance(left, str) and isinstance(right, str)):
        return -1 if left < right else int(left > right)
    raise Fault("The expression compares values of different types.")


def distinct(values: list[Any]) -> list[Any]:
    """Without repetitions; the first of each stays."""
    return list(keyed(values).values())


def within(one: list[Any], many: list[Any]) -> bool | None:
    """FHIRPath's `in`."""
    return key_of(single(one)) in keyed(many) if one else None


def plus(left: Any, right: Any, sign: int = 1) -> Any:
    """Two plain values added, or with `sign` -1 subtracted. Fault where they do not fit."""
    if isinstance(right, FP_Quantity) and isinstance(left, FP_Quantity):
        return quantities.added(left, right, sign)
    if isinstance(right, FP_Quantity) and isinstance(left, FP_TimeBase):
        timed: Any = left
        move = moments.moved_time if isinstance(left, FP_Time) else moments.moved
        return type(timed)(move(timed.asStr, sign * right.value, right.unit or ""))
    if isinstance(left, str) and isinstance(right, str) and sign == 1:
        return left + right
    return number(number(left) + sign * number(right))


def _same(one: Any, other: Any) -> bool | None:
    left, right = _timed(one, other)
    if isinstance(left, FP_TimeBase) and type(left) is type(right):
        timed: Any = left
        found: bool | None = timed.equals(right)
        return found
    if isinstance(left, FP_Quantity) and isinstance(right, FP_Quantity):
        found_order = quantities.compare(left, right)
        return None if found_order is None else found_order == 0
    return key_of(left) == key_of(right)


def _timed(left: Any, right: Any) -> tuple[Any, Any]:
    """A text beside a date or time is read as one."""
    if isinstance(left, FP_TimeBase) and isinstance(right, str):
        return left, _DateTime(right) or _Time(right) or right
    if isinstance(right, FP_TimeBase) and isinstance(left, str):
        return _DateTime(left) or _Time(left) or left, right
    return left, right


def _times(left: Any, right: Any) -> Any:
    if isinstance(right, FP_Quantity) and is_number(left):  # the sign before an amount
        amount: Any = right
        return type(amount)(left * amount.value, amount.unit)
    return number(number(left) * number(right))


def _rest(left: Any, right: Any) -> Any:
    rest = Decimal(left) % Decimal(right)
    return int(rest) if isinstance(left, int) and isinstance(right, int) else rest


def _parted(work: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda left, right: work(number(left), number(right)) if number(right) != 0 else None


def _singly(work: Callable[[Any, Any], Any]) -> _Operator:
    def operator(left: list[Any], right: list[Any]) -> Any:
        one, other = plain(single(left)), plain(single(right))
        return None if one is None or other is None else work(one, other)

    return operator


def _ordered(holds: Callable[[int], bool]) -> _Operator:
    def compared(left: Any, right: Any) -> bool | None:
        found = order(left, right)
        return None if found is None else holds(found)

    return _singly(compared)


def _logic(work: Callable[[bool | None, bool | None], bool | None]) -> _Operator:
    return lambda left, right: work(truth(left), truth(right))


def _or(left: bool | None, right: bool | None) -> bool | None:
    return True if left or right else None if left is None or right is None else False


def negated(value: bool | None) -> bool | None:
    """FHIRPath's not()."""
    return None if value is None else not value


def _equivalent(left: list[Any], right: list[Any]) -> bool:
    plainly = ([plain(value) for value in values] for values in (left, right))
    pairs = zip(*(sorted(values, key=str) for values in plainly), strict=False)
    return len(left) == len(right) and all(
        _fhirpathpy.equival({}, [one], [other]) == [True] for one, other in pairs
    )


OPERATORS: Mapping[str, _Operator] = {
    "=": equal,
    "!=": lambda left, right: negated(equal(left, right)),
    "~": _equivalent,
    "!~": lambda left, right: not _equivalent(left, right),
    "<": _ordered(lambda found: found < 0),
    ">": _ordered(lambda found: found > 0),
    "<=": _ordered(lambda found: found <= 0),
    ">=": _ordered(lambda found: found >= 0),
    "+": _singly(plus),
    "-": _singly(lambda left, right: plus(left, right, -1)),
    "*": _singly(_times),
    "/": _singly(_parted(lambda left, right: Decimal(left) / Decimal(right))),
    "div": _singly(_parted(lambda left, right: int(Decimal(left) // Decimal(right)))),
    "mod": _singly(_parted(_rest)),
    "|": lambda left, right: distinct(left + right),
    "and": _logic(lambda left, right: negated(_or(negated(left), negated(right)))),
    "or": _logic(_or),
    "xor": _logic(lambda left, right: None if left is None or right is None else left != right),
    "implies": _logic(lambda left, right: _or(negated(left), right)),
    "inOp": within,
    "containsOp": lambda many, one: within(one, many),
}
