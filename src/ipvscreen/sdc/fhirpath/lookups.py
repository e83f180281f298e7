"""What the tree of an expression says without being evaluated: names, parameters, and look-ups by linkId."""

from ipvscreen.sdc.fhirpath.syntax import Node, text_of

PREFIXES = {  # %`vs-name` and %`ext-name` are short for these
    "vs": "http://hl7.org/fhir/ValueSet/",
    "ext": "http://hl7.org/fhir/StructureDefinition/",
}


def function_name(node: Node) -> str:
    """Of a FunctionInvocation."""
    return text_of(node["children"][0]["children"][0]["text"])


def arguments(node: Node) -> list[Node]:
    """Of a FunctionInvocation."""
    functn: list[Node] = node["children"][0]["children"]
    found: list[Node] = functn[1]["children"] if len(functn) > 1 else []
    return found


def variable_name(node: Node) -> str:
    """Of an ExternalConstantTerm, without the sign and quotes."""
    constant = node["children"][0]
    inner = constant["children"]
    return text_of(inner[0]["text"] if inner else constant["terminalNodeText"][-1])


def lookup(node: Node) -> tuple[Node | None, str, str] | None:
    """Of `X.item.where(linkId = 'a')`, and with repeat(item) or descendants() in the place of `item`: X (None
    where it is $this), "item", "repeat" or "descendants", and the linkId. None for anything else."""
    if node["type"] != "InvocationExpression" or node["children"][1]["type"] != "FunctionInvocation":
        return None
    way, search = node["children"]
    link = _link_asked(search)
    base, last = way["children"] if way["type"] == "InvocationExpression" else (None, way)
    axis = _axis(last)
    return (base, axis, link) if axis and link is not None else None


def _axis(node: Node) -> str | None:
    if is_member(node, "item"):
        return "item"
    if node["type"] != "FunctionInvocation":
        return None
    inner = arguments(node)
    if function_name(node) == "repeat" and len(inner) == 1 and is_member(inner[0], "item"):
        return "repeat"
    return "descendants" if function_name(node) == "descendants" else None


def _link_asked(node: Node) -> str | None:
    inner = arguments(node)
    if function_name(node) != "where" or len(inner) != 1 or inner[0]["terminalNodeText"] != ["="]:
        return None
    sides = sorted(inner[0]["children"], key=lambda side: str(side["type"]))
    asked = is_member(sides[0], "linkId") and sides[1]["type"] == "StringLiteral"
    return text_of(sides[1]["text"]) if asked else None


def is_member(node: Node, name: str) -> bool:
    """Whether it is that name by itself."""
    return node["type"] == "MemberInvocation" and text_of(node["children"][0]["text"]) == name
