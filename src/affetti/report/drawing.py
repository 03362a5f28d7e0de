"""Inline SVG by hand: a canvas, an axis, marker shapes.

Lengths are in units of the view box, which is some 400 wide so that text stays legible on a phone. Nothing carries a
colour of its own: strokes and fills are classes (``c0`` to ``c7`` for series, ``axis``, ``grid``) that the page's style
sheet sets for light and dark, and text takes the colour of the page. Every text is escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

import numpy as np
from markupsafe import Markup, escape
from matplotlib.ticker import MaxNLocator

COLOURS = 8
SHAPES = ("circle", "square", "triangle", "diamond", "plus", "cross", "wedge", "bar")


@dataclass(frozen=True)
class Axis:
    """A linear map from ``[low, high]`` onto ``[start, stop]`` of the canvas."""

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        """Where ``value`` lies on the canvas."""
        span = self.high - self.low or 1.0
        return self.start + (value - self.low) / span * (self.stop - self.start)

    def ticks(self, most: int = 5) -> list[float]:
        """Round numbers within the range."""
        marks = MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]).tick_values(self.low, self.high)
        slack = 1e-9 * (self.high - self.low)
        return [float(value) for value in marks if self.low - slack <= value <= self.high + slack]


@dataclass(frozen=True)
class LogAxis(Axis):
    """A logarithmic map: equal ratios of numbers above 0 are equally far apart."""

    def __call__(self, value: float) -> float:
        """Where ``value`` lies on the canvas."""
        span = log10(self.high / self.low) or 1.0
        return self.start + log10(value / self.low) / span * (self.stop - self.start)

    def ticks(self, most: int = 5) -> list[float]:
        """1, 2 and 5 times powers of ten within the range, or fewer of them where that would be too many."""
        decades = range(floor(log10(self.low)), ceil(log10(self.high)) + 1)
        within: list[float] = []
        for steps in ((1, 2, 5), (1, 3), (1,)):
            marks = [step * 10.0**decade for decade in decades for step in steps]
            within = [mark for mark in marks if self.low * (1 - 1e-9) <= mark <= self.high * (1 + 1e-9)]
            if len(within) <= 2 * most:
                break
        return within


class Canvas:
    """Collects SVG elements."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self.parts: list[str] = []

    def add(self, element: str) -> None:
        """Append an SVG element."""
        self.parts.append(element)

    def line(self, x1: float, y1: float, x2: float, y2: float, style: str = "axis") -> None:
        """A straight line."""
        self.add(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{style}"/>')

    def text(self, x: float, y: float, words: str, anchor: str = "start", style: str = "") -> None:
        """A line of text whose base line starts, has its middle or ends at ``x``."""
        self.add(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{style}">{escape(words)}</text>')

    def box(self, x: float, y: float, width: float, height: float, style: str) -> None:
        """A rectangle."""
        self.add(f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{height:.1f}" class="{style}"/>')

    def path(self, points: Sequence[tuple[float, float]], style: str) -> None:
        """A line through the points."""
        if points:
            self.add(f'<path d="M{" L".join(f"{x:.1f},{y:.1f}" for x, y in points)}" class="curve {style}"/>')

    def mark(self, x: float, y: float, number: int, size: float = 3.2) -> None:
        """The marker of series ``number``, which has a shape and a colour of its own."""
        self.add(shape(x, y, number, size))

    def across(self, axis: Axis, y: float, top: float, form: str = "{:g}", most: int = 5) -> None:
        """Ticks of a horizontal axis at ``y`` with grid lines up to ``top``."""
        for value in axis.ticks(most):
            self.line(axis(value), y, axis(value), top, "grid")
            self.text(axis(value), y + 15, tick(value, form), "middle", "tick")

    def upright(self, axis: Axis, x: float, right: float, form: str = "{:g}", most: int = 5) -> None:
        """Ticks of a vertical axis at ``x`` with grid lines to ``right``."""
        for value in axis.ticks(most):
            self.line(x, axis(value), right, axis(value), "grid")
            self.text(x - 6, axis(value) + 4, tick(value, form), "end", "tick")

    def svg(self, label: str, style: str = "chart") -> Markup:
        """The drawing as an element, with ``label`` as its text alternative."""
        box = f"0 0 {self.width:g} {self.height:g}"
        head = f'<svg class="{style}" viewBox="{box}" role="img" aria-label="{escape(label)}">'
        return Markup(head + "".join(self.parts) + "</svg>")  # noqa: S704 - every text in it is escaped


def tick(value: float, form: str = "{:g}") -> str:
    """A tick's number, with a true minus and no negative zero."""
    return form.format(0.0 if abs(value) < 1e-12 else value).replace("-", "−")


def shape(x: float, y: float, number: int, size: float) -> str:
    """SVG of a marker at (x, y)."""
    s, name, colour = size, SHAPES[number % len(SHAPES)], f"c{number % COLOURS}"
    if name == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{s:.1f}" class="mark {colour}"/>'
    corners = {
        "square": [(-1, -1), (1, -1), (1, 1), (-1, 1)],
        "triangle": [(-1.15, 1), (0, -1.2), (1.15, 1)],
        "diamond": [(0, -1.35), (1.2, 0), (0, 1.35), (-1.2, 0)],
        "wedge": [(-1.15, -1), (0, 1.2), (1.15, -1)],
        "bar": [(-0.45, -1.3), (0.45, -1.3), (0.45, 1.3), (-0.45, 1.3)],
    }
    if name in corners:
        points = " ".join(f"{x + s * dx * 0.9:.1f},{y + s * dy * 0.9:.1f}" for dx, dy in corners[name])
        return f'<polygon points="{points}" class="mark {colour}"/>'
    d = s if name == "plus" else s * 0.8
    stroke = f"M{x - d:.1f},{y:.1f}h{2 * d:.1f}M{x:.1f},{y - d:.1f}v{2 * d:.1f}"
    if name == "cross":
        stroke = f"M{x - d:.1f},{y - d:.1f}l{2 * d:.1f},{2 * d:.1f}M{x - d:.1f},{y + d:.1f}l{2 * d:.1f},{-2 * d:.1f}"
    return f'<path d="{stroke}" class="curve thick {colour}"/>'


def legend_mark(number: int) -> Markup:
    """A marker to stand before its name in running text."""
    head = '<svg class="key" viewBox="0 0 12 12" aria-hidden="true">'
    return Markup(f"{head}{shape(6, 6, number, 4)}</svg>")  # noqa: S704 - numbers only


def legend_line(number: int) -> Markup:
    """A stretch of the curve of series ``number``."""
    head = '<svg class="key" viewBox="0 0 24 12" aria-hidden="true">'
    path = f'<path d="M0,6h24" class="curve c{number} dash{number}"/>'
    return Markup(f"{head}{path}</svg>")  # noqa: S704 - numbers only


def span_of(values: Sequence[float], least: float = 1e-6) -> tuple[float, float]:
    """Smallest and largest of the finite values, with a margin."""
    finite = np.array([value for value in values if np.isfinite(value)] or [0.0, 1.0])
    low, high = float(finite.min()), float(finite.max())
    room = max(0.04 * (high - low), least)
    return low - room, high + room
