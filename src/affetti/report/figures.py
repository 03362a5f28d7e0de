"""The figures: emotion plane, training curves, parts of the Quality Score, intervals of the study's arms, panels.

Each is a function from numbers to inline SVG with a text alternative that says what the drawing shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from affetti.metrics.quality import Component
from affetti.report.drawing import Axis, Canvas, LogAxis, span_of
from affetti.report.wording import number, with_interval

QUADRANT_WORDS = {"Q1": "happy", "Q2": "tense", "Q3": "sad", "Q4": "calm"}
MAX_POINTS = 2_000
"""Points drawn on the plane; of more clips an even selection is shown, so that the page stays small."""

LETTER = 6.2
"""Width of a letter and its share of the margin, in the units of a drawing."""
OFFSET = 3.5
"""Distance between the intervals of two curves at the same x, in the units of a drawing."""


def plane(labels: NDArray[np.float64], series: NDArray[np.intp], names: Sequence[str]) -> Markup:
    """Clips on the plane of valence (right: pleasant) and arousal (up: excited), a marker for each series.

    Args:
        labels: valence and arousal ``[N, 2]``.
        series: number of each clip's series ``[N]``.
        names: name of each series.
    """
    canvas = Canvas(380, 376)
    x, y = Axis(-1, 1, 44, 370), Axis(-1, 1, 336, 10)
    canvas.across(x, 336, 10)
    canvas.upright(y, 44, 370)
    canvas.line(x(0), 336, x(0), 10)
    canvas.line(44, y(0), 370, y(0))
    corners = {"Q1": (364, 26, "end"), "Q2": (50, 26, "start"), "Q3": (50, 328, "start"), "Q4": (364, 328, "end")}
    step = -(-len(labels) // MAX_POINTS)
    for (valence, arousal), which in zip(labels[::step].tolist(), series[::step].tolist(), strict=True):
        canvas.mark(x(valence), y(arousal), which)
    for name, (left, top, anchor) in corners.items():
        canvas.text(left, top, f"{name} {QUADRANT_WORDS[name]}", anchor, "corner")
    canvas.text(207, 370, "valence: unpleasant → pleasant", "middle")
    canvas.add('<text transform="translate(12 173) rotate(-90)" text-anchor="middle">arousal: calm → excited</text>')
    shown = f"{len(labels[::step])} of {len(labels)}" if step > 1 else f"all {len(labels)}"
    counts = ", ".join(f"{name} {int((series == i).sum())}" for i, name in enumerate(names))
    low, high = labels.min(axis=0), labels.max(axis=0)
    return canvas.svg(
        f"Scatter plot of {shown} clips. Valence runs from {number(low[0])} to {number(high[0])}, "
        f"arousal from {number(low[1])} to {number(high[1])}. {counts}."
    )


def curves(lines: Sequence[Mapping[str, float]], keys: Sequence[str], name: str) -> Markup:
    """Logged values over training steps, a curve for each of ``keys``."""
    canvas = Canvas(400, 224)
    series = {key: [(line["step"], line[key]) for line in lines if _drawable(line.get(key))] for key in keys}
    values = [value for points in series.values() for _, value in points]
    # A few wild first steps would flatten the rest: the scale leaves out the last hundredth at either end.
    low, high = np.quantile(values, [0.01, 0.99]) if values else (0.0, 1.0)
    y = Axis(*span_of([float(low), float(high)]), 180, 10)
    x = Axis(0, max((line["step"] for line in lines), default=1), 50, 390)
    canvas.across(x, 180, 10)
    canvas.upright(y, 50, 390)
    canvas.line(50, 180, 390, 180)
    for number_of_curve, points in enumerate(series.values()):
        drawn = [(x(step), y(min(max(value, y.low), y.high))) for step, value in points]
        canvas.path(drawn, f"c{number_of_curve} dash{number_of_curve}")
    canvas.text(220, 215, "training step", "middle")
    description = "; ".join(
        f"{key.replace('_', ' ')} from {number(points[0][1])} to {number(points[-1][1])}"
        for key, points in series.items()
        if points
    )
    return canvas.svg(f"Training curves of {name} over {x.high:g} steps: {description}.")


def components(parts: Mapping[str, Component], words: Mapping[str, str]) -> Markup:
    """The parts of the Quality Score: a bar for the distance, marks for held-out real music and for no variety.

    A part without words, as another version's may be, is called by its key.
    """
    canvas = Canvas(400, 48 + 28 * len(parts))
    bottom = 10 + 28 * len(parts)
    x = Axis(0, max((max(p.value, p.floor, p.bad) for p in parts.values()), default=0.0) * 1.06 or 1.0, 96, 346)
    canvas.across(x, bottom, 6)
    canvas.line(96, bottom, 96, 6)
    canvas.text(394, bottom + 15, "score", "end", "tick")
    for row, (name, part) in enumerate(parts.items()):
        middle = 22 + 28 * row
        canvas.text(90, middle + 4, words.get(name, name), "end")
        canvas.box(96, middle - 7, x(part.value) - 96, 14, "fill c0")
        canvas.line(x(part.floor), middle - 12, x(part.floor), middle + 12, "floor")
        canvas.line(x(part.bad), middle - 12, x(part.bad), middle + 12, "bad")
        canvas.text(394, middle + 4, f"{part.score:.0f}", "end", "strong")
    canvas.text(221, bottom + 34, "distance from real music", "middle")
    description = "; ".join(
        f"{words.get(name, name)} {number(part.value)} (held-out real {number(part.floor)}, "
        f"no variety {number(part.bad)}), {part.score:.0f} points"
        for name, part in parts.items()
    )
    return canvas.svg(f"Bars of the parts of the Quality Score. {description}.")


@dataclass(frozen=True)
class Bar:
    """A row of a forest plot: an estimate with its interval."""

    name: str
    value: float
    low: float
    high: float
    colour: int
    hollow: bool = False


def forest(
    rows: Sequence[Bar],
    title: str,
    *,
    zero: bool = False,
    ideal: tuple[float, str] | None = None,
    level: float = 0.95,
) -> Markup:
    """Estimates with intervals of ``level``, one row each.

    Args:
        rows: the estimates.
        title: what they are of.
        zero: whether there is a dashed line at no difference.
        ideal: value and label of a dashed line at what a perfect system reaches; the axis then includes 0 too.
        level: of the intervals.
    """
    top = 4 if ideal is None else 20
    bottom = top + 4 + 26 * len(rows)
    canvas = Canvas(400, bottom + 44)
    ends = [value for row in rows for value in (row.low, row.high, row.value)]
    ends += [0.0] if zero or ideal else []
    ends += [ideal[0]] if ideal else []
    left = max(122.0, LETTER * max((len(row.name) for row in rows), default=0))
    x = Axis(*span_of(ends, 0.01), left, 386)
    canvas.across(x, bottom, top)
    canvas.line(left, bottom, 386, bottom)
    if zero:
        canvas.line(x(0), bottom, x(0), top, "zero")
    if ideal is not None:
        value, label = ideal
        canvas.line(x(value), bottom, x(value), top, "zero")
        half = LETTER * len(label) / 2
        canvas.text(min(max(x(value), left + half), 396 - half), top - 6, label, "middle", "tick")
    for number_of_row, row in enumerate(rows):
        y = top + 17 + 26 * number_of_row
        canvas.text(left - 6, y + 4, row.name, "end")
        if row.high > row.low:
            canvas.line(x(row.low), y, x(row.high), y, f"whisker c{row.colour}")
        style = "ring" if row.hollow else "mark"
        canvas.add(f'<circle cx="{x(row.value):.1f}" cy="{y:.1f}" r="5" class="{style} c{row.colour}"/>')
    canvas.text((left + 386) / 2, bottom + 35, title, "middle")
    description = "; ".join(f"{row.name} {with_interval(row.value, (row.low, row.high))}" for row in rows)
    return canvas.svg(f"{title}, with {100 * level:.4g} % intervals. {description}.")


Point = tuple[float, float, float, float]
"""x, value, and the ends of the value's interval, which are NaN where there is none."""


@dataclass(frozen=True)
class Line:
    """A curve."""

    name: str
    points: list[Point]


def panels(
    x_name: str,
    parts: Sequence[tuple[str, Sequence[Line]]],
    description: str,
    *,
    high: int = 104,
    logarithmic: bool = False,
) -> Markup:
    """Charts one under the other that share their horizontal axis.

    Args:
        x_name: what runs across.
        parts: name and curves of each chart.
        description: what the drawing is of, for its text alternative.
        high: height of a chart.
        logarithmic: whether equal ratios across are equally far apart.
    """
    left, right = 56, 388
    canvas = Canvas(400, high * len(parts) + 40)
    xs = [point[0] for _, lines in parts for line in lines for point in line.points]
    ends = (min(xs), max(xs)) if logarithmic else span_of(xs)
    x = (LogAxis if logarithmic else Axis)(*ends, left + 8, right - 8)
    for chart, (name, lines) in enumerate(parts):
        top, bottom = 22 + chart * high, chart * high + high - 6
        ends = [end for line in lines for point in line.points for end in point[1:]]
        y = Axis(*span_of(ends, 0.01), bottom, top)
        canvas.upright(y, left, right, most=3)
        canvas.line(left, bottom, right, bottom)
        canvas.text(left, top - 7, name, "start", "strong")
        # Side by side, so that the intervals of one curve do not hide those of another.
        offset = OFFSET if any(point[3] > point[2] for line in lines for point in line.points) else 0.0
        for series, line in enumerate(lines):
            aside = offset * (series - (len(lines) - 1) / 2)
            canvas.path([(x(point[0]) + aside, y(point[1])) for point in line.points], f"c{series} dash{series}")
            for at, value, low, upper in line.points:
                if upper > low:
                    canvas.line(x(at) + aside, y(low), x(at) + aside, y(upper), f"whisker c{series}")
                canvas.mark(x(at) + aside, y(value), series)
    canvas.across(x, high * len(parts) - 6, high * len(parts) - 6)
    canvas.text((left + right) / 2, high * len(parts) + 30, x_name, "middle")
    words = "; ".join(
        f"{name}: {line.name} " + ", ".join(f"{number(point[1])} at {point[0]:g}" for point in line.points)
        for name, lines in parts
        for line in lines
    )
    return canvas.svg(f"{description} {x_name} across. {words}.")


def _drawable(value: object) -> bool:
    return isinstance(value, int | float) and bool(np.isfinite(value))
