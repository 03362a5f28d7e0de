"""Do clips go with their conditions? The Fréchet *joint* distance on features and emotion together.

A generator that ignores its condition can have perfect features. The Fréchet distance of the rows [f(x), α h(c)],
features and condition side by side, sees their covariance as well (DeVries et al. 2019, arXiv 1907.08175):

    FJD(α) = d²( [f, αh] real, [f, αh] synthetic ) ,   α = mean ‖f‖ / mean ‖h‖ over the reference ,

with h = (valence, arousal) as it is, for which no encoder is needed. α = 0 leaves the distance of the features.

*The null.* If the clips were independent of their conditions, permuting the conditions among songs would change
nothing. Distances after such permutations say what ignoring the condition would score with these very clips; p, the
share of permutations (the clips as they are among them) whose distance is no larger, is exact at any size, also where
songs are too few for the distance itself. A song's condition moves as a whole. Observed and permuted distances are
plain ones, as their bias is nearly the same.

When not to use: as evidence that music *sounds* sad or joyful; it compares with what the features of real music do at
these labels, in these features. A large p with few songs is no proof of deafness.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from affetti.errors import InputError
from affetti.metrics.frechet_distances import left_out_together, require_songs, require_variation
from affetti.metrics.gram import Gram
from affetti.metrics.jackknife import Blocks, LeftOut, compare
from affetti.metrics.moments import Moments
from affetti.metrics.result import Result
from affetti.metrics.sample import Codes, Floats, Sample, as_pair

MIN_PERMUTATIONS = 19
"""Below which no p can fall to 5 %."""


@dataclass(frozen=True)
class JointDistance:
    """Fréchet joint distance, that of the features alone, and what permuted conditions would score."""

    joint: Result | None
    """Debiased, beside its floor; ``None`` where songs are too few for the features."""
    features: Result | None
    """The same without conditions."""
    reason: str | None
    """Why there is no ``joint``."""
    alpha: float
    """Weight of the conditions."""
    plain: float
    """Joint distance (not debiased), to be compared with ``null``."""
    null: tuple[float, float, float]
    """The same with permuted conditions: 2.5 %, mean, 97.5 %."""
    p: float
    """Probability of a distance as small if clips ignored their conditions, ≥ 1/(permutations + 1)."""
    permutations: int
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        return {
            "joint": None if self.joint is None else self.joint.to_dict(),
            "features": None if self.features is None else self.features.to_dict(),
            "reason": self.reason,
            "alpha": self.alpha,
            "plain": self.plain,
            "null": list(self.null),
            "p": self.p,
            "permutations": self.permutations,
            "seed": self.seed,
        }


def frechet_joint_distance(
    x: ArrayLike,
    y: ArrayLike,
    conditions: tuple[ArrayLike, ArrayLike],
    groups: tuple[ArrayLike, ArrayLike] | None = None,
    alpha: float | None = None,
    permutations: int = 199,
    seed: int = 0,
) -> JointDistance:
    """Fréchet distance of features and conditions together.

    Args:
        x: features of real clips ``[N, D]``; standardised, so that their norm is not that of a common offset.
        y: features of synthetic clips ``[M, D]``.
        conditions: labels of the real clips ``[N, C]`` and requests of the synthetic ones ``[M, C]``.
        groups: song ids of the rows of ``x`` and of ``y``; without them every row is a song.
        alpha: weight of the conditions, ≥ 0; without it mean ‖f‖ / mean ‖h‖ of the real clips.
        permutations: of the conditions of ``y``, at least 19.
        seed: of blocks, splits and permutations.

    Raises:
        InputError: as :func:`affetti.metrics.frechet_distance`, rows of ``x`` that are all alike,
            conditions that do not fit the rows or are all 0 in ``x``, a negative ``alpha``, too few permutations, or
            songs of ``y`` that cannot trade conditions (these change within songs, and no two songs have equally many
            clips).
    """
    first, second = as_pair(x, y)
    labels, requests = as_pair(*conditions, ("conditions of x", "conditions of y"))
    for rows, given, name in ((first, labels, "x"), (second, requests, "y")):
        if len(rows) != len(given):
            mismatch = f"{len(given)} conditions for {len(rows)} clips"
            raise InputError(mismatch, where=f"conditions of {name}", hint="give one a clip")
    if permutations < MIN_PERMUTATIONS:
        hint = f"give {MIN_PERMUTATIONS} or more"
        raise InputError(f"{permutations} permutations are too few", where="permutations", hint=hint)
    weight = _weight(first, labels) if alpha is None else float(alpha)
    if not 0 <= weight < np.inf:
        raise InputError(f"a weight of {weight:g}", where="alpha", hint="give 0 or more")
    songs = (None, None) if groups is None else groups
    real = Sample.of(np.concatenate([first, weight * labels], axis=1), songs[0], "groups of x")
    fake = Sample.of(np.concatenate([second, weight * requests], axis=1), songs[1], "groups of y")
    d = first.shape[1]
    require_variation(_features(real, d))

    def statistic(a: Sample, b: Sample, a_blocks: Blocks, b_blocks: Blocks) -> LeftOut:
        both = left_out_together(a, b, a_blocks, b_blocks)
        alone = left_out_together(_features(a, d), _features(b, d), a_blocks, b_blocks)
        without = np.concatenate([both.without[0], alone.without[0]], axis=1)
        return LeftOut(np.concatenate([both.whole, alone.whole]), (without,))

    joint: Result | None = None
    features: Result | None = None
    reason: str | None = None
    try:
        require_songs(real, fake, real.rows.shape[1])
        joint, features = compare(statistic, real, fake, seed, sizes="equal")
    except InputError as error:
        reason = str(error)
    plain, permuted = _permuted(real, fake, d, permutations, np.random.default_rng(seed))
    low, high = np.quantile(permuted, [0.025, 0.975])
    # What differs from the observed distance by rounding alone is a tie, and counts.
    as_small = int((permuted <= plain + 1e-9 * abs(plain)).sum())
    null = float(low), float(permuted.mean()), float(high)
    p = (1 + as_small) / (1 + permutations)
    return JointDistance(joint, features, reason, weight, plain, null, p, permutations, seed)


def _weight(features: Floats, labels: Floats) -> float:
    below = float(np.linalg.norm(labels, axis=1).mean())
    if below == 0:
        raise InputError("every condition is 0", where="conditions of x", hint="give the labels of the real clips")
    return float(np.linalg.norm(features, axis=1).mean()) / below


def _features(sample: Sample, d: int) -> Sample:
    return Sample(sample.rows[:, :d], sample.song)


def _permuted(real: Sample, fake: Sample, d: int, times: int, rng: np.random.Generator) -> tuple[float, Floats]:
    """The plain joint distance, and those with conditions traded among the songs of ``fake``."""
    features, conditions = fake.rows[:, :d], fake.rows[:, d:]
    if max(len(real.rows), len(fake.rows)) <= d:
        gram, labels = Gram.of(real.rows[:, :d], features), real.rows[:, d:]

        def distance(requests: Floats) -> float:
            return (gram + Gram.of(labels, requests)).frechet()
    else:
        reference = Moments.of(real.rows)

        def distance(requests: Floats) -> float:
            return reference.frechet(Moments.of(np.concatenate([features, requests], axis=1)))

    trade = condition_permutation(fake.song, conditions)
    return distance(conditions), np.array([distance(conditions[trade(rng)]) for _ in range(times)])


def condition_permutation(song: Codes, conditions: Floats) -> Callable[[np.random.Generator], Codes]:
    """A function that draws whose condition each row gets.

    A song with one condition can trade with any other such; else clip for clip with songs of as many clips.

    Raises:
        InputError: no song can trade.
    """
    count = np.bincount(song)
    rows = np.argsort(song, kind="stable")
    start = np.cumsum(count) - count
    constant = bool((conditions == conditions[rows[start]][song]).all())
    kind = np.zeros_like(count) if constant else count
    pools = [pool for size in np.unique(kind) if len(pool := np.flatnonzero(kind == size)) > 1]
    if not pools:
        raise InputError(
            "conditions change within songs, and no two songs have equally many clips",
            where="groups of y",
            hint="give each song one condition, or as many clips of each song",
        )
    within = np.empty(len(song), dtype=np.intp)
    within[rows] = 0 if constant else np.arange(len(song)) - np.repeat(start, count)

    def draw(rng: np.random.Generator) -> Codes:
        donor = np.arange(len(count))
        for pool in pools:
            donor[pool] = rng.permutation(pool)
        return rows[start[donor[song]] + within]

    return draw
