from __future__ import annotations

from importlib import import_module

import pytest

from affetti.corpus.licence import obligations


@pytest.mark.parametrize(
    ("loader", "expected"),
    [
        ("composed", ["soundfont under the GPL"]),
        ("deam", ["not for commercial use", "each recording has a licence of its own"]),
        ("emomusic", ["for research only", "each recording has a licence of its own"]),
        ("emopia", ["not for commercial use", "share under the same licence only"]),
        ("folder", ["no licence is declared"]),
        ("jamendo", ["not for commercial use", "share under the same licence only", "a licence of its own"]),
        ("pmemo", ["no licence is declared", "for research only"]),
        ("vgmidi", ["no licence is declared", "for research only"]),
    ],
)
def test_each_data_set_asks_for_what_its_licence_says(loader: str, expected: list[str]) -> None:
    stated = obligations(import_module(f"affetti.corpus.loaders.{loader}").DATASET.licence)
    assert len(stated) == len(expected)
    assert all(any(words in sentence for sentence in stated) for words in expected)


def test_a_licence_that_is_not_given_counts_as_undeclared() -> None:
    assert obligations(None) == obligations(" ") == obligations("unknown")


def test_free_licences_ask_for_nothing() -> None:
    assert obligations("CC0") == obligations("MIT") == ()
