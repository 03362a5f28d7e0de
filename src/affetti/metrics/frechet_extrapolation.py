"""Fréchet distance extrapolated to infinitely many songs: FD∞ (Chong & Forsyth 2020, arXiv 1911.07023).

To first order FD_N = FD∞ + c/N. Distances between random subsets of several sizes are fitted by a straight line in the
inverse of the share of songs kept, and its intercept is taken. Here

- subsets are drawn *without* replacement, as the authors' code draws them. With replacement, as later ports do, a
  subset lacks nothing but variety, the line extrapolates to the bias of the pool, and the result is the plain distance
  again (``docs/metrics.md`` has the numbers);
- both sets shrink together, so the reference's share of the bias goes too;
- whole songs are drawn, and each of several random orders of the songs gives one nested subset of each size.

When not to use: where ``frechet`` is enough. Its jackknife estimates the same limit with a narrower interval in less
time; FD∞ is here to be compared with, and its R² shows whether the bias is of the form c/N at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from affetti.errors import InputError
from affetti.metrics.frechet_distances import of_subsets, require_variation
from affetti.metrics.jackknife import LeftOut, estimate
from affetti.metrics.sample import Codes, Floats, Sample, as_pair

SHARES = (0.4, 0.55, 0.7, 0.85, 1.0)
"""Shares of the songs kept."""
N_ORDERS = 5
"""Random orders of the songs."""
N_FOLDS = 10
"""Blocks of songs left out a side for the interval."""
MIN_SONGS = 20
"""Songs a side below which a line cannot be fitted."""


@dataclass(frozen=True)
class Extrapolation:
    """FD∞ and the line it rests on."""

    value: float
    """Intercept; may be negative near equality."""
    ci: tuple[float, float]
    """95 % interval over songs."""
    slope: float
    """Bias of the plain distance of the whole sets."""
    r2: float
    """Share of the variance of the mean distances that the line explains."""
    shares: tuple[float, ...]
    """Share of the songs in each subset."""
    distances: tuple[float, ...]
    """Mean plain distance at each share."""
    n: tuple[int, int]
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


def frechet_infinity(
    x: ArrayLike, y: ArrayLike, groups: tuple[ArrayLike, ArrayLike] | None = None, seed: int = 0
) -> Extrapolation:
    """Fréchet distance at infinitely many songs.

    Args:
        x: real rows ``[N, D]``.
        y: synthetic rows ``[M, D]``.
        groups: song ids of the rows of ``x`` and of ``y``; without them every row is a song.
        seed: of the order in which songs are drawn.

    Raises:
        InputError: as :func:`affetti.metrics.frechet_distance`, fewer than 20 songs on a side, or rows of ``x`` that
            are all alike.
    """
    first, second = as_pair(x, y)
    songs = (None, None) if groups is None else groups
    real, fake = Sample.of(first, songs[0], "groups of x"), Sample.of(second, songs[1], "groups of y")
    require_variation(real)
    for sample, name in ((real, "x"), (fake, "y")):
        if sample.songs < MIN_SONGS:
            raise InputError(
                f"{sample.songs} songs are too few to extrapolate from",
                where=f"groups of {name}",
                hint=f"give {MIN_SONGS} or more, or use frechet",
            )
    rng = np.random.default_rng(seed)
    between = of_subsets(real, fake)
    orders = [(rng.permutation(real.songs), rng.permutation(fake.songs)) for _ in range(N_ORDERS)]
    intercept, slope, r2, distances = _line(real, fake, orders, between)
    without: list[Floats] = []
    for side, sample in enumerate((real, fake)):
        fold = rng.permutation(sample.songs) % N_FOLDS
        intercepts: list[float] = []
        for f in range(N_FOLDS):
            kept = [(o[0][fold[o[0]] != f], o[1]) if side == 0 else (o[0], o[1][fold[o[1]] != f]) for o in orders]
            intercepts.append(_line(real, fake, kept, between)[0])
        without.append(np.array(intercepts)[:, None])
    low, high = estimate(LeftOut(np.array([intercept]), (without[0], without[1])), debias=False).ci[0]
    return Extrapolation(
        intercept,
        (float(low), float(high)),
        slope,
        r2,
        SHARES,
        tuple(float(d) for d in distances),
        (len(first), len(second)),
        seed,
    )


def _line(
    real: Sample, fake: Sample, orders: Sequence[tuple[Codes, Codes]], between: Callable[[Codes, Codes], float]
) -> tuple[float, float, float, Floats]:
    """Intercept, slope and R² of mean distance on 1/share, and the mean distances."""
    inverse, distances = np.empty(len(SHARES)), np.empty(len(SHARES))
    for i, share in enumerate(SHARES):
        sizes = [max(2, round(share * len(order))) for order in orders[0]]
        inverse[i] = np.mean([len(order) / size for order, size in zip(orders[0], sizes, strict=True)])
        drawn = orders if share < 1 else orders[:1]  # all songs are all songs in any order
        distances[i] = np.mean([between(real.rows_of(a[: sizes[0]]), fake.rows_of(b[: sizes[1]])) for a, b in drawn])
    slope, intercept = np.polyfit(inverse, distances, 1)
    left = distances - intercept - slope * inverse
    spread = ((distances - distances.mean()) ** 2).sum()
    return float(intercept), float(slope), float(1 - (left**2).sum() / spread) if spread > 0 else 1.0, distances
