"""Fréchet distance between Gaussian fits of two sets of feature rows: ``moments`` has the formula.

The plug-in distance of n against n songs grows by c/n where c depends on the distributions (Chong & Forsyth 2020), so
neither a bare value nor an equal n makes it comparable. :func:`frechet` removes that bias and gives an interval by the
delete-a-group jackknife over songs, value and floor on one number of songs (``jackknife``); :func:`frechet_distance` is
the bare distance that other tools print.

The bias is of the form c/n only for independent rows that are no fewer than features. So each draw of songs holds one
clip of each, and many draws use them all. With fewer songs than features covariances are singular, c depends on n, and
what is left of the bias is many times the distance (D = 240, 49 songs a side: 212). There :func:`frechet`
refuses rather than answers (``docs/explanation/metrics.md`` has the simulation, ``bench/distances.py`` makes it). Use
``kernel`` or ``sliced_wasserstein``, which need no covariance, or features of fewer dimensions.

When not to use: it sees means and covariances alone, no condition (see ``joint``) and no copies (see ``memorisation``).
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

import numpy as np
from numpy.typing import ArrayLike

from affetti.errors import InputError
from affetti.metrics.gram import Gram
from affetti.metrics.jackknife import MIN_FLOOR_SONGS, Blocks, LeftOut, compare, require_two_songs
from affetti.metrics.moments import Moments, without_each
from affetti.metrics.result import Result
from affetti.metrics.sample import Codes, Sample, as_matrix, as_pair, in_chunks, require_same_features

MIN_SONGS_PER_FEATURE = 1.0
"""Songs of each set that an estimate rests on, per feature, below which its bias is not of the form c/n."""


def frechet_distance(x: ArrayLike, y: ArrayLike) -> float:
    """Squared Fréchet distance d² between Gaussian fits of two sets (not debiased).

    Rows are read once, in chunks, so that memory-mapped sets of any length fit.

    Args:
        x: reference rows ``[N, D]``.
        y: rows ``[M, D]`` to evaluate.

    Returns:
        d² ≥ 0 in the squared unit of the features; 0 when mean and covariance (of N − 1) agree. The formula cannot be
        negative; where rounding makes it so, by some 1e-13 of the variance, 0 is returned.

    Raises:
        InputError: a value that is not finite, not a matrix, different D, or fewer than 2 rows.
    """
    first, second = as_matrix(x, "x"), as_matrix(y, "y")
    require_same_features(first, second, ("x", "y"))
    real, fake = (Moments.streamed(in_chunks(rows, name)) for rows, name in ((first, "x"), (second, "y")))
    return max(0.0, real.frechet(fake))


def frechet(x: ArrayLike, y: ArrayLike, groups: tuple[ArrayLike, ArrayLike] | None = None, seed: int = 0) -> Result:
    """Fréchet distance without its small-sample bias, with an interval and the floor of real data.

    Args:
        x: real rows ``[N, D]``.
        y: synthetic rows ``[M, D]``.
        groups: song ids of the rows of ``x`` and of ``y``; without them every row is a song.
        seed: decides how songs are dealt into blocks and splits.

    Returns:
        value (may be negative near equality), ci, n = (N, M), seed, and floor: the same estimate, on as many songs,
        between disjoint songs of ``x``.

    Raises:
        InputError: as :func:`frechet_distance`, fewer than 6 songs of ``x`` or 3 of ``y``, half of the songs of ``x``,
            or the songs of ``y``, fewer than features, or rows of ``x`` that are all alike.
    """
    first, second = as_pair(x, y)
    songs = (None, None) if groups is None else groups
    real, fake = Sample.of(first, songs[0], "groups of x"), Sample.of(second, songs[1], "groups of y")
    require_variation(real)
    require_songs(real, fake, first.shape[1])
    return compare(left_out_together, real, fake, seed, sizes="equal")[0]


def left_out(x: Sample, y: Sample, x_blocks: Blocks, y_blocks: Blocks) -> LeftOut:
    """Fréchet distance of two sets, and without each block of either (K = 1)."""
    if _short(x, y):
        gram = Gram.of(x.rows, y.rows)
        whole = gram.frechet()
        without = (
            [gram.of_rows(x.all_but(block), None).frechet() for block in x_blocks],
            [gram.of_rows(None, y.all_but(block)).frechet() for block in y_blocks],
        )
    else:
        parts = [[Moments.of(s.rows[block]) for block in blocks] for s, blocks in ((x, x_blocks), (y, y_blocks))]
        real, fake = (Moments.merged(part) for part in parts)
        whole = real.frechet(fake)
        without = [r.frechet(fake) for r in without_each(parts[0])], [f.frechet(real) for f in without_each(parts[1])]
    return LeftOut(np.array([whole]), (np.array(without[0])[:, None], np.array(without[1])[:, None]))


def left_out_together(x: Sample, y: Sample, x_blocks: Blocks, y_blocks: Blocks) -> LeftOut:
    """Fréchet distance of two sets, and without a block of both at once (K = 1)."""
    parts = [[Moments.of(s.rows[block]) for block in blocks] for s, blocks in ((x, x_blocks), (y, y_blocks))]
    whole = Moments.merged(parts[0]).frechet(Moments.merged(parts[1]))
    without = [r.frechet(f) for r, f in zip(without_each(parts[0]), without_each(parts[1]), strict=True)]
    return LeftOut(np.array([whole]), (np.array(without)[:, None],))


def of_subsets(x: Sample, y: Sample) -> Callable[[Codes, Codes], float]:
    """A function that gives the Fréchet distance between these rows of ``x`` and those of ``y``."""
    return lambda a, b: Moments.of(x.rows[a]).frechet(Moments.of(y.rows[b]))


def require_songs(real: Sample, fake: Sample, features: int, shares: tuple[float, float] = (0.5, 1.0)) -> None:
    """Whether songs are enough for the bias to be removed.

    Args:
        real: the real set.
        fake: the synthetic set.
        features: D.
        shares: of the real and of the synthetic songs that one estimate rests on.

    Raises:
        InputError: too few real or synthetic songs; names what would do.
    """
    require_two_songs(real.songs, "x")
    require_two_songs(fake.songs, "y")
    n = max(MIN_FLOOR_SONGS, ceil(MIN_SONGS_PER_FEATURE * features))
    least = ceil(n / shares[0]), ceil(n / shares[1])
    if real.songs < least[0] or fake.songs < least[1]:
        raise InputError(
            f"{real.songs} real and {fake.songs} synthetic songs are too few for {features} features",
            where="Fréchet distance",
            hint=f"give {least[0]} and {least[1]} or more, or fewer features, or read the kernel distance",
        )


def require_variation(sample: Sample, name: str = "x") -> None:
    """Whether a reference has any spread.

    Raises:
        InputError: its rows are all alike.
    """
    if (sample.rows == sample.rows[0]).all():
        raise InputError(
            f"all {len(sample.rows)} rows are alike", where=name, hint="give real music, in features that vary"
        )


def _short(x: Sample, y: Sample) -> bool:
    """Whether inner products of rows are fewer than those of features."""
    return max(len(x.rows), len(y.rows)) <= x.rows.shape[1]
