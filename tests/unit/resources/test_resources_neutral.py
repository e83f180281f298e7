"""The words that must not show."""

import pytest

from ipvscreen.resources.neutral import topic_word


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Domestic matters", "Domestic"),
        ("The violence programme", "violence"),
        ("a survivors' group", "survivors"),
        ("HARK", "HARK"),
        ("Your ex-partner", "ex-partner"),
        ("IPV lead", "IPV"),
        ("Partnership board", None),
        ("Harkness House", None),
        ("The Willow group", None),
    ],
)
def test_topic_words(text: str, word: str | None) -> None:
    assert topic_word(text) == word
