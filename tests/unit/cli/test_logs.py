"""What reaches the log."""

import json
import logging

from ipvscreen.cli.logs import ALLOWED, OneLine, declared_keys, without_traceback


def test_a_key_that_nobody_declared_is_not_logged() -> None:
    kept = declared_keys(
        None, "info", {"event": "page.problem", "status": 500, "patient": "Anna", "url": "/v/1"}
    )

    assert kept == {"event": "page.problem", "status": 500}
    assert not {"patient", "url", "name", "exception", "token"} & ALLOWED


def test_of_an_unexpected_error_only_its_kind_is_logged() -> None:
    try:
        raise ValueError("what Anna said")
    except ValueError as error:
        info = (ValueError, error, error.__traceback__)
    record = logging.LogRecord("uvicorn.error", logging.ERROR, "a.py", 1, "Exception in app\n", (), info)

    assert without_traceback(record)
    assert logging.Formatter().format(record) == "unexpected error: ValueError"


def record(name: str, words: str, *given: object) -> logging.LogRecord:
    return logging.LogRecord(name, logging.WARNING, "a.py", 1, words, given, None)


def test_a_librarys_words_are_not_repeated() -> None:
    line = json.loads(OneLine().format(record("alembic.runtime", "upgrade %s", "Anna")))

    assert (line["event"], line["level"]) == ("alembic.runtime", "warning")


def test_but_uvicorns_are_fixed() -> None:
    line = json.loads(OneLine().format(record("uvicorn.error", "Invalid HTTP request received.")))

    assert line["event"] == "Invalid HTTP request received."


def test_of_a_start_that_failed_the_kind_is_told() -> None:
    words = 'Traceback (most recent call last):\n  File "a.py"\nOSError: what Anna said\n'
    line = json.loads(OneLine().format(record("uvicorn.error", words)))

    assert (line["event"], line["kind"]) == ("uvicorn.error", "OSError")
    assert "Anna" not in str(line)


def test_a_line_is_one_line() -> None:
    line = OneLine().format(record("uvicorn.error", "a\x1b[31m\u2028\x85b"))

    assert len(line.splitlines()) == 1
    assert line.isascii()
