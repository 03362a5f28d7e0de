"""Cues for an emotion: the inverse of :func:`affetti.compose.cues.valence_arousal`.

Many combinations of cues give one emotion. For each mode and melodic archetype, the graded cues x (each scaled to
[-1, 1] over its range) minimise::

    |W x + c - t|² + ε |x|² ,    -1 ≤ x ≤ 1,

the distance to the target t plus a small pull to the middle of every range; W are the weights of the cues and c what
the choices give. The combination with the least sum is taken, so that cues are no more extreme than the emotion needs.
A target that no music reaches gets the nearest that can be reached.

Do not use it to say how music of an emotion has to sound: it is one of many ways, under the additive weights of one
study.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from affetti.compose.cues import (
    CHOICES,
    CUES,
    GRADED,
    INTERCEPT,
    MELODIES,
    MODES,
    RANGES,
    SCALE,
    Cues,
)
from affetti.emotion import Emotion
from affetti.errors import UsageError

PULL = 1e-3
"""ε: a cue at its extreme weighs as much as an error of 0.03."""
TIMBRE = "piano"
"""The lead instrument where none is held."""


def cues_for(emotion: Emotion, held: Mapping[str, Any] | None = None) -> Cues:
    """Cues whose emotion is nearest to ``emotion``.

    Args:
        emotion: the target.
        held: cues that keep a value, such as ``{"timbre": "flute", "tempo": 2.0}``; the others make up for them.

    Raises:
        UsageError: ``held`` names no cue.
        InputError: a held cue is out of range.

    Example:
        >>> from affetti.compose.cues import valence_arousal
        >>> happy = cues_for(Emotion(0.5, 0.5))
        >>> happy.mode, [round(value, 2) for value in valence_arousal(happy)]
        ('major', [0.5, 0.49])
    """
    fixed = dict(held or {})
    if unknown := sorted(set(fixed) - set(CUES)):
        raise UsageError(f"unknown cue {unknown[0]!r}", where="held", hint=f"choose from {', '.join(CUES)}")
    for name, value in fixed.items():
        if (name in RANGES) == isinstance(value, str):
            wanted = "a number" if name in RANGES else "a name"
            raise UsageError(f"{name} {value!r} is not {wanted}", where="held", hint=f"give {wanted}")
    fixed.setdefault("timbre", TIMBRE)
    target = np.array([emotion.valence, emotion.arousal])
    candidates = [
        _nearest(target, fixed | {"mode": mode, "melody": melody})
        for mode, melody in itertools.product(
            [fixed["mode"]] if "mode" in fixed else MODES, [fixed["melody"]] if "melody" in fixed else MELODIES
        )
    ]
    return min(candidates, key=lambda candidate: candidate[0])[1]


def cue_effects(cues: Cues) -> dict[str, tuple[float, float]]:
    """How much each cue shifts valence and arousal, against the middle of its range or its reference choice.

    Returns:
        (valence, arousal) by cue, in units of [-1, 1]; with the emotion of the middle they add up to that of ``cues``.
    """
    effects: dict[str, tuple[float, float]] = {}
    for name in CUES:
        value = getattr(cues, name)
        if name in GRADED:
            low, high = RANGES[name]
            weights, amount = GRADED[name], value - (low + high) / 2
        else:
            weights, amount = CHOICES[name].get(value, (0.0, 0.0)), 1.0
        effects[name] = (weights[0] * amount / SCALE, weights[1] * amount / SCALE)
    return effects


def _nearest(target: np.ndarray[Any, Any], chosen: Mapping[str, Any]) -> tuple[float, Cues]:
    """The least sum for these choices and held cues, and the cues that reach it."""
    middle: dict[str, Any] = {name: sum(RANGES[name]) / 2 for name in RANGES}
    Cues(**(middle | dict(chosen)))  # refuses what is out of range
    free = [name for name in RANGES if name not in chosen]
    centre = np.array(INTERCEPT)
    for name, weights in CHOICES.items():
        centre = centre + weights.get(chosen[name], (0.0, 0.0))
    for name, weights in GRADED.items():
        low, high = RANGES[name]
        centre = centre + np.multiply(weights, chosen.get(name, (low + high) / 2))
    error = target - centre / SCALE
    if not free:
        return float(error @ error), Cues(**dict(chosen))
    half = np.array([(RANGES[name][1] - RANGES[name][0]) / 2 for name in free])
    weights = np.array([GRADED[name] for name in free]).T * half / SCALE
    matrix = np.vstack([weights, np.sqrt(PULL) * np.eye(len(free))])
    from scipy.optimize import lsq_linear  # takes long to import, which processes that only decode save

    solution = lsq_linear(matrix, np.concatenate([error, np.zeros(len(free))]), (-1.0, 1.0), method="bvls")
    graded: dict[str, Any] = {
        name: float(np.clip(np.mean(RANGES[name]) + x * h, *RANGES[name]))
        for name, x, h in zip(free, solution.x, half, strict=True)
    }
    return float(2 * solution.cost), Cues(**dict(chosen) | graded)
