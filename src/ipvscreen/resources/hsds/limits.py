"""How large a file may be, and that it is text in UTF-8."""

LARGEST = 8 * 1024 * 1024  # bytes of one file: some 4,000 services as JSON
MOST_ROWS = 100_000


def decoded(name: str, raw: bytes) -> str:
    """The text; ValueError with a plain sentence. Another encoding is never guessed: a wrong letter in a
    name or a number would pass unseen.
    """
    if len(raw) > LARGEST:
        raise ValueError(f"{name}: is larger than {LARGEST // 1024 // 1024} MiB.")
    try:
        text = raw.decode("utf-8-sig")  # spreadsheets put a byte order mark before everything
    except UnicodeDecodeError as wrong:
        line = raw[: wrong.start].count(b"\n") + 1
        raise ValueError(
            f"{name}: is not text in UTF-8 (line {line}); save it again as 'CSV UTF-8', or JSON in UTF-8."
        ) from None
    if "\x00" in text:
        raise ValueError(f"{name}: is not text in UTF-8; save it again as 'CSV UTF-8', or JSON in UTF-8.")
    return text
