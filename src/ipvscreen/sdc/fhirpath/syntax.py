"""The text of a FHIRPath expression → fhirpathpy's tree of it, and nothing beside it."""

import re
from collections.abc import Iterator
from typing import Any, NoReturn

# antlr4 comes with fhirpathpy, and without types.
from antlr4 import CommonTokenStream, InputStream, ParseTreeWalker  # type: ignore[import-untyped]
from antlr4.error.ErrorListener import ErrorListener  # type: ignore[import-untyped]
from fhirpathpy.parser.ASTPathListener import ASTPathListener
from fhirpathpy.parser.generated.FHIRPathLexer import FHIRPathLexer
from fhirpathpy.parser.generated.FHIRPathParser import FHIRPathParser

LONGEST = 2_000  # characters
MOST_TOKENS = 800  # the parser needs about 0.3 ms for each
DEEPEST = 100  # levels of the tree

Node = dict[str, Any]  # "type", "children", "terminalNodeText" (operators, brackets), "text" of a leaf

_WRAPPERS = ("TermExpression", "InvocationTerm", "ParenthesizedTerm", "LiteralTerm", "EntireExpression")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}
_QUOTED = re.compile(r"'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`", re.DOTALL)
_Listener: Any = ASTPathListener  # fhirpathpy's classes have no types


class _Strict(ErrorListener):  # type: ignore[misc]  # antlr4 has no types
    def syntaxError(self, *_: Any) -> NoReturn:  # noqa: N802  # the listener's own name for it
        raise ValueError("The expression is not FHIRPath.")


def parse(expression: str) -> Node:
    """The tree, without the rules that only pass on. ValueError with one sentence if there is none."""
    if len(expression) > LONGEST:
        raise ValueError(f"The expression is longer than {LONGEST} characters.")
    if _nesting(expression) > DEEPEST // 4:  # the grammar takes several levels for one bracket
        raise ValueError("The expression is nested too deeply.")
    listener = _Listener()
    try:
        ParseTreeWalker().walk(listener, _parsed(expression))
        return _bare(listener.parentStack[0]["children"][0], 0)
    except RecursionError:
        raise ValueError("The expression is nested too deeply.") from None


def walk(tree: Node) -> Iterator[Node]:
    """Itself and all below it."""
    stack = [tree]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node["children"]))


def text_of(leaf: str) -> str:
    """What a string literal or an identifier says, without quotes and escapes."""
    bare = leaf[1:-1] if leaf[:1] in ("'", "`", '"') else leaf
    return _ESCAPE.sub(_unescaped, bare)


def _unescaped(found: re.Match[str]) -> str:
    code = found.group(1)
    return chr(int(code[1:], 16)) if len(code) > 1 else _ESCAPES.get(code, code)


def _nesting(expression: str) -> int:
    depth = most = 0
    for sign in _QUOTED.sub("", expression):
        depth += (sign in "([{") - (sign in ")]}")
        most = max(most, depth)
    return most


def _parsed(expression: str) -> Any:
    lexer: Any = FHIRPathLexer(InputStream(expression))
    _listen(lexer)
    tokens = CommonTokenStream(lexer)
    tokens.fill()
    if len(tokens.tokens) > MOST_TOKENS:
        raise ValueError(f"The expression has more than {MOST_TOKENS} words and signs.")
    parser: Any = FHIRPathParser(tokens)
    _listen(parser)
    return parser.entireExpression()


def _listen(recognizer: Any) -> None:
    recognizer.removeErrorListeners()
    recognizer.addErrorListener(_Strict())


def _bare(node: Node, depth: int) -> Node:
    if depth > DEEPEST:
        raise ValueError("The expression is nested too deeply.")
    inner = node.get("children", [])
    if node["type"] in _WRAPPERS:
        return _bare(inner[0], depth + 1)
    return {**node, "children": [_bare(child, depth + 1) for child in inner]}
