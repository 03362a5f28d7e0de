"""Numbers of songs, one each, and curves of songs, beside those of real songs.

A number of each song is compared by its mean: the intervals of both means are Student's, that of the difference is
Welch's (1947), which does not assume equal variances. Curves are compared by the root mean square difference of the
mean curves. Its interval is by the jackknife over songs; it is a length, which is above 0 between equal distributions
too: compare it with its floor (:mod:`affetti.metrics.jackknife`, sizes ``length``).

When not to use: for fewer than some five songs a side, or numbers of a few songs that lie far from all others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from affetti.errors import InputError
from affetti.metrics.jackknife import Blocks, LeftOut, compare
from affetti.metrics.result import Result
from affetti.metrics.sample import Floats, Sample

MIN_SONGS = 3
"""A side, of which the number is known."""


@dataclass(frozen=True)
class MeanBesideReal:
    """Mean over songs of a number, of synthetic and of real songs."""

    value: float
    """Of synthetic songs."""
    ci: tuple[float, float]
    real: float
    real_ci: tuple[float, float]
    difference: float
    """Synthetic less real."""
    difference_ci: tuple[float, float]
    n: tuple[int, int]
    """Real and synthetic songs of which the number is known."""


def mean_beside_real(real: ArrayLike, fake: ArrayLike) -> MeanBesideReal:
    """Compare the mean over songs of a number; NaN are songs of which it is not known.

    Args:
        real: of each real song ``[N]``.
        fake: of each synthetic song ``[K]``.

    Raises:
        InputError: the number is known of fewer than three songs of a side.

    Example:
        >>> compared = mean_beside_real([1.0, 2.0, 3.0], [2.0, 3.0, 4.0, np.nan])
        >>> compared.difference, compared.n
        (1.0, (3, 3))
    """
    sides = [values[np.isfinite(values)] for values in (np.asarray(real, float), np.asarray(fake, float))]
    for values, name in zip(sides, ("real", "synthetic"), strict=True):
        if len(values) < MIN_SONGS:
            count = len(values) or "none"
            raise InputError(f"known of {count} of the {name} songs", hint=f"give {MIN_SONGS} or more")
    first, second = sides
    means = [float(values.mean()) for values in sides]
    errors = [float(values.std(ddof=1) / np.sqrt(len(values))) for values in sides]
    reach = [float(stats.t.ppf(0.975, len(its) - 1)) * error for its, error in zip(sides, errors, strict=True)]
    difference = means[1] - means[0]
    square = errors[0] ** 2 + errors[1] ** 2
    apart = 0.0
    if square > 0:
        freedom = square**2 / sum(error**4 / (len(its) - 1) for its, error in zip(sides, errors, strict=True))
        apart = float(stats.t.ppf(0.975, freedom)) * square**0.5
    return MeanBesideReal(
        means[1],
        (means[1] - reach[1], means[1] + reach[1]),
        means[0],
        (means[0] - reach[0], means[0] + reach[0]),
        difference,
        (difference - apart, difference + apart),
        (len(first), len(second)),
    )


def curve_distance(real: Floats, fake: Floats, seed: int = 0) -> Result:
    """Root mean square difference of the mean curves of songs, in the unit of the curves.

    Args:
        real: a curve a real song ``[N, L]``.
        fake: a curve a synthetic song ``[K, L]``.
        seed: decides how songs are dealt into blocks and halves.

    Returns:
        Value ≥ 0, interval, and the floor: the same with real songs in the place of synthetic ones.

    Raises:
        InputError: fewer than 2 songs a side, or a value that is not finite.
    """
    samples = [Sample.of(rows, None, "curves") for rows in (real, fake)]
    return compare(_root_mean_square, samples[0], samples[1], seed, debias=False, sizes="length")[0]


def _root_mean_square(x: Sample, y: Sample, x_blocks: Blocks, y_blocks: Blocks) -> LeftOut:
    def distance(a: Floats, b: Floats) -> float:
        return float(np.sqrt(((a.mean(axis=0) - b.mean(axis=0)) ** 2).mean()))

    without = (
        np.array([[distance(x.rows[x.all_but(block)], y.rows)] for block in x_blocks]),
        np.array([[distance(x.rows, y.rows[y.all_but(block)])] for block in y_blocks]),
    )
    return LeftOut(np.array([distance(x.rows, y.rows)]), without)


def share_as_high(real: ArrayLike, value: float) -> float:
    """Conformal p-value of one song: the share of real songs, and itself, whose number is as high or higher.

    Example:
        >>> share_as_high([0.1, 0.2, 0.3], 0.25)
        0.5
    """
    known = np.asarray(real, dtype=np.float64)
    known = known[np.isfinite(known)]
    return float((1 + (known >= value).sum()) / (1 + len(known)))
