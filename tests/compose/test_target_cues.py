"""Cues for an emotion."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.optimize import minimize

from affetti.compose.cues import CUES, MELODIES, MODES, RANGES, Cues, valence_arousal
from affetti.compose.target_cues import PULL, cue_effects, cues_for
from affetti.emotion import Emotion
from affetti.errors import InputError, UsageError

REACHABLE = [(0.0, 0.0), (0.5, 0.4), (-0.5, 0.3), (-0.4, -0.3), (0.4, -0.2)]


@pytest.mark.parametrize("target", REACHABLE)
def test_the_cues_give_the_emotion_requested(target: tuple[float, float]) -> None:
    assert valence_arousal(cues_for(Emotion(*target))) == pytest.approx(target, abs=0.02)


def test_the_cues_are_the_minimum_that_a_general_optimiser_reaches() -> None:
    target = np.array([0.3, 0.55])
    names = list(RANGES)
    middle, half = (np.array([(high + sign * low) / 2 for low, high in RANGES.values()]) for sign in (1, -1))

    def loss(x: np.ndarray, mode: str, melody: str) -> float:
        graded = np.clip(middle + x * half, middle - half, middle + half)
        cues = Cues(mode=mode, melody=melody, timbre="piano", **dict(zip(names, graded, strict=True)))  # type: ignore[arg-type]
        return float(((valence_arousal(cues) - target) ** 2).sum() + PULL * (x**2).sum())

    chosen = cues_for(Emotion(*target))
    x = (np.array([getattr(chosen, name) for name in names]) - middle) / half
    best = min(
        minimize(loss, np.zeros(4), (mode, melody), bounds=[(-1, 1)] * 4).fun
        for mode, melody in itertools.product(MODES, MELODIES)
    )
    assert loss(x, chosen.mode, chosen.melody) == pytest.approx(best, rel=1e-3)


@pytest.mark.parametrize("target", [(1.0, 1.0), (-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0)])
def test_an_emotion_beyond_all_music_gets_cues_in_range(target: tuple[float, float]) -> None:
    cues_for(Emotion(*target))  # Cues refuses what is out of range


def test_held_cues_keep_their_values_and_the_others_make_up_for_them() -> None:
    held = {"tempo": 2.5, "mode": "minor", "timbre": "violin"}
    cues = cues_for(Emotion(-0.3, -0.1), held)
    assert {name: getattr(cues, name) for name in held} == held
    assert valence_arousal(cues) == pytest.approx((-0.3, -0.1), abs=0.03)


def test_all_fixed_cues_are_returned_unchanged() -> None:
    cues = cues_for(Emotion(-0.5, 0.5))
    assert cues_for(Emotion(0.5, -0.5), vars(cues)) == cues


def test_effects_add_up_to_the_emotion() -> None:
    cues = cues_for(Emotion(0.4, 0.3), {"timbre": "flute"})
    middle = {name: sum(limits) / 2 for name, limits in RANGES.items()}
    reference = Cues(mode="minor", timbre="trumpet", melody="sad", **middle)  # type: ignore[arg-type]
    effects = cue_effects(cues)
    assert list(effects) == list(CUES)
    total = np.add(valence_arousal(reference), np.sum(list(effects.values()), axis=0))
    assert total == pytest.approx(valence_arousal(cues))


def test_unknown_cues_and_values_out_of_range_are_refused() -> None:
    with pytest.raises(UsageError, match="unknown cue 'speed'"):
        cues_for(Emotion(0.0, 0.0), {"speed": 3})
    with pytest.raises(InputError, match="tempo 9 lies outside"):
        cues_for(Emotion(0.0, 0.0), {"tempo": 9.0})
    with pytest.raises(InputError, match="'kazoo' is not a timbre"):
        cues_for(Emotion(0.0, 0.0), {"timbre": "kazoo"})
    with pytest.raises(UsageError, match="tempo 'fast' is not a number"):
        cues_for(Emotion(0.0, 0.0), {"tempo": "fast"})
    with pytest.raises(UsageError, match=r"mode 1\.0 is not a name"):
        cues_for(Emotion(0.0, 0.0), {"mode": 1.0})
