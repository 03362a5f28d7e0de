"""Fréchet distance between Gaussian fits of two sets of feature rows: ``moments`` has the formula.

The plug-in distance grows by about c/N where c depends on the model (Chong & Forsyth 2020), so neither a bare value nor
an equal N makes it comparable. :func:`frechet` removes that bias and gives an interval by the delete-a-group jackknife
over songs (``jackknife``); :func:`frechet_distance` is the bare distance that other tools print.

When not to use: it sees means and covariances alone, no condition (see ``joint``) and no copies (see ``memorisation``),
and it says nothing without its floor. With fewer than some five songs a feature the bias is no longer c/N, and what is
left of it can have either sign (one distribution, D = 128, 100 against 1,644 songs: −13 where the plain distance has
59): read the value against the floor, which is measured on nearly as many songs and has nearly the same.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from affetti.errors import InputError
from affetti.metrics.gram import Gram
from affetti.metrics.jackknife import Blocks, LeftOut, compare
from affetti.metrics.moments import Moments, without_each
from affetti.metrics.result import Result
from affetti.metrics.sample import Codes, Sample, as_matrix, as_pair, in_chunks, require_same_features


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
        value (may be negative near equality), ci, n = (N, M), seed, and floor: the same debiased estimate with songs of
        ``x`` in the place of ``y``, as many as ``y`` has or half of ``x``'s, against the rest of ``x``. It is near 0
        where the jackknife succeeds, shows what is left of the bias where rows are few for D, and is ``None`` below 6
        songs.

    Raises:
        InputError: as :func:`frechet_distance`, fewer than 2 songs on a side, so few rows that leaving a block out
            leaves fewer than 2, or rows of ``x`` that are all alike.
    """
    first, second = as_pair(x, y)
    songs = (None, None) if groups is None else groups
    real, fake = Sample.of(first, songs[0], "groups of x"), Sample.of(second, songs[1], "groups of y")
    require_variation(real)
    return compare(left_out, real, fake, seed)[0]


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


def of_subsets(x: Sample, y: Sample) -> Callable[[Codes, Codes], float]:
    """A function that gives the Fréchet distance between these rows of ``x`` and those of ``y``."""
    if _short(x, y):
        gram = Gram.of(x.rows, y.rows)
        return lambda a, b: gram.of_rows(a, b).frechet()
    return lambda a, b: Moments.of(x.rows[a]).frechet(Moments.of(y.rows[b]))


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
