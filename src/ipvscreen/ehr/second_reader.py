"""A second reading: fhirclient's R4 4.0.1 models, which no one here wrote, on what our own client fetched."""

import re
from collections.abc import Mapping
from typing import Any

# Ours to set or the server's to add; a server may also narrate, and it resolves references its own way.
_NAME = re.compile(r'(?:entry|property) "(\w{1,64})"')  # an unknown element, or one that is missing
_NOT_COMPARED = frozenset({"id", "meta", "text", "identifier", "contained", "extension"})


def second_reading(body: Mapping[str, Any]) -> str:
    """What the second reader has against this resource, as elements and never as values; "" for nothing."""
    # Imported here: it takes 0.3 s, and only the doctor needs it.
    from fhirclient.models.fhirabstractbase import FHIRValidationError  # type: ignore[import-untyped]
    from fhirclient.models.fhirelementfactory import FHIRElementFactory  # type: ignore[import-untyped]

    kind = str(body.get("resourceType"))
    try:
        again = FHIRElementFactory.instantiate(kind, dict(body)).as_json()
    except FHIRValidationError as error:
        places = set(_places(error))
        inmost = sorted(one for one in places if not any(other.startswith(f"{one}.") for other in places))
        return f"it cannot read {', '.join(inmost)}"
    except Exception as error:  # another's parser on another's data: any way of failing is a finding
        return f"it fails with {type(error).__name__}"
    lost = sorted(set(body) - set(again))
    return f"it does not see {', '.join(lost)}" if lost else ""


def changed(sent: Mapping[str, Any], stored: Mapping[str, Any]) -> tuple[str, ...]:
    """Top elements that the record system has left out of what it was sent."""
    return tuple(sorted(name for name in sent if name not in stored and name not in _NOT_COMPARED))


def _places(error: Any) -> list[str]:
    """Paths of the elements that were refused; fhirclient keeps the errors of each level in a list."""
    named = [place for one in error.errors for place in _named(one)]
    return [f"{error.path}.{place}" if error.path else place for place in named] or [error.path or "it"]


def _named(error: Any) -> list[str]:
    if hasattr(error, "errors"):
        return _places(error)
    match = _NAME.search(str(error)) if isinstance(error, KeyError | AttributeError) else None
    return [match[1]] if match else []
