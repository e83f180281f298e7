"""Words that must not stand where a bystander, a portal or a log could show them."""

import re

# Beginnings of words, and short names as whole words only ("hark" but not "harkness").
_BEGINNINGS = "abus assault coerc domestic perpetrat rape safeguard sexual strangl surviv victim violen"
# The same in Dutch and French: what is typed on their pages stands in the record, too.
_OTHERS = "geweld huiselijk mishandel slachtoffer verkracht conjugal maltrait"
_WHOLE = "aas da dv dva hark idva viol ipv ipva marac partner partners ex-partner refuge refuges"
_TOPIC = re.compile(
    rf"\b(?:(?:{'|'.join((*_BEGINNINGS.split(), *_OTHERS.split()))})\w*|(?:{'|'.join(_WHOLE.split())})\b)",
    re.IGNORECASE,
)


def topic_word(text: str) -> str | None:
    """The first word of the topic in `text`, or None where it is neutral."""
    found = _TOPIC.search(text)
    return found[0] if found else None
