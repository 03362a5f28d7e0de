from __future__ import annotations

import numpy as np
import pytest

from affetti.compose.lyrics import TEMPLATES, VALENCE
from affetti.compose.syllables import DIPHTHONGS, VOWELS, phones, syllables
from affetti.compose.voice import CONSONANTS, FORMANTS


@pytest.mark.parametrize(
    ("word", "sounds"),
    # As the CMU Pronouncing Dictionary has them, without stress.
    [
        ("joy", "jh oy"),
        ("summer", "s ah m er"),
        ("winter", "w ih n t er"),
        ("sunshine", "s ah n sh ay n"),
        ("bright", "b r ay t"),
        ("paper", "p ey p er"),
        ("corners", "k ao r n er z"),
        ("rejoice", "r ih jh oy s"),
        ("stumble", "s t ah m b ah l"),
        ("laugh", "l ae f"),
        ("square", "s k w eh r"),
        ("glorious", "g l ao r iy ah s"),
        ("water", "w ao t er"),
        ("me", "m iy"),
        ("thing", "th ih ng"),
        ("boat", "b ow t"),
    ],
)
def test_spelling_gives_the_sounds_of_a_dictionary(word: str, sounds: str) -> None:
    assert " ".join(phones(word)) == sounds


@pytest.mark.parametrize(
    ("text", "count"),
    [("we celebrate", 4), ("miserable", 4), ("oh the happy, happy joy!", 7), ("cruel death", 2), ("", 0), ("12 ?", 0)],
)
def test_syllables_are_counted(text: str, count: int) -> None:
    assert len(syllables(text)) == count


def test_consonants_go_with_a_vowel_and_none_is_lost() -> None:
    for word in VALENCE:
        rejoined = [p for s in syllables(word) for p in (*s.onset, s.nucleus, *s.coda)]
        assert rejoined == phones(word)
    winter = syllables("winter")
    assert [(s.onset, s.nucleus, s.coda) for s in winter] == [(("w",), "ih", ("n",)), (("t",), "er", ())]


def test_a_voice_has_every_sound_that_any_spelling_gives() -> None:
    known = FORMANTS.keys() | DIPHTHONGS.keys() | CONSONANTS.keys()
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(letters, size=rng.integers(1, 9))) for _ in range(2000)]
    words += [*VALENCE, *(word.lower() for template in TEMPLATES for word in template.split())]
    assert {sound for word in words for sound in phones(word)} <= known
    assert FORMANTS.keys() == VOWELS
    assert all(set(ends) <= VOWELS for ends in DIPHTHONGS.values())
