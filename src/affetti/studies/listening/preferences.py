"""Comparisons: Bradley-Terry strengths of pairs, medians of MUSHRA, and the triangle test.

Bradley & Terry (1952): the odds that a listener prefers a to b are exp(θ_a − θ_b), with Σ θ = 0; 'no difference' counts
as half a preference each. The likelihood has a small ridge (half a comparison of each system with an average one), so
that a system which was never preferred has a finite strength. Listeners and conditions are left out in blocks (a
two-way jackknife) for the intervals.

ITU-R BS.1534-3 reports medians, with intervals; an analysis of variance of pooled ratings, which its earlier editions
named, is not made. Intervals of medians resample listeners and conditions.

Triangle: a listener who cannot distinguish the sounds is right one time in three. The test counts listeners and
conditions, not answers, as samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from affetti.errors import InputError
from affetti.results import PointEstimate
from affetti.studies.listening.crossed import LEVEL, MIN_UNITS, Contrast, Crossed
from affetti.studies.listening.rating_table import Codes, Floats, ScaleRatings
from affetti.studies.listening.variance import BLOCKS

CHANCE = 1 / 3
RIDGE = 0.5
RESAMPLES = 1_000
NEWTON_STEPS = 50


@dataclass(frozen=True)
class Comparisons:
    """Pairs that were compared, arrays ``[N]``."""

    first: Codes
    second: Codes
    preference: Floats
    """1: the first was preferred; 0: the second; 0.5: no difference."""
    listener: Codes
    condition: Codes
    systems: tuple[str, ...]


def bradley_terry(comparisons: Comparisons, weights: Floats | None = None) -> Floats:
    """Strengths θ ``[systems]``, in log odds, about 0.

    Raises:
        InputError: fewer than two systems.
    """
    n = len(comparisons.systems)
    if n < 2:
        raise InputError(f"{n} system", hint="compare two or more")
    weight = np.ones(len(comparisons.preference)) if weights is None else weights
    wins = np.zeros((n, n))
    np.add.at(wins, (comparisons.first, comparisons.second), weight * comparisons.preference)
    np.add.at(wins, (comparisons.second, comparisons.first), weight * (1 - comparisons.preference))
    played, theta = wins + wins.T, np.zeros(n)
    for _ in range(NEWTON_STEPS):
        chance = 1 / (1 + np.exp(theta[None, :] - theta[:, None]))
        own = 1 / (1 + np.exp(-theta))
        gradient = (wins - played * chance).sum(axis=1) + RIDGE * (0.5 - own)
        information = played * chance * (1 - chance)
        hessian = np.diag(information.sum(axis=1) + RIDGE * own * (1 - own)) - information
        step = np.linalg.solve(hessian, gradient)
        theta = theta + step
        if np.abs(step).max() < 1e-10:
            break
    return theta - theta.mean()


def strengths(comparisons: Comparisons, seed: int = 0) -> tuple[list[Contrast], dict[tuple[int, int], Contrast]]:
    """Strengths and their differences, with errors over listeners and conditions.

    Args:
        comparisons: the pairs.
        seed: decides how listeners and conditions are dealt into blocks.

    Returns:
        The strength of each system, and θ_a − θ_b of each pair (a, b) with a < b.
    """
    value = bradley_terry(comparisons)
    left_out = [_without_blocks(comparisons, codes, seed) for codes in (comparisons.listener, comparisons.condition)]
    enough = all(len(left) >= MIN_UNITS for left in left_out)
    systems = range(len(value))

    def contrast(sign: Floats) -> Contrast:
        if not enough:
            return Contrast(float(sign @ value), None, 0.0)
        each = [(len(left) - 1) * float((left @ sign).var()) for left in left_out]
        freedoms = [len(left) - 1 for left in left_out]
        total = sum(each)
        below = sum(part**2 / freedom for part, freedom in zip(each, freedoms, strict=True))
        freedom = total**2 / below if below else float(min(freedoms))
        return Contrast(float(sign @ value), float(np.sqrt(total)), freedom, each[0], each[1])

    unit = np.eye(len(value))
    pairs = {(a, b): contrast(unit[a] - unit[b]) for a in systems for b in systems if a < b}
    return [contrast(unit[a] - 1 / len(value)) for a in systems], pairs


def mushra_medians(ratings: ScaleRatings, seed: int = 0, level: float = LEVEL) -> list[PointEstimate]:
    """Median rating of each system, with an interval that resamples listeners and conditions.

    Args:
        ratings: on the scale of similarity.
        seed: of the resampling.
        level: of the intervals.
    """
    shape = (len(ratings.systems), len(ratings.listeners), len(ratings.conditions))
    table = np.full(shape, np.nan)
    table[ratings.system, ratings.listener, ratings.condition] = ratings.rating
    medians = np.nanmedian(table.reshape(shape[0], -1), axis=1)
    if min(shape[1:]) < MIN_UNITS:
        return [PointEstimate(float(median)) for median in medians]
    rng = np.random.default_rng(seed)
    median = np.median if np.isfinite(table).all() else np.nanmedian  # the latter is many times slower
    drawn = np.empty((RESAMPLES, shape[0]))
    for index in range(RESAMPLES):
        listeners = rng.integers(shape[1], size=shape[1])
        conditions = rng.integers(shape[2], size=shape[2])
        sample = table[:, listeners][:, :, conditions].reshape(shape[0], -1)
        drawn[index] = median(sample, axis=1) if np.isfinite(sample).any(axis=1).all() else medians
    low, high = np.quantile(drawn, [0.5 - level / 2, 0.5 + level / 2], axis=0)
    ends = zip(medians.tolist(), low.tolist(), high.tolist(), strict=True)
    return [PointEstimate(median, (a, b)) for median, a, b in ends]


@dataclass(frozen=True)
class Triangle:
    """The share of right answers."""

    correct: PointEstimate
    p: float | None
    """One-sided, of guessing; None with too few listeners or conditions."""
    exact: bool
    """Whether the interval is the exact one of listeners' shares, where all answers were the same."""


def triangle(ratings: ScaleRatings, level: float = LEVEL) -> Triangle:
    """The share of right answers and whether it is above a third.

    Args:
        ratings: 1 (right) or 0, of one pair of systems.
        level: of the interval.
    """
    crossed = Crossed(one_system(ratings))
    mean = crossed.system_mean(0)
    if mean.error is None:
        return Triangle(PointEstimate(mean.value), None, False)
    if mean.error == 0.0:  # everybody right, or everybody wrong: as many independent answers as listeners, at least
        n = crossed.listeners(0)
        test = stats.binomtest(round(mean.value * n), n, CHANCE, alternative="greater")
        ends = stats.binomtest(round(mean.value * n), n).proportion_ci(level)
        return Triangle(PointEstimate(mean.value, (float(ends.low), float(ends.high))), float(test.pvalue), True)
    low, high = mean.interval(level) or (mean.value, mean.value)
    p = float(stats.t.sf((mean.value - CHANCE) / mean.error, mean.freedom))
    return Triangle(PointEstimate(mean.value, (max(low, 0.0), min(high, 1.0))), p, False)


def one_system(ratings: ScaleRatings) -> ScaleRatings:
    """The ratings as if one system had made all clips."""
    return ScaleRatings(
        ratings.scale,
        ratings.rating,
        ratings.listener,
        ratings.clip,
        ratings.condition,
        np.zeros_like(ratings.system),
        ratings.listeners,
        ratings.clips,
        ratings.conditions,
        ("all",),
    )


def _without_blocks(comparisons: Comparisons, codes: Codes, seed: int) -> Floats:
    """Strengths without each block of units ``[blocks, systems]``."""
    units, member = np.unique(codes, return_inverse=True)
    blocks = min(BLOCKS, len(units))
    block = np.random.default_rng(seed).permutation(len(units)) % blocks
    weights: Sequence[Floats] = [(block[member] != number).astype(float) for number in range(blocks)]
    return np.array([bradley_terry(comparisons, weight) for weight in weights])
