"""A curve of real music beside one of synthetic clips, each in a band: the spread between clips, or an interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from affetti.report.drawing import Axis, Canvas, span_of, tick
from affetti.report.wording import number

REAL, FAKE = 0, 1
"""Series of real and of synthetic clips: colour, marker and dash."""

Floats = NDArray[np.float64]


def profiles(
    x: Floats,
    sides: tuple[tuple[Floats, ...], tuple[Floats, ...]],
    marks: Sequence[tuple[float, str]],
    across: str,
    label: str,
    unit: str = "dB",
) -> Markup:
    """Draw the curves of real and of synthetic clips.

    Args:
        x: places ``[K]``.
        sides: low end of the band, curve and high end ``[K]``, of real and of synthetic clips.
        marks: places that the axis names.
        across: what the axis shows.
        label: what is drawn, for the text alternative.
        unit: of the curves; empty where they have none.
    """
    canvas = Canvas(400, 268)
    ends = [value for low, _, high in sides for value in (*low, *high)]
    along, up = Axis(float(x[0]), float(x[-1]), 46, 392), Axis(*span_of(ends), 224, 8)
    canvas.upright(up, 46, 392)
    for value, words in marks:
        canvas.line(along(value), 224, along(value), 8, "grid")
        canvas.text(along(value), 239, words, "middle", "tick")
    places = [along(value) for value in x.tolist()]
    for series, (low, _, high) in zip((REAL, FAKE), sides, strict=True):
        upper = [(place, up(value)) for place, value in zip(places, high.tolist(), strict=True)]
        lower = [(place, up(value)) for place, value in zip(places, low.tolist(), strict=True)]
        corners = " ".join(f"{left:.1f},{top:.1f}" for left, top in [*upper, *reversed(lower)])
        canvas.add(f'<polygon points="{corners}" class="spread c{series}"/>')
    for series, (_, mean, _) in zip((REAL, FAKE), sides, strict=True):
        points = [(place, up(value)) for place, value in zip(places, mean.tolist(), strict=True)]
        canvas.path(points, f"c{series} dash{series} strong-line")
    canvas.text(219, 260, across, "middle")
    if unit:
        canvas.add(f'<text transform="translate(12 116) rotate(-90)" text-anchor="middle">{unit}</text>')
    differences = (sides[1][1] - sides[0][1]).tolist()
    most = int(np.abs(differences).argmax())
    measure = f" {unit}" if unit else ""
    return canvas.svg(
        f"{label}. On average they differ by {number(float(np.abs(differences).mean()))}{measure}, at most by "
        f"{number(differences[most])}{measure}, {tick(round(100 * (x[most] - x[0]) / ((x[-1] - x[0]) or 1)))} % of the "
        "way along."
    )
