"""The text of a FHIRPath expression → a tree, by fhirpathpy's grammar and nothing beside it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

# antlr4 comes with fhirpathpy, and without types.
from antlr4 import CommonTokenStream, InputStream  # type: ignore[import-untyped]
from antlr4.error.ErrorListener import ErrorListener  # type: ignore[import-untyped]
from antlr4.tree.Tree import TerminalNodeImpl  # type: ignore[import-untyped]
from fhirpathpy.parser.generated.FHIRPathLexer import FHIRPathLexer
from fhirpathpy.parser.generated.FHIRPathParser import FHIRPathParser

LONGEST = 2_000  # characters
MOST_TOKENS = 800  # the parser needs about 0.3 ms for each
DEEPEST = 100  # levels of the tree

_LEAVES = ("StringLiteral", "NumberLiteral", "BooleanLiteral", "DateTimeLiteral", "TimeLiteral", "Identifier")
_WRAPPERS = ("TermExpression", "InvocationTerm", "ParenthesizedTerm", "LiteralTerm", "EntireExpression")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}
_QUOTED = re.compile(r"'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Node:
    """One rule of the grammar: its name, its own signs (operators, brackets), its text if it is a leaf."""

    kind: str
    text: str = ""
    signs: tuple[str, ...] = ()
    parts: tuple["Node", ...] = ()

    def walk(self) -> Iterator["Node"]:
        """Itself and all below it."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.parts))


class _Strict(ErrorListener):  # type: ignore[misc]  # antlr4 has no types
    def syntaxError(self, *_: Any) -> NoReturn:  # noqa: N802  # the listener's own name for it
        raise ValueError("The expression is not FHIRPath.")


def parse(expression: str) -> Node:
    """The tree, without the rules that only pass on. ValueError with one sentence if there is none."""
    if len(expression) > LONGEST:
        raise ValueError(f"The expression is longer than {LONGEST} characters.")
    if _nesting(expression) > DEEPEST // 4:  # the grammar takes several levels for one bracket
        raise ValueError("The expression is nested too deeply.")
    try:
        return _node(_tree(expression), 0)
    except RecursionError:
        raise ValueError("The expression is nested too deeply.") from None


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


def _tree(expression: str) -> Any:
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


def _node(tree: Any, depth: int) -> Node:
    if depth > DEEPEST:
        raise ValueError("The expression is nested too deeply.")
    kind = type(tree).__name__.removesuffix("Context")
    inner = [child for child in tree.children or () if not isinstance(child, TerminalNodeImpl)]
    if kind in _WRAPPERS:
        return _node(inner[0], depth + 1)
    return Node(
        kind,
        tree.getText() if kind in _LEAVES else "",
        tuple(child.getText() for child in tree.children or () if isinstance(child, TerminalNodeImpl)),
        tuple(_node(child, depth + 1) for child in inner),
    )
