"""The valence-arousal plane.

Valence runs from unpleasant to pleasant, arousal from calm to excited (Mehrabian & Russell 1974; Russell 1980). Inside
affetti both lie in [-1, 1]; the scale a corpus was annotated on is an entry of :data:`SCALES` or :data:`CATEGORIES` and
is kept with it. Quadrants follow the convention of 4Q and EMOPIA: Q1 = V+A+, Q2 = V-A+, Q3 = V-A-, Q4 = V+A-.

The words of :data:`WORDS` stand for points on the plane, so that a user can write ``sad`` instead of numbers. Each is
in the quadrant that the circumplex literature assigns to it; its radius is our choice.
"""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from affetti.errors import InputError, UsageError

AXES = ("valence", "arousal")
"""The two dimensions of the plane, in the order of columns everywhere."""


@dataclass(frozen=True)
class Scale:
    """An affine annotation scale from ``low`` to ``high``, mapped onto [-1, 1]."""

    low: float
    high: float

    def to_unit(self, values: ArrayLike) -> NDArray[np.float64]:
        """Map values on this scale to [-1, 1].

        Raises:
            InputError: a value is not a number or lies outside the scale; the message names the first.

        Example:
            >>> SCALES["1..9"].to_unit([1, 5, 9]).tolist()
            [-1.0, 0.0, 1.0]
        """
        array = np.asarray(values, dtype=np.float64)
        bad = ~((array >= self.low) & (array <= self.high))
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise InputError(
                f"label {array.reshape(-1)[row]:g} (row {row + 1}) lies outside [{self.low:g}, {self.high:g}]",
                hint=f"correct the label or declare the scale it is on ({', '.join(SCALES)})",
            )
        return (array - self.low) / (self.high - self.low) * 2.0 - 1.0

    def from_unit(self, values: ArrayLike) -> NDArray[np.float64]:
        """Map values in [-1, 1] back to this scale.

        The inverse of :meth:`to_unit`, exact for labels with up to 12 decimals, because the result is rounded there.
        Others agree within 1e-12; a corpus keeps the originals.

        Example:
            >>> SCALES["1..9"].from_unit([-1.0, 0.5]).tolist()
            [1.0, 7.0]
        """
        mapped = (np.asarray(values, dtype=np.float64) + 1.0) / 2.0 * (self.high - self.low) + self.low
        return np.round(mapped, 12)

    def spread_to_unit(self, spread: ArrayLike) -> NDArray[np.float64]:
        """Map a standard deviation on this scale to one on [-1, 1]."""
        return np.asarray(spread, dtype=np.float64) * 2.0 / (self.high - self.low)


SCALES: dict[str, Scale] = {
    "-1..1": Scale(-1.0, 1.0),
    "0..1": Scale(0.0, 1.0),
    "1..9": Scale(1.0, 9.0),
    "1..5": Scale(1.0, 5.0),
    "1..7": Scale(1.0, 7.0),
    "0..10": Scale(0.0, 10.0),
    "-10..10": Scale(-10.0, 10.0),
}

QUADRANTS: dict[str, tuple[float, float]] = {"Q1": (0.5, 0.5), "Q2": (-0.5, 0.5), "Q3": (-0.5, -0.5), "Q4": (0.5, -0.5)}
"""Centre (valence, arousal) of each quadrant, the label of clips annotated with quadrants alone."""


@dataclass(frozen=True)
class Categories:
    """Labels that name a region of the plane; each is mapped to the centre of its region."""

    centres: dict[str, tuple[float, float]]

    def to_unit(self, name: str) -> tuple[float, float]:
        """Centre (valence, arousal) of the region ``name``.

        Raises:
            InputError: there is no such category.
        """
        if name not in self.centres:
            raise InputError(f"unknown category {name!r}", hint=f"choose from {', '.join(self.centres)}")
        return self.centres[name]

    def from_unit(self, valence: float, arousal: float) -> str:
        """The category whose centre is nearest; the inverse of :meth:`to_unit`."""
        return min(self.centres, key=lambda name: math.dist(self.centres[name], (valence, arousal)))


CATEGORIES: dict[str, Categories] = {
    "quadrants": Categories(QUADRANTS),
    # Signs of (valence, arousal), as some sets publish: the same four regions, named by their signs.
    "signs": Categories({"++": (0.5, 0.5), "-+": (-0.5, 0.5), "--": (-0.5, -0.5), "+-": (0.5, -0.5)}),
}
"""Annotations by category, by the name of the scale in ``label_scale``."""

WORDS: dict[str, tuple[float, float]] = {
    "happy": (0.6, 0.4),
    "excited": (0.45, 0.65),
    "tense": (-0.4, 0.55),
    "angry": (-0.6, 0.6),
    "scary": (-0.6, 0.4),
    "sad": (-0.6, -0.4),
    "depressed": (-0.65, -0.55),
    "calm": (0.35, -0.6),
    "peaceful": (0.5, -0.5),
    "tender": (0.5, -0.35),
    "neutral": (0.0, 0.0),
}


@dataclass(frozen=True)
class Emotion:
    """A point on the plane: valence and arousal, each in [-1, 1]."""

    valence: float
    arousal: float

    def __post_init__(self) -> None:
        for name in AXES:
            value = getattr(self, name)
            if not -1.0 <= value <= 1.0:
                raise InputError(f"{name} {value:g} lies outside [-1, 1]", hint="give both as numbers from -1 to 1")

    @classmethod
    def parse(cls, text: str) -> Emotion:
        """Read a word of :data:`WORDS` (``sad``) or a pair (``-0.5,0.2``).

        Raises:
            UsageError: neither a known word nor two numbers.
            InputError: a number lies outside [-1, 1].
        """
        word = text.strip().lower()
        if word in WORDS:
            return cls(*WORDS[word])
        parts = word.split(",")
        try:
            valence, arousal = (float(part) for part in parts)
        except ValueError:
            near = difflib.get_close_matches(word, WORDS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"write V,A or one of {', '.join(WORDS)}"
            raise UsageError(f"{text!r} is not an emotion", hint=hint) from None
        return cls(valence, arousal)


def quadrant(valence: ArrayLike, arousal: ArrayLike) -> NDArray[np.str_]:
    """Quadrant ``Q1`` to ``Q4`` of each point; zero counts as positive.

    Example:
        >>> quadrant([0.5, -0.5], [-0.2, 0.0]).tolist()
        ['Q4', 'Q2']
    """
    v, a = np.asarray(valence), np.asarray(arousal)
    return np.where(a >= 0, np.where(v >= 0, "Q1", "Q2"), np.where(v >= 0, "Q4", "Q3"))


MAX_CURVE_SECONDS = 3600.0
"""Longest emotion curve, seconds."""


@dataclass(frozen=True)
class EmotionCurve:
    """Emotion over time: points joined by straight lines, constant before the first and after the last.

    Raises:
        InputError: no point, times that are negative, not ascending or beyond :data:`MAX_CURVE_SECONDS`, a value that
            is not finite or lies outside [-1, 1].

    Example:
        >>> curve = EmotionCurve((0.0, 10.0), ((-0.5, -0.5), (0.5, 0.5)))
        >>> curve.mean(0.0, 10.0)
        Emotion(valence=0.0, arousal=0.0)
    """

    times: tuple[float, ...]
    """Seconds, ascending."""
    points: tuple[tuple[float, float], ...]
    """Valence and arousal at these times."""

    def __post_init__(self) -> None:
        if not self.times or len(self.times) != len(self.points):
            raise InputError(
                f"{len(self.times)} times and {len(self.points)} points",
                hint="give one point or more, each with its time",
            )
        if not np.isfinite(self.times).all() or self.times[0] < 0 or (np.diff(self.times) <= 0).any():
            raise InputError("times are not ascending numbers from 0", hint="sort the curve by time, in seconds")
        if self.times[-1] > MAX_CURVE_SECONDS:
            hint = f"give at most {MAX_CURVE_SECONDS:g} s"
            raise InputError(f"the curve ends after {self.times[-1]:g} s", hint=hint)
        for valence, arousal in self.points:
            Emotion(valence, arousal)  # refuses what lies off the plane

    def mean(self, start: float, stop: float) -> Emotion:
        """The mean emotion from ``start`` to ``stop``, seconds; at one moment where they are equal."""
        if stop <= start:
            return Emotion(*(float(np.interp(start, self.times, axis)) for axis in zip(*self.points, strict=True)))
        inside = [time for time in self.times if start < time < stop]
        corners = np.array([start, *inside, stop])
        means = (
            float(np.trapezoid(np.interp(corners, self.times, axis), corners)) / (stop - start)
            for axis in zip(*self.points, strict=True)
        )
        return Emotion(*(min(1.0, max(-1.0, mean)) for mean in means))
