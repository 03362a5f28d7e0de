"""How many songs would decide a claim, from the width of the interval that a first measurement has.

An interval over n songs narrows as 1/√n. A claim is undecided where an end of its range lies within the interval; it
would be decided where the distance d from the value to that end were more than the interval's reach w towards it. So
that this happens with a probability of 80 %, were the truth as measured,

    n' = n (w/d)² ((1.96 + 0.84)/1.96)² ,

the usual size of a two-sided test at 5 % (the normal quantiles of .975 and .80).

*Fix n' once, then measure once, on fresh songs.* Who adds songs, looks at the verdict and adds more until there is one,
draws again for a chance verdict at every look: with the truth exactly at an end of the range, one measurement leaves
the range by chance in 5 % of cases, the best of ten looks in about 20 %. The first measurement may set n' because
the verdict is not taken from it: a pilot that is counted too is a look. ``bench/looking_again.py`` measures all three.

When not to use: for intervals that are not over songs (timings, definitions of a quantity, one machine's hours), which
more songs do not narrow; or as a promise: the pilot's value is itself uncertain, and so is n'.
"""

from __future__ import annotations

import math

from affetti.studies.audit.answer import Measurement

Z, Z_POWER = 1.96, 0.84
"""Normal quantiles of .975 and of .80."""
MAX_UNITS = 20_000
"""More than this nobody measures: as far as the data show, the truth lies at an end of the range."""


def units_needed(low: float, high: float, measurement: Measurement) -> int | None:
    """Units (songs, mostly) that would decide whether a quantity lies from ``low`` to ``high``; see the module.

    Args:
        low: the lower end of the claimed range; -inf where it is open.
        high: the upper end; inf where it is open.
        measurement: the first measurement, with its interval over ``n`` units.

    Returns:
        at least ``measurement.n``; None where there is no interval over units, or more than :data:`MAX_UNITS` would be
        needed.

    Example:
        >>> units_needed(50, 70, Measurement("q", "Q", 60.0, (45.0, 75.0), 40))
        184
    """
    value, ci = measurement.value, measurement.ci
    if value is None or ci is None or measurement.exact or measurement.spans_definitions or measurement.n < 1:
        return None
    # Inside the range both ends must leave the interval, outside it the nearer one.
    ends = [end for end in (low, high) if math.isfinite(end)]
    crossed = ends if low <= value <= high else [min(ends, key=lambda end: abs(end - value))]
    ratios: list[float] = []
    for end in crossed:
        reach, distance = abs((ci[0] if end < value else ci[1]) - value), abs(end - value)
        ratios.append(reach / distance if distance > 0 else math.inf)
    worst = max(ratios, default=0.0)
    units = measurement.n * max(1.0, worst * (Z + Z_POWER) / Z) ** 2
    return math.ceil(units) if units <= MAX_UNITS else None
