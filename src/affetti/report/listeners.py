"""The section on a listening study: means, differences, control, reliability, what limits the study, screening.

All of it is drawn from the study's result alone. What the study did not ask has no figure. Of the task ``mushra`` the
medians are drawn, of ``pair`` Bradley-Terry strengths.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from affetti.emotion import AXES
from affetti.report import figures
from affetti.report.figures import Bar
from affetti.results import PointEstimate
from affetti.studies.listening.answers import PREFERENCE
from affetti.studies.listening.result import ListeningResult, PairDifference, SystemMean

MAX_PAIRS = 15
"""Differences drawn on a scale, at most; the table has all."""
MAX_LETTERS = 24
"""Letters of a name in a figure."""
QUESTIONS = {
    "rate": "each clip was rated alone",
    "pair": "listeners chose between two versions of one request",
    "mushra": "versions of one request were rated together against a reference, which is hidden among them",
    "spot": "of three sounds listeners chose the one that differs",
}
"""What listeners were asked to do, by task."""


@dataclass(frozen=True)
class ScaleSection:
    """What listeners say on one scale."""

    name: str
    what: str
    """What the figure of systems is of."""
    systems: tuple[SystemMean, ...]
    pairs: tuple[PairDifference, ...]
    means: Markup
    differences: Markup | None
    """None: there is one system."""
    preferences: bool
    """Whether versions were compared directly."""
    medians: bool


@dataclass(frozen=True)
class ListenersSection:
    """What the template ``listeners.html`` needs of one study."""

    name: str
    result: ListeningResult
    question: str
    level: float
    """Of all intervals over systems, in per cent."""
    scales: tuple[ScaleSection, ...]
    control: tuple[tuple[str, Markup], ...]
    """The slopes of each axis."""
    excluded: tuple[tuple[str, int], ...]
    """Rules that left somebody out, and how many."""


def listeners_section(result: ListeningResult) -> ListenersSection:
    """Draw a listening study."""
    level = 1.0 - result.analysis.alpha
    drawn = [axis for axis in AXES if any(row.axis == axis for row in result.control)]
    return ListenersSection(
        name=study_name(result),
        result=result,
        question=QUESTIONS.get(result.task, result.task),
        level=100 * level,
        scales=tuple(_scale(result, name, level) for name in dict.fromkeys(it.scale for it in result.systems)),
        control=tuple((axis, _slopes(result, axis, level)) for axis in drawn),
        excluded=tuple(Counter(it.reason for it in result.screening.excluded).items()),
    )


def study_name(result: ListeningResult) -> str:
    """The name of the study's folder, or of the table of ratings."""
    return Path(result.study).name or "listening study"


def _scale(result: ListeningResult, name: str, level: float) -> ScaleSection:
    systems = tuple(it for it in result.systems if it.scale == name)
    pairs = tuple(it for it in result.pairs if it.scale == name)
    preferences, medians = name == PREFERENCE, all(it.median is not None for it in systems)
    what = "preference, log odds" if preferences else f"median {name}" if medians else f"mean {name}"
    estimates = [it.median or PointEstimate(it.mean, it.ci) for it in systems]
    bars = [_bar(it.name, its.value, its.ci, row) for row, (it, its) in enumerate(zip(systems, estimates, strict=True))]
    differences = [_bar(f"{it.a} − {it.b}", it.difference, it.ci_simultaneous, 0) for it in pairs[:MAX_PAIRS]]
    return ScaleSection(
        name=name,
        what=what,
        systems=systems,
        pairs=pairs,
        means=figures.forest(bars, what, zero=preferences, level=level),
        differences=figures.forest(differences, f"difference in {name}", zero=True, level=level) if pairs else None,
        preferences=preferences,
        medians=medians,
    )


def _slopes(result: ListeningResult, axis: str, level: float) -> Markup:
    rows = [row for row in result.control if row.axis == axis]
    bars = [_bar(row.system, row.slope.value, row.slope.ci, number) for number, row in enumerate(rows)]
    title, ideal = f"slope of perceived {axis} against requested", (1.0, "1: all of the change")
    return figures.forest(bars, title, ideal=ideal, level=level)


def _bar(name: str, value: float, ci: tuple[float, float] | None, colour: int) -> Bar:
    """A row of a figure; without an interval the mark alone, which is hollow."""
    short = name if len(name) <= MAX_LETTERS else f"{name[: MAX_LETTERS - 1]}…"
    return Bar(short, value, *(ci or (value, value)), colour % 8, hollow=ci is None)
