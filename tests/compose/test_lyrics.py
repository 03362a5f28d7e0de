from __future__ import annotations

import math
import re

import numpy as np
import pytest

from affetti.compose.lyrics import (
    LINES_PER_SECTION,
    STEPS,
    SUNG_SECTIONS,
    TEMPLATES,
    VALENCE,
    VALENCE_NOISE,
    WORDS,
    valence_of,
    write_lines,
    write_song,
)
from affetti.errors import UsageError

FORM = ("intro", "verse", "chorus", "verse", "chorus", "bridge", "chorus", "outro")


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def stream(*labels: str | int) -> np.random.Generator:
    return np.random.default_rng([sum(map(ord, "/".join(map(str, labels)))), len(labels)])


def scored(lines: tuple[str, ...]) -> list[float]:
    return [VALENCE[word] for line in lines for word in line.split() if word in VALENCE]


@pytest.mark.parametrize("target", [-1.0, -0.8, -0.3, 0.0, 0.1, 0.5, 0.9, 1.0])
def test_words_have_the_valence_requested(target: float) -> None:
    for seed in range(40):
        lines = write_lines(target, rng(seed))
        values = scored(lines)
        assert valence_of(lines) == pytest.approx(np.mean(values))
        # Rounding is handed on from word to word; near an end of the scale some of it has nowhere to go.
        assert abs(np.mean(values) - target) <= (0.25 / len(values) + 1e-9 if abs(target) <= 0.1 else 0.2)
    means = [valence_of(write_lines(target, rng(seed))) for seed in range(40)]
    assert np.mean(means) == pytest.approx(target, abs=0.06)


def test_lines_are_short_and_depend_on_their_seed_alone() -> None:
    counts: set[int] = set()
    for seed in range(60):
        lines = write_lines(0.3, rng(seed))
        assert lines == write_lines(0.3, rng(seed))
        assert all(3 <= len(line.split()) <= 7 for line in lines)
        counts.add(len(lines))
    assert counts == set(range(LINES_PER_SECTION[0], LINES_PER_SECTION[1] + 1))
    assert len({write_lines(0.3, rng(seed)) for seed in range(60)}) == 60
    assert len(write_lines(0.3, rng(0), lines=11)) == 11


def test_another_valence_changes_the_scored_words_alone() -> None:
    for seed in range(20):
        forms = [
            [["_" if word in VALENCE else word for word in line.split()] for line in write_lines(target, rng(seed))]
            for target in (-0.9, 0.0, 0.9)
        ]
        assert forms[0] == forms[1] == forms[2]


def test_every_kind_has_words_at_every_step_and_templates_have_no_valence_of_their_own() -> None:
    for words in WORDS.values():
        assert set(words.values()) == set(STEPS)
        assert all(re.fullmatch("[a-z]+", word) for word in words)
    assert not {word.lower() for template in TEMPLATES for word in template.split()} & VALENCE.keys()
    assert len(VALENCE) == sum(map(len, WORDS.values())) == 75


def test_valence_is_the_mean_of_the_words_it_knows() -> None:
    assert valence_of("Happy, HAPPY grief!") == pytest.approx(1 / 3)
    assert valence_of(["oh joy", "so pale"]) == pytest.approx(0.25)
    assert math.isnan(valence_of("la la la"))
    assert math.isnan(valence_of([]))


def test_choruses_repeat_and_verses_differ() -> None:
    lines = write_song(FORM, [0.1] * 8, stream)
    assert lines[2] == lines[4] == lines[6]
    assert lines[1] != lines[3]
    assert [bool(its) for its in lines] == [name in SUNG_SECTIONS for name in FORM]


def test_words_are_about_the_music_of_their_section_and_choruses_about_their_mean() -> None:
    music = [0.9, -0.4, 0.1, 0.5, 0.2, -0.1, 0.6, 0.9]
    valences = [valence_of(its) for its in write_song(FORM, music, stream, noise=0.0)]
    assert valences[1:4] == pytest.approx([-0.4, 0.3, 0.5], abs=0.1)
    assert valences[5] == pytest.approx(-0.1, abs=0.1)


def test_noise_has_the_size_that_is_declared() -> None:
    def numbered(number: int):
        return lambda *labels: np.random.default_rng([number, *map(ord, "/".join(map(str, labels)))])

    valences = [valence_of(write_song(("verse",), [0.0], numbered(i))[0]) for i in range(800)]
    assert np.std(valences) == pytest.approx(VALENCE_NOISE, rel=0.1)


def test_invalid_conditions_are_refused() -> None:
    with pytest.raises(UsageError, match=r"1\.5"):
        write_lines(1.5, rng(0))
    with pytest.raises(UsageError, match="nan"):
        write_lines(float("nan"), rng(0))
    with pytest.raises(UsageError, match="0 lines"):
        write_lines(0.0, rng(0), lines=0)
