"""The FHIRPath of a Questionnaire: launch contexts, variables, calculations and constraints, each checked."""

import re
from typing import Any

from ipvscreen.sdc.expressions import STANDARD, check
from ipvscreen.sdc.form import Constraint, Variable
from ipvscreen.sdc.loading.extensions import Ext, Extensions
from ipvscreen.sdc.loading.node import Node
from ipvscreen.sdc.loading.translation import Tongue

# What is at hand of http://hl7.org/fhir/uv/sdc/STU3/ValueSet-launchContext.html
LAUNCH = ("patient", "user", "encounter")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SINGLE = {
    Ext.ENABLE_EXPRESSION: "enable_expression",
    Ext.CALCULATED: "calculated",
    Ext.INITIAL_EXPRESSION: "initial_expression",
}
_CONSTRAINT = ("key", "requirements", "severity", "expression", "human", "location")

Names = tuple[str, ...]


def launch(extensions: Extensions) -> Names:
    """The names of the resources that expressions may use."""
    found: list[str] = []
    for extension in extensions.all(Ext.LAUNCH_CONTEXT):
        name = extension.attempt(lambda node=extension: _launched(node), None)  # type: ignore[misc]
        found += [name] if name and name not in found else []
    return tuple(found)


def variables(extensions: Extensions, names: Names) -> tuple[Variable, ...]:
    """The variables of one element; each may use those before it and `names`."""
    found: list[Variable] = []
    for extension in extensions.all(Ext.VARIABLE):
        known = (*names, *(variable.name for variable in found))
        variable = extension.attempt(lambda node=extension, known=known: _variable(node, known), None)  # type: ignore[misc]
        found += [variable] if variable else []
    return tuple(found)


def formulas(extensions: Extensions, kind: str, names: Names) -> dict[str, Any]:
    """Fields of the Item that hold one expression."""
    found: dict[str, Any] = {}
    for url, name in _SINGLE.items():
        extension = extensions.one(url)
        if extension is None:
            continue
        if kind in ("group", "display") and url is not Ext.ENABLE_EXPRESSION:
            extension.note(f"'{url}' is not supported on an item of type '{kind}'.", "url")
            continue
        found[name] = extension.attempt(lambda node=extension: _expression(_of(node), names), None)  # type: ignore[misc]
    return found


def constraints(extensions: Extensions, names: Names, tongue: Tongue) -> tuple[Constraint, ...]:
    """What must be true of one element, by either extension."""
    found: list[Constraint] = []
    for url in (Ext.TARGET_CONSTRAINT, Ext.CONSTRAINT):
        for extension in extensions.all(url):
            constraint = extension.attempt(
                lambda node=extension: _constraint(node, names, tongue),  # type: ignore[misc]
                None,
            )
            found += [constraint] if constraint else []
    return tuple(found)


def _launched(extension: Node) -> str:
    parts = _parts(extension, ("name", "type", "description"))
    if "name" not in parts:
        raise extension.refuse("has no name.")
    named = parts["name"][0]
    name = named.child("valueCoding").text("code") if "valueCoding" in named.body else named.text("valueId")
    if name not in LAUNCH:
        raise named.refuse(f"'{name}' is not at hand: only {', '.join(LAUNCH)} are.")
    return name


def _variable(extension: Node, names: Names) -> Variable:
    expression = _of(extension)
    name = expression.text("name")
    if not _NAME.fullmatch(name):
        raise expression.refuse("must be letters, digits and underscores.", "name")
    if name in names or name in STANDARD:
        raise expression.refuse(f"'{name}' is a name already.", "name")
    return Variable(name, _expression(expression, names))


def _constraint(extension: Node, names: Names, tongue: Tongue) -> Constraint:
    parts = _parts(extension, _CONSTRAINT)
    for must in ("key", "severity", "expression", "human"):
        if must not in parts:
            raise extension.refuse(f"has no {must}.")
    severity = parts["severity"][0].text("valueCode")
    if severity not in ("error", "warning"):
        raise parts["severity"][0].refuse("must be 'error' or 'warning'.", "valueCode")
    return Constraint(
        key=parts["key"][0].text("valueId"),
        expression=_told(parts["expression"][0], names),
        human=tongue.text(parts["human"][0], "valueString") or parts["human"][0].text("valueString"),
        warning=severity == "warning",
    )


def _told(part: Node, names: Names) -> str:
    """The expression of a constraint: a text in the one extension, an Expression in the other."""
    if "valueExpression" in part.body:
        return _expression(part.child("valueExpression"), names)
    return _checked(part, "valueString", names)


def _parts(extension: Node, known: tuple[str, ...]) -> dict[str, list[Node]]:
    extension.only(("id", "url", "extension"))
    found: dict[str, list[Node]] = {}
    for part in extension.children("extension"):
        name = part.text("url")
        if name not in known:
            raise part.refuse(f"'{name}' is not supported here.", "url")
        found.setdefault(name, []).append(part)
    return found


def _of(extension: Node) -> Node:
    extension.only(("id", "url", "valueExpression"))
    return extension.child("valueExpression")


def _expression(node: Node, names: Names) -> str:
    node.only(("id", "description", "name", "language", "expression"))
    language = node.text("language")
    if language != "text/fhirpath":
        raise node.refuse(f"'{language}' is not supported: only text/fhirpath is.", "language")
    return _checked(node, "expression", names)


def _checked(node: Node, key: str, names: Names) -> str:
    """The expression; kept where a form is only validated: it then fails by name when it is evaluated."""
    expression = node.text(key)
    try:
        check(expression, names)
    except ValueError as error:
        node.note(str(error), key)
    return expression
