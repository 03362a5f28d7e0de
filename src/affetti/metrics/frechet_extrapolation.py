"""Fréchet distance extrapolated to infinitely many songs: FD∞ (Chong & Forsyth 2020, arXiv 1911.07023).

To first order FD_N = FD∞ + c/N. Distances between random subsets of several sizes are fitted by a straight line in the
inverse of the share of songs kept, and its intercept is taken. Here

- subsets are drawn *without* replacement, as the authors' code draws them. With replacement, as later ports do, a
  subset lacks nothing but variety, the line extrapolates to the bias of the pool, and the result is the plain distance
  again (``docs/explanation/metrics.md`` has the numbers);
- both sets shrink together and are of one size, so the reference's share of the bias goes too, and c is one;
- songs are drawn, one clip of each, and each of several random orders of the songs gives a nested subset of each size.

When not to use: where ``frechet`` is enough. Its jackknife estimates the same limit with a narrower interval in less
time; FD∞ is here to be compared with, and its R² shows whether the bias is of the form c/N at all. It has no floor: the
smallest subsets of half of the real songs would be too few for most features.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from affetti.errors import InputError
from affetti.metrics.frechet_distances import of_subsets, require_songs, require_variation
from affetti.metrics.jackknife import LeftOut, estimate
from affetti.metrics.sample import Codes, Floats, Sample, as_pair

SHARES = (0.4, 0.55, 0.7, 0.85, 1.0)
"""Shares of the songs kept."""
N_ORDERS = 5
"""Random orders of the songs."""
N_FOLDS = 10
"""Blocks of songs left out a side for the interval."""
MIN_SUBSET = 2
"""Songs per feature in the smallest subset below which the line is no line."""
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
        InputError: as :func:`affetti.metrics.frechet_distance`, fewer than 20 songs on a side, a smallest subset of
            fewer than two songs a feature, or rows of ``x`` that are all alike.
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
    require_songs(real, fake, first.shape[1], (SHARES[0] / MIN_SUBSET, SHARES[0] / MIN_SUBSET))
    rng = np.random.default_rng(seed)
    between = of_subsets(real, fake)
    orders = [(_order(real, rng), _order(fake, rng)) for _ in range(N_ORDERS)]
    intercept, slope, r2, distances = _line(orders, between)
    folds = [(rng.permutation(sample.songs) % N_FOLDS)[sample.song] for sample in (real, fake)]
    without = np.empty((N_FOLDS, 1))
    for f in range(N_FOLDS):
        without[f] = _line([(a[folds[0][a] != f], b[folds[1][b] != f]) for a, b in orders], between)[0]
    low, high = estimate(LeftOut(np.array([intercept]), (without,)), debias=False).ci[0]
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


def _order(sample: Sample, rng: np.random.Generator) -> Codes:
    """One clip of each song, in a random order of the songs."""
    return sample.one_of_each(rng.permutation(sample.songs), rng)


def _line(
    orders: Sequence[tuple[Codes, Codes]], between: Callable[[Codes, Codes], float]
) -> tuple[float, float, float, Floats]:
    """Intercept, slope and R² of mean distance on 1/share, and the mean distances."""
    inverse, distances = np.empty(len(SHARES)), np.empty(len(SHARES))
    most = min(map(len, orders[0]))
    for i, share in enumerate(SHARES):
        size = max(2, round(share * most))
        inverse[i] = most / size
        distances[i] = np.mean([between(a[:size], b[:size]) for a, b in orders])
    slope, intercept = np.polyfit(inverse, distances, 1)
    left = distances - intercept - slope * inverse
    spread = ((distances - distances.mean()) ** 2).sum()
    return float(intercept), float(slope), float(1 - (left**2).sum() / spread) if spread > 0 else 1.0, distances
