"""What reaches the log."""

import logging

from ipvscreen.cli.logs import ALLOWED, declared_keys, without_traceback


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
