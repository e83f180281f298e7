"""A file is one JSON object of modest size and depth, or it is refused with a sentence."""

import re
from decimal import Decimal

import pytest

from ipvscreen.errors import FormRefused
from ipvscreen.sdc.file import LARGEST, parse
from ipvscreen.sdc.strict import DEEPEST, LONGEST_NUMBER


def nested(levels: int) -> bytes:
    return b'{"a":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


def test_an_object_is_read_with_its_numbers_as_written() -> None:
    body = parse(b'{"a": 1, "b": 0.10, "c": {"d": ["\\u00e9]", true, null]}}')
    assert body == {"a": 1, "b": Decimal("0.10"), "c": {"d": ["é]", True, None]}}
    assert str(body["b"]) == "0.10"


def test_a_byte_order_mark_is_no_part_of_it() -> None:
    assert parse(b"\xef\xbb\xbf{}") == {}


def test_brackets_inside_texts_are_no_depth() -> None:
    assert parse(b'{"a": "' + b"[{" * DEEPEST + b'\\"["}')["a"].endswith('"[')


def test_a_file_may_be_as_deep_as_allowed() -> None:
    assert parse(nested(DEEPEST))["a"]


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"", "is not JSON: line 1, column 1."),
        (b'{"a": 1,\n}', "is not JSON: line 2, column 1."),
        (b'{"a": "\x00"}', "is not JSON: line 1, column 8."),
        (b"\xff{}", "is not a text in UTF-8."),
        (b"[]", "must be a JSON object."),
        (b'"text"', "must be a JSON object."),
        (b'{"a": {"b": 1, "c": 2, "b": 1}}', "has an object that holds 'b' twice."),
        (b'{"a": NaN}', "holds NaN, which is not a number in JSON."),
        (b'{"a": -Infinity}', "holds -Infinity, which is not a number in JSON."),
        (b'{"a": 1e999}', "holds a number that is too large or too small."),
        (b'{"a": 1e-999}', "holds a number that is too large or too small."),
        (b'{"a": ' + b"1" * (LONGEST_NUMBER + 1) + b"}", "holds a number of more than 100 characters."),
        (b'{"a": 0.' + b"1" * LONGEST_NUMBER + b"}", "holds a number of more than 100 characters."),
        (b'{"a": ["\\u0000"]}', "holds a character that no text may hold."),
        (b'{"\\ud800": 1}', "holds a character that no text may hold."),
        (nested(DEEPEST + 1), "is nested more than 64 levels deep."),
        (b" " * LARGEST + b"{}", "is larger than 1024 KiB."),
    ],
)
def test_whatever_is_no_such_file_is_refused(raw: bytes, sentence: str) -> None:
    with pytest.raises(FormRefused, match=re.escape(sentence)) as caught:
        parse(raw)
    assert caught.value.path == "Questionnaire"
