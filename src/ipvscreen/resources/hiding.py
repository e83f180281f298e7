"""No address of a refuge: a text that may hold one is refused, whoever wrote it there."""

import re
from collections.abc import Iterable

from ipvscreen.ipv.services import Kind, Service

# Postal codes of the countries that a pack exists for, and a number beside a word for a street.
_POSTAL = re.compile(
    r"\b[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}\b"  # United Kingdom
    r"|\b[1-9]\d{3}\s?[A-Z]{2}\b"  # Netherlands
    r"|\b[A-Z]\d[A-Z]\s?\d[A-Z]\d\b"  # Canada
    r"|\b[A-Z]{2}\s\d{5}(?:-\d{4})?\b",  # United States
    re.IGNORECASE,
)
_STREET = re.compile(
    r"\b\d{1,5}[a-z]?,?\s(?:[\w'.-]+\s){0,3}(?:street|st|road|rd|lane|avenue|ave|close|drive|crescent|court)\b"
    r"|\b[\w'.-]*(?:straat|laan|weg|plein|gracht)\s\d{1,5}"
    r"|\b\d{1,5},?\s(?:rue|avenue|boulevard|chemin)\b",
    re.IGNORECASE,
)
_NOT_LETTERS = re.compile(r"[\W_]+")
_SHORTEST = 6  # letters and digits of a line; a shorter one ("Unit") is part of many words


def hidden(service: Service, lines: Iterable[str] = ()) -> Service:
    """The service as it is; ValueError where it is a refuge and a text of it may say where.

    `lines`: the lines of the addresses that came with it. Its name and its area are not an address.
    """
    if service.kind is not Kind.REFUGE:
        return service
    texts = (service.for_whom, service.hours, service.supervision, service.other_support)
    told = (service.name, service.short_name, service.area_words, service.clinical_partner, *texts)
    known = [_bare(line) for line in lines if len(_bare(line)) >= _SHORTEST]
    for text in told:
        if _POSTAL.search(text) or _STREET.search(text) or any(line in _bare(text) for line in known):
            raise ValueError("a text of this refuge may hold its address.")
    return service


def _bare(text: str) -> str:
    return _NOT_LETTERS.sub("", text).casefold()
