"""A text of somebody else's file, taken only where it is nothing but a text."""

import re

LONGEST = 2000  # characters
# Control characters; signs that turn the writing round; the marks of a line or paragraph end; half pairs.
_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
# What a spreadsheet takes for a formula when this is exported again (OWASP, CSV injection). A telephone
# number may begin with a plus, and nothing else may.
_FORMULA = re.compile(r"[=@\t\r]|[+-](?![\d(\s])")
_BLANKS = re.compile(r"\s+")


def plain(text: str) -> str:
    """The text on one line; ValueError, to be read after what it is, for one that is more than a text."""
    if len(text) > LONGEST:
        raise ValueError(f"is longer than {LONGEST} characters")
    if _HIDDEN.search(text):
        raise ValueError("holds a character that no text may hold")
    one_line = _BLANKS.sub(" ", text).strip()
    if _FORMULA.match(text) or _FORMULA.match(one_line):
        raise ValueError("begins like a formula of a spreadsheet")
    return one_line
