"""Where the variance of ratings lies, and what limits a study: listeners or clips.

y = μ_system + listener + listener × system + clip + error. The four variances are estimated by Henderson's method III
(1953): from how much the residual sum of squares grows when a factor leaves the least-squares fit. With balanced data
these are the estimates of the analysis of variance. An estimate below 0 is given as 0. Intervals leave out blocks of
listeners and blocks of conditions.

The error of a difference between two systems with clips of their own, with L listeners, C clips a system and m ratings
of a system by each listener, is

    2 (σ²_clip / C + σ²_listener×system / L + σ²_error / (L m)) ,

from which follow the listeners that a given precision needs with as many clips, and the clips with as many listeners.

When not to use: to plan a study of another kind of clips or another panel; variances are of these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse, stats

from affetti.studies.listening.rating_table import Codes, Floats, ScaleRatings

BLOCKS = 20
"""Blocks that are left out, at most, of listeners and of conditions each."""
MIN_BLOCKS = 4
"""Blocks below which no interval is given."""
NAMES = ("listener", "listener_by_system", "clip", "error")
Z95 = 1.96


@dataclass(frozen=True)
class Components:
    """Variances of ratings, in squared units of the scale."""

    listener: float
    """Of listeners' use of the scale, whatever the system; it cancels in differences."""
    listener_by_system: float
    clip: float
    """Of clips of one system."""
    error: float

    def values(self) -> Floats:
        """The four, in the order of :data:`NAMES`."""
        return np.array([self.listener, self.listener_by_system, self.clip, self.error])


def components(ratings: ScaleRatings) -> Components:
    """Variance components of ratings on one scale; what the design cannot separate from error is 0."""
    return Components(*np.maximum(_henderson(ratings), 0.0).tolist())


def component_intervals(ratings: ScaleRatings, seed: int = 0) -> tuple[tuple[float, float] | None, ...]:
    """95 % intervals of :func:`components`, in the order of :data:`NAMES`; None with too few listeners or conditions.

    Args:
        ratings: on one scale.
        seed: decides how listeners and conditions are dealt into blocks.
    """
    value = _henderson(ratings)
    variance = np.zeros(len(NAMES))
    for codes, n in ((ratings.listener, len(ratings.listeners)), (ratings.condition, len(ratings.conditions))):
        blocks = min(BLOCKS, n)
        if blocks < MIN_BLOCKS:
            return (None,) * len(NAMES)
        block = np.random.default_rng(seed).permutation(n) % blocks
        left = np.array([_henderson(ratings.rows(block[codes] != number)) for number in range(blocks)])
        variance += (blocks - 1) / blocks * ((left - left.mean(axis=0)) ** 2).sum(axis=0)
    half = Z95 * np.sqrt(variance)
    ends = zip(np.maximum(value - half, 0.0).tolist(), np.maximum(value + half, 0.0).tolist(), strict=True)
    return tuple(ends)


@dataclass(frozen=True)
class Precision:
    """The precision of a difference of two systems' means, and what a better one needs."""

    half_width: float
    """Half the expected width of its 95 % interval, as the study is."""
    shares: dict[str, float]
    """Part of its squared error that is due to clips, to listeners (× system) and to error, in [0, 1]."""
    limit: str
    """The largest of them."""
    target: float
    """A half-width to be reached."""
    listeners: int | None
    """Listeners that the target needs with as many clips; None: no number reaches it, as clips differ too much."""
    clips: int | None
    """Clips a system that it needs with as many listeners; None: no number reaches it."""
    both: tuple[int, int] | None
    """Listeners and clips a system that reach it when both grow alike; None: no number reaches it."""


def precision(
    variances: Components, listeners: int, clips: int, per_system: float, target: float | None = None
) -> Precision:
    """How precise a difference between two systems is, and what the target needs.

    Args:
        variances: of the ratings.
        listeners: number of listeners L.
        clips: clips of each system C.
        per_system: how many clips of a system each listener rates, m ≤ C.
        target: half the width to be reached; by default half of what the study has.
    """

    def parts(n_listeners: float, n_clips: float) -> dict[str, float]:
        rated = per_system if per_system < clips else n_clips  # who rates all clips rates further ones too
        return {
            "clips": 2 * variances.clip / n_clips,
            "listeners": 2 * variances.listener_by_system / n_listeners,
            "error": 2 * variances.error / (n_listeners * rated),
        }

    def half_width(n_listeners: float, n_clips: float) -> float:
        quantile = float(stats.t.ppf(0.975, max(1.0, min(2 * (n_clips - 1), n_listeners - 1))))
        return quantile * float(np.sqrt(sum(parts(n_listeners, n_clips).values())))

    now = half_width(listeners, clips)
    goal = now / 2 if target is None else target
    total = sum(parts(listeners, clips).values())
    shares = {name: part / total if total else 0.0 for name, part in parts(listeners, clips).items()}
    more_listeners = _smallest(lambda n: half_width(n, clips) <= goal, listeners)
    more_clips = _smallest(lambda n: half_width(listeners, n) <= goal, clips)
    step = _smallest(lambda n: half_width(listeners * n / 10, clips * n / 10) <= goal, 10)
    both = None if step is None else (int(np.ceil(listeners * step / 10)), int(np.ceil(clips * step / 10)))
    return Precision(now, shares, max(shares, key=lambda name: shares[name]), goal, more_listeners, more_clips, both)


MAX_GROWTH = 1_000
"""How many times larger a study is considered."""


def _smallest(enough: Callable[[int], bool], start: int) -> int | None:
    """The smallest number from ``start`` that is enough, by bisection; None: none below 1,000 times as many."""
    low, high = start, start * MAX_GROWTH
    if not enough(high):
        return None
    if enough(low):
        return low
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _henderson(ratings: ScaleRatings) -> Floats:
    """The four variances, in the order of :data:`NAMES`; those that cannot be estimated are 0."""
    system = _dummies(ratings.system)
    listener = _dummies(ratings.listener)
    both = _dummies(ratings.listener * len(ratings.systems) + ratings.system)
    clip = _dummies(ratings.clip)
    y = ratings.rating - ratings.rating.mean()
    factors = (listener, both, clip)
    # The whole model; then without clips, without listener × system, and without listeners.
    fitted = [(both, clip), (both,), (listener, clip), (clip,)]
    equations, right = [], []
    for model in fitted:
        squares, traces, freedom = _residual(y, [system, *model], factors)
        equations.append([*traces, float(freedom)])
        right.append(squares)
    return _solve(np.array(equations), np.array(right))


def _solve(equations: Floats, right: Floats) -> Floats:
    """Variances from the equations E[sum of squares] = traces · variances; factors without a trace are left at 0."""
    estimable = np.abs(equations).max(axis=0) > 1e-8
    solved = np.zeros(equations.shape[1])
    solved[estimable] = np.linalg.lstsq(equations[:, estimable], right, rcond=1e-10)[0]
    return solved


def _residual(
    y: Floats, model: Sequence[sparse.csr_array], factors: Sequence[sparse.csr_array]
) -> tuple[float, list[float], int]:
    """Residual sum of squares of a fit, how much a unit of variance of each factor adds to it, and its freedom."""
    design = sparse.hstack(list(model)).tocsr()
    inverse = np.linalg.pinv((design.T @ design).toarray(), rcond=1e-10, hermitian=True)
    moments = design.T @ y
    squares = float(y @ y - moments @ inverse @ moments)
    traces: list[float] = []
    for factor in factors:
        cross = (design.T @ factor).toarray()
        trace = float(factor.sum() - np.einsum("ij,ik,kj->", cross, inverse, cross, optimize=True))
        traces.append(trace if trace > 1e-8 * len(y) else 0.0)
    rank = round(float(np.einsum("ij,ji->", inverse, (design.T @ design).toarray())))
    return max(squares, 0.0), traces, len(y) - rank


def _dummies(codes: Codes) -> sparse.csr_array:
    """Indicator columns ``[N, levels]`` of the levels that occur."""
    levels, member = np.unique(codes, return_inverse=True)
    shape = (len(codes), len(levels))
    return sparse.csr_array((np.ones(len(codes)), (np.arange(len(codes)), member)), shape=shape)
