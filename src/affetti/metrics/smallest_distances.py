"""Exact test of copying: are the smallest distances to the training set smaller than held-out songs' own?

Input is one number a clip that is small for a copy: a distance to the training set. If a generator draws from the law
of real music, its clips and held-out clips can change places, so that all orders of the pooled distances are equally
likely. Let t be the a-th smallest distance of H held-out songs. The number K of N synthetic songs beneath t then has
the negative hypergeometric law, whatever the distances are:

    P(K ≥ k) = P(at most a − 1 of the k + a − 1 smallest of all are held out)
             = Σ_{j < a} C(H, j) C(N, k + a − 1 − j) / C(N + H, k + a − 1).

K is counted at the smallest held-out distance and at their quantiles of :data:`LEVELS`, and the smallest p is
multiplied by the number of thresholds (Bonferroni). The first finds few copies that are near, the others find copies
where a held-out song is, by chance, a version of a training song.

*Songs* count once: one clip of each is drawn. Where songs have several clips that is done :data:`N_DRAWS` times, and p
is the median, which keeps to twice its level whatever the songs (Rüschendorf 1982), and to its level in simulation
(``bench/copies.py``). Ties with t do not count.

*Share.* A share π of synthetic songs lies beneath t because it is copied, of the others as many as of real music: given
the probability u that a real song does, K is binomial (N, π + (1 − π) u), and u has the law Beta(a, H + 1 − a). π is
estimated by (K/N − E u)/(1 − E u) at the threshold that gave p. The 95 % interval inverts this law: from below at that
threshold, from above at the one that leaves room for most. Copies that are farther from training clips than the 5 %
quantile of held-out songs are not in it: it is the share of copies that can be distinguished from real music.

When not to use: with distances that are small for other reasons than copying, as those to the nearest training clip are
for a generator of little variety, whose clips all lie where music is dense; see :func:`relative_nearest`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.stats import beta, binom, hypergeom

from affetti.errors import InputError
from affetti.metrics.sample import Codes, Floats, Sample, song_codes

LEVELS = (0.0, 0.02, 0.05)
"""Quantiles of the held-out distances that are thresholds; 0 is the smallest."""
ALPHA = 0.005
"""p below which copying is reported."""
MIN_HELD_OUT = 8
"""Held-out songs, below which nothing can be distinguished from chance."""
N_DRAWS = 11
"""Draws of one clip a song."""
NEIGHBOURS = 5
"""The training song whose distance is the unit of :func:`relative_nearest`."""
N_QUADRATURE = 200
"""Quantiles of the law of u, over which probabilities are averaged."""
MAX_PLACES = 256
"""Clips near one training clip, above which the rest counts as one."""


@dataclass(frozen=True)
class TailTest:
    """Result of :func:`tail_test`."""

    share: float
    """Estimated share of synthetic songs that are copies, 0 to 1."""
    ci: tuple[float, float]
    """95 % interval of ``share``."""
    p: float
    """Probability of as many small distances from a generator of the law of real music."""
    beneath: int
    """Synthetic songs beneath the threshold."""
    expected: float
    """How many of as many real songs would be, on average."""
    detectable: float | None
    """Share of copies from which on copying is reported for certain, if copies lie nearer than every held-out song;
    ``None`` where no share suffices."""
    n: tuple[int, int]
    """Synthetic and held-out songs."""

    @property
    def copying(self) -> bool:
        """Whether p is below :data:`ALPHA`."""
        return self.p < ALPHA


def tail_test(
    fake: ArrayLike,
    holdout: ArrayLike,
    groups: tuple[ArrayLike, ArrayLike] | None = None,
    places: ArrayLike | None = None,
    seed: int = 0,
) -> TailTest:
    """Exact test on ranks whether synthetic clips lie nearer to the training set than held-out songs ever do.

    Args:
        fake: distance of each synthetic clip to the training set ``[N]``.
        holdout: distance of each held-out clip, of songs that are not in the training set ``[H]``.
        groups: song ids of the values of ``fake`` and of ``holdout``; without them every value is a song.
        places: codes ``[N]``; synthetic clips of one code beneath the threshold count once, see
            :func:`distinct_places`.
        seed: of the clips drawn.

    Raises:
        InputError: a value that is not finite, or fewer than :data:`MIN_HELD_OUT` held-out songs.

    Example:
        >>> result = tail_test([0.01] * 10 + [0.9] * 90, np.linspace(0.5, 1.5, 100))
        >>> result.share, result.copying
        (0.091..., True)
    """
    songs = (None, None) if groups is None else groups
    codes = np.arange(np.size(fake)) if places is None else np.asarray(places)
    made, order = _sorted(fake, songs[0], "fake")
    codes = codes[order]
    held, _ = _sorted(holdout, songs[1], "holdout")
    if held.songs < MIN_HELD_OUT:
        raise InputError(
            f"{held.songs} held-out songs are too few to distinguish copies from chance",
            where="holdout",
            hint=f"hold {MIN_HELD_OUT} songs or more out of training",
        )
    n, h = made.songs, held.songs
    thresholds = sorted({max(1, int(np.ceil(level * h))) for level in LEVELS})
    several = n < len(made.rows) or h < len(held.rows)
    rng = np.random.default_rng(seed)
    draws: list[list[tuple[float, int, int]]] = []
    for _ in range(N_DRAWS if several else 1):
        of_made, of_held = (s.one_of_each(np.arange(s.songs), rng) for s in (made, held))
        natural = np.sort(held.rows[of_held, 0])
        counted: list[tuple[float, int, int]] = []
        for a in thresholds:
            beneath = of_made[made.rows[of_made, 0] < natural[a - 1]]
            k = len(np.unique(codes[beneath]))
            counted.append((at_least(k, a, n, h), k, a))
        draws.append(sorted(counted))
    counted = sorted(draws)[len(draws) // 2]
    p, k, a = counted[0]
    limits = [_share_interval(k, a, n, h) for _, k, a in counted]
    least = next((c for c in range(1, n + 1) if len(thresholds) * at_least(c, 1, n, h) < ALPHA), None)
    expected = a / (h + 1)
    return TailTest(
        share=max(0.0, (k / n - expected) / (1 - expected)),
        ci=(limits[0][0], max(high for _, high in limits)),
        p=min(1.0, p * len(thresholds)),
        beneath=k,
        expected=expected * n,
        detectable=None if least is None else least / n,
        n=(n, h),
    )


def at_least(k: int, a: int, n: int, h: int) -> float:
    """Probability that k or more of n values lie beneath the a-th smallest of h others, all orders equally likely.

    Example:
        >>> at_least(1, 1, 1, 3)  # one value is smaller than three others
        0.25
    """
    return 1.0 if k == 0 else float(hypergeom.cdf(a - 1, n + h, h, k + a - 1))


def _sorted(values: ArrayLike, groups: ArrayLike | None, name: str) -> tuple[Sample, Codes]:
    """Values in order as a sample, so that draws do not depend on the order given; and that order."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not np.isfinite(array).all():
        raise InputError(
            f"distances of shape {array.shape}, or not finite", where=name, hint="give one finite number a clip"
        )
    order = np.argsort(array, kind="stable")
    codes = song_codes(groups, len(array), f"groups of {name}")
    return Sample(array[order, None], song_codes(codes[order], len(array), name)), order


def _share_interval(k: int, a: int, n: int, h: int) -> tuple[float, float]:
    """The shares under which neither k or more nor k or fewer have a probability below 2.5 %."""
    u = beta.ppf((np.arange(N_QUADRATURE) + 0.5) / N_QUADRATURE, a, h + 1 - a)

    def more(share: float) -> float:
        return float(binom.sf(k - 1, n, share + (1 - share) * u).mean()) - 0.025

    def fewer(share: float) -> float:
        return float(binom.cdf(k, n, share + (1 - share) * u).mean()) - 0.025

    low = 0.0 if more(0.0) >= 0 else float(brentq(more, 0.0, 1.0))  # type: ignore[arg-type]
    high = 0.0 if fewer(0.0) <= 0 else 1.0 if fewer(1.0) >= 0 else float(brentq(fewer, 0.0, 1.0))  # type: ignore[arg-type]
    return low, high


def relative_nearest(
    blocks: Iterable[tuple[slice, NDArray[Any]]], songs: Codes, n: int
) -> tuple[Floats, Codes, Floats]:
    """Nearest training clips, and how near these are for the place: over the distance of the 5th nearest song.

    A copy has one training song that is nearer than all others. Where music is dense all are near, so that this is
    small for copies, and not for a generator whose clips lie close together.

    Args:
        blocks: some rows at a time, and their distances ``[n, T]`` to the training clips.
        songs: song of each training clip ``[T]``, numbered from 0.
        n: rows in all.

    Returns:
        Distance to the nearest clip, which it is, and the relative distance in [0, 1]; each ``[N]``. With fewer than 5
        training songs the unit is the distance of the farthest.
    """
    away, which, relative = np.empty(n), np.empty(n, dtype=np.intp), np.empty(n)
    order = np.argsort(songs, kind="stable")
    starts = np.flatnonzero(np.diff(songs[order], prepend=-1))
    unit = min(NEIGHBOURS, len(starts)) - 1
    for here, apart in blocks:
        which[here] = apart.argmin(axis=1)
        away[here] = apart.min(axis=1)
        by_song = apart if len(starts) == apart.shape[1] else np.minimum.reduceat(apart[:, order], starts, axis=1)
        scale = np.partition(by_song, unit, axis=1)[:, unit]
        relative[here] = np.divide(away[here], scale, out=np.ones(len(scale)), where=scale > 0)
    return away, which, relative


def distinct_places(
    which: Codes, away: Floats, relative: Floats, holdout: Floats, apart: Callable[[int, Codes], NDArray[Any]]
) -> Codes:
    """Codes ``[N]`` that are equal for synthetic clips in one place, such as those of a generator that has collapsed.

    Clips are in one place if the same training clip is nearest, and they are less than half as far from each other
    as from it: noisy copies of a training clip lie around it, repetitions of one clip do not. Only clips that may lie
    beneath a threshold, in the lower half of the held-out distances, are looked at.

    Args:
        which: nearest training clip.
        away: distance to it.
        relative: the distance that is tested.
        holdout: that of held-out clips.
        apart: distances of a synthetic clip to some others.
    """
    codes = np.arange(len(which))
    candidates = np.flatnonzero(relative < np.median(holdout))
    for clip in np.unique(which[candidates]):
        left = candidates[which[candidates] == clip]
        for _ in range(MAX_PLACES):
            if len(left) < 2:
                break
            first, others = int(left[0]), left[1:]
            same = apart(first, others) < 0.5 * np.minimum(away[first], away[others])
            codes[others[same]] = first
            left = others[~same]
        else:
            codes[left] = left[0]
    return codes
