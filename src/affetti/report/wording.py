"""Numbers and small words as text.

An estimate is written ``0.45 [0.35, 0.53]``: value and 95 % interval. What could not be measured is an en dash.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import floor, log10
from typing import Protocol

NOTHING = "–"
"""Stands for what was not measured."""


class Estimated(Protocol):
    """A value with an interval, whichever result it is part of."""

    @property
    def value(self) -> float | None:
        """None where it was not measured."""

    @property
    def ci(self) -> Sequence[float] | None:
        """95 % interval; None where there is none."""


def number(value: float | None, digits: int = 2) -> str:
    """A number with a true minus sign; large ones with thousands separated and fewer digits."""
    if value is None or value != value:
        return NOTHING
    digits = digits if abs(value) < 100 else max(0, digits - 2)
    text = f"{value:,.{digits}f}"
    return text.replace("-", "−") if float(text.replace(",", "")) else text.replace("-", "")


def signed(value: float | None, digits: int = 2) -> str:
    """A difference: with its sign."""
    if value is None or value != value:
        return NOTHING
    return ("+" if value > 0 and float(f"{value:.{digits}f}") else "") + number(value, digits)


def estimate(measured: Estimated | None, digits: int = 2) -> str:
    """Value and interval of a part of a result."""
    return NOTHING if measured is None else with_interval(measured.value, measured.ci, digits)


def with_interval(value: float | None, ci: Sequence[float] | None, digits: int = 2) -> str:
    """A value and its 95 % interval.

    Example:
        >>> with_interval(0.45, (0.352, 0.529))
        '0.45 [0.35, 0.53]'
    """
    if value is None or ci is None:
        return number(value, digits)
    # One precision for all three: that of the largest.
    digits = digits if max(abs(value), *map(abs, ci)) < 100 else 0
    return f"{number(value, digits)} [{number(ci[0], digits)}, {number(ci[1], digits)}]"


def difference(value: float, ci: Sequence[float], digits: int = 2) -> str:
    """A difference and its 95 % interval, all with signs.

    Example:
        >>> difference(0.05, (0.01, 0.13))
        '+0.05 [+0.01, +0.13]'
    """
    return f"{signed(value, digits)} [{signed(ci[0], digits)}, {signed(ci[1], digits)}]"


def three_figures(value: float | None, ci: Sequence[float] | None = None) -> str:
    """A value of any size and its interval, with the decimals that show three figures of the largest of them."""
    if value is None:
        return NOTHING
    return with_interval(value, ci, decimals(max(abs(value), *map(abs, ci or (value,)))))


def decimals(value: float) -> int:
    """The decimals that show three figures of a number above 0."""
    return min(max(2 - floor(log10(value)), 0), 9) if value > 0 else 0


def interval_in_words(low: float | None, high: float | None) -> str:
    """A range that may be open: ``0.7 to 0.86``, ``at least 3``, ``at most 70``."""
    if low is None or high is None:
        known = low if low is not None else high
        return "anything" if known is None else f"at {'most' if low is None else 'least'} {shortest(known)}"
    if low == high:
        return shortest(low)
    ends = [(shortest(low, extra), shortest(high, extra)) for extra in range(4)]
    return " to ".join(next((pair for pair in ends if pair[0] != pair[1]), ends[-1]))


def shortest(value: float, extra: int = 0) -> str:
    """A number in three figures and ``extra`` ones, without zeros at its end."""
    text = f"{value:,.{decimals(abs(value)) + extra}f}".replace("-", "−")
    return text.rstrip("0").rstrip(".") if "." in text else text


def count_of(n: int, of: str) -> str:
    """How many of what: ``240 songs``, ``1 song``; a dash for none."""
    return f"{n:,} {of.removesuffix('s') if n == 1 else of}".rstrip() if n else NOTHING


def typeset(text: str) -> str:
    """Running text with true minus signs before numbers, true apostrophes, and intervals that stay on one line."""
    text = re.sub(r"(?<![\w.)\]])-(?=\d)", "−", text).replace("'", "’")
    return re.sub(r"\[(\S+), (\S+)\]", "[\\1,\N{NO-BREAK SPACE}\\2]", text)


def plural(n: int, word: str) -> str:
    """``1 clip``, ``1,920 clips``."""
    return f"{n:,} {word}{'' if n == 1 else 's'}"


def listed(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def duration(seconds: float) -> str:
    """Seconds in the unit that suits: ``8 s``, ``5 min``, ``2.5 h``."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
