"""What the tree of an expression says without being evaluated: names, parameters, and look-ups by linkId."""

from ipvscreen.sdc.fhirpath.syntax import Node, text_of

PREFIXES = {  # %`vs-name` and %`ext-name` are short for these
    "vs": "http://hl7.org/fhir/ValueSet/",
    "ext": "http://hl7.org/fhir/StructureDefinition/",
}


def function_name(node: Node) -> str:
    """Of a FunctionInvocation."""
    return text_of(node.parts[0].parts[0].text)


def arguments(node: Node) -> tuple[Node, ...]:
    """Of a FunctionInvocation."""
    functn = node.parts[0]
    return functn.parts[1].parts if len(functn.parts) > 1 else ()


def variable_name(node: Node) -> str:
    """Of an ExternalConstantTerm, without the sign and quotes."""
    constant = node.parts[0]
    return text_of(constant.parts[0].text if constant.parts else constant.signs[-1])


def lookup(node: Node) -> tuple[Node | None, str, str] | None:
    """Of `X.item.where(linkId = 'a')`, and with repeat(item) or descendants() in the place of `item`: X (None
    where it is $this), "item", "repeat" or "descendants", and the linkId. None for anything else."""
    if node.kind != "InvocationExpression" or node.parts[1].kind != "FunctionInvocation":
        return None
    way, search = node.parts
    link = _link_asked(search)
    base, last = way.parts if way.kind == "InvocationExpression" else (None, way)
    axis = _axis(last)
    return (base, axis, link) if axis and link is not None else None


def _axis(node: Node) -> str | None:
    if _is_member(node, "item"):
        return "item"
    if node.kind != "FunctionInvocation":
        return None
    inner = arguments(node)
    if function_name(node) == "repeat" and len(inner) == 1 and _is_member(inner[0], "item"):
        return "repeat"
    return "descendants" if function_name(node) == "descendants" else None


def _link_asked(node: Node) -> str | None:
    inner = arguments(node)
    if function_name(node) != "where" or len(inner) != 1 or inner[0].signs != ("=",):
        return None
    sides = sorted(inner[0].parts, key=lambda side: side.kind)
    asked = len(sides) == 2 and _is_member(sides[0], "linkId") and sides[1].kind == "StringLiteral"
    return text_of(sides[1].text) if asked else None


def _is_member(node: Node, name: str) -> bool:
    return node.kind == "MemberInvocation" and text_of(node.parts[0].text) == name
