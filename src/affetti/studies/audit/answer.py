"""What an answer of the audit is made of: numbers with intervals, one figure, one sentence, sounds.

All of it is plain data that JSON can hold, so that an answer can be saved, opened again and drawn elsewhere. A number
that could not be measured is None, and its note says why.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from affetti import metrics
from affetti.errors import InputError

Origin = Literal["recording", "composed", "rebuilt", "generated"]
"""Of a sound: a clip of the corpus as it is, a song that affetti composed, either after a representation was inverted,
or what a generator made."""


class NotMeasurableError(Exception):
    """A question that this corpus cannot answer; ``needs`` ends the sentence "not measurable here: needs …"."""

    def __init__(self, needs: str) -> None:
        super().__init__(f"not measurable here: needs {needs}")
        self.needs = needs


@dataclass(frozen=True)
class Measurement:
    """One number of an answer.

    Raises:
        ValueError: the value, or an end of the interval, is not a finite number.
    """

    name: str
    """Unique in its answer; claims refer to it as ``question.name``."""
    label: str
    """What it is, for a table."""
    value: float | None
    ci: tuple[float, float] | None
    """95 % interval; None where there is none to be had (a count, a closed form, one song)."""
    n: int
    """How many independent units it rests on."""
    of: str = "songs"
    """What ``n`` counts."""
    unit: str = ""
    note: str = ""
    """Why there is no value, or what to be careful of."""
    exact: bool = False
    """Whether it needs no interval: a count or a closed form."""
    spans_definitions: bool = False
    """Whether the interval spans several definitions of the quantity, so that more units would not narrow it."""

    def __post_init__(self) -> None:
        for number in (self.value, *(self.ci or ())):
            if number is not None and not math.isfinite(number):
                raise ValueError(f"{self.name}: {number} is not a finite number")

    @classmethod
    def of_statistic(
        cls,
        name: str,
        label: str,
        statistic: Callable[..., float],
        *arrays: ArrayLike,
        songs: ArrayLike,
        seed: int = 0,
        unit: str = "",
        of: str = "songs",
        resamples: int = 1000,
    ) -> Measurement:
        """``statistic(*arrays)`` with its 95 % bootstrap interval over songs.

        Where the statistic is not defined, there is no value and the note says why.

        Args:
            name: unique in its answer.
            label: what it is, for a table.
            statistic: arrays to a number; raises InputError where it is not defined.
            arrays: a row a clip.
            songs: the group of each row, which is resampled as one.
            seed: of the resampling.
            unit: of the value.
            of: what the groups are.
            resamples: how often.
        """
        count = int(np.unique(np.asarray(songs)).size)
        try:
            value = float(statistic(*(np.asarray(array) for array in arrays)))
        except InputError as error:
            return cls(name, label, None, None, count, of, unit, f"not measurable here: {error.what}")
        try:
            ci = metrics.bootstrap_ci(statistic, *arrays, groups=songs, seed=seed, resamples=resamples)
        except InputError as error:
            return cls(name, label, value, None, count, of, unit, f"no interval: {error.what}")
        return cls(name, label, value, ci, count, of, unit)

    @classmethod
    def of_mean(
        cls,
        name: str,
        label: str,
        values: ArrayLike,
        *,
        songs: ArrayLike,
        seed: int = 0,
        unit: str = "",
        of: str = "songs",
    ) -> Measurement:
        """Mean of one value a clip ``[N]``, with its interval over songs; values that are NaN are left out."""
        numbers, groups = np.asarray(values, dtype=np.float64), np.asarray(songs)
        known = np.isfinite(numbers)
        if not known.any():
            return cls(name, label, None, None, 0, of, unit, "not measurable here: no clip has a value")
        return cls.of_statistic(name, label, _mean, numbers[known], songs=groups[known], seed=seed, unit=unit, of=of)

    @classmethod
    def over_definitions(cls, name: str, label: str, alternatives: Sequence[Measurement]) -> Measurement:
        """One number for a quantity that has several definitions.

        The value is the mean of theirs, the interval spans all of theirs.
        """
        known = [its for its in alternatives if its.value is not None and its.ci is not None]
        if not known:
            return cls(name, label, None, None, 0, note=alternatives[0].note if alternatives else "not measurable here")
        ends = [end for its in known for end in its.ci or ()]
        middle = float(np.mean([its.value for its in known if its.value is not None]))
        note = f"spans {len(known)} definitions: {', '.join(its.name for its in known)}"
        ci, first = (min(ends), max(ends)), known[0]
        return cls(name, label, middle, ci, first.n, first.of, first.unit, note, spans_definitions=len(known) > 1)

    @classmethod
    def missing(cls, name: str, label: str, needs: str, unit: str = "") -> Measurement:
        """What could not be measured, and what that would need."""
        return cls(name, label, None, None, 0, unit=unit, note=f"not measurable here: needs {needs}")


@dataclass(frozen=True)
class IntervalFigure:
    """A figure: measurements with their intervals, a row each, what the study claims beside them."""

    title: str
    """Names the quantity and its unit."""
    names: tuple[str, ...]
    """Of measurements of the same answer; those without a value are left out."""
    zero: bool = False
    """Whether to mark zero: no difference."""


@dataclass(frozen=True)
class Series:
    """A curve: points of (x, value, low, high); without an interval low and high are the value."""

    name: str
    points: tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True)
class LineFigure:
    """A figure: curves over a number."""

    title: str
    x: str
    y: str
    series: tuple[Series, ...]


@dataclass(frozen=True)
class Panel:
    """A log-mel to be drawn."""

    label: str
    key: str
    """Name of its array, dB ``[M, F]``, among the answer's arrays."""


@dataclass(frozen=True)
class MelFigure:
    """A figure: log-mels on the same axes and the same colours."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Sound:
    """A sound of an answer; all sounds of an answer are played equally loud."""

    label: str
    origin: Origin
    file: str
    """FLAC, relative to the folder of the audit."""


@dataclass(frozen=True)
class Answer:
    """What a question was answered with."""

    sentence: str
    """The answer, in plain words and with its numbers."""
    measurements: tuple[Measurement, ...] = ()
    intervals: IntervalFigure | None = None
    lines: LineFigure | None = None
    mels: MelFigure | None = None
    sounds: tuple[Sound, ...] = ()
    cautions: tuple[str, ...] = ()
    """What to be careful of when interpreting it, a sentence each."""
    needs: str = ""
    """Where nothing could be measured: what that would need."""

    def __post_init__(self) -> None:
        names = [measurement.name for measurement in self.measurements]
        double = {name for name in names if names.count(name) > 1}
        if double:
            raise ValueError(f"measurements named twice: {', '.join(sorted(double))}")

    def __getitem__(self, name: str) -> Measurement:
        """The measurement of that name."""
        return next(measurement for measurement in self.measurements if measurement.name == name)


def format_measurement(measurement: Measurement, digits: int = 2) -> str:
    """A measurement in running text: value, unit and interval, or "(not measured)".

    Example:
        >>> format_measurement(Measurement("ccc", "CCC", 0.451, (0.352, 0.53), 40))
        '0.45 [0.35, 0.53]'
    """
    if measurement.value is None:
        return "(not measured)"
    unit = f" {measurement.unit}" if measurement.unit and measurement.unit != "%" else measurement.unit
    value, *ends = (_decimal(number, digits) for number in (measurement.value, *(measurement.ci or ())))
    return f"{value}{unit} [{ends[0]}, {ends[1]}]" if ends else f"{value}{unit}"


def _decimal(number: float, digits: int) -> str:
    """So many decimals, thousands apart, and no minus before zero."""
    text = f"{number:,.{digits}f}"
    return text.removeprefix("-") if not text.strip("-0.") else text


def _mean(values: Any) -> float:
    return float(np.mean(values))
