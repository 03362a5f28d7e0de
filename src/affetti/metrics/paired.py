"""Which of two generators is nearer to real music? A paired test on one reference.

The difference d(reference, first) − d(reference, second) is debiased and its error taken by the jackknife over the
songs of all three sets (``jackknife``). A song of the reference is left out of both distances at once: what is peculiar
to the reference moves both alike and cancels, so the interval is narrower than that of two separate scores, which often
overlap where this one excludes 0.

When not to use: on generators scored with different references, features or clips of different length; and with many
generators at once without correcting for as many tests, as :meth:`PairedTest.simultaneous` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student_t

from affetti.errors import InputError
from affetti.metrics.frechet_distances import left_out as frechet_left_out
from affetti.metrics.frechet_distances import require_songs, require_variation
from affetti.metrics.jackknife import Estimate, LeftOut, Statistic, estimate, song_blocks
from affetti.metrics.kernel_distances import mmd_statistic as kernel_left_out
from affetti.metrics.result import Result
from affetti.metrics.sample import Sample, as_pair

NAMES = ("reference", "first", "second")


@dataclass(frozen=True)
class PairedTest:
    """How much nearer one generator is than another."""

    difference: Result
    """d(first) − d(second): below 0 where the first is nearer."""
    p: float
    """Two-sided probability of as large a difference where there is none."""
    first: Result
    """The first's distance alone."""
    second: Result
    seed: int
    dof: int = 1
    """Degrees of freedom of the difference's standard error: one less than the fewest blocks of songs left out."""

    def simultaneous(self, comparisons: int) -> tuple[float, float] | None:
        """The difference's interval if it is to hold in as many comparisons at once, 95 times of 100 (Bonferroni)."""
        if self.difference.ci is None:
            return None
        stretch = float(student_t.ppf(1 - 0.025 / comparisons, self.dof) / student_t.ppf(0.975, self.dof))
        low, high = (self.difference.value + stretch * (end - self.difference.value) for end in self.difference.ci)
        return low, high

    def to_dict(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        parts = {"difference": self.difference, "first": self.first, "second": self.second}
        return {**{name: part.to_dict() for name, part in parts.items()}, "p": self.p, "seed": self.seed}


def paired_test(
    reference: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    groups: Sequence[ArrayLike | None] | None = None,
    distance: Literal["frechet", "kernel"] = "frechet",
    seed: int = 0,
) -> PairedTest:
    """Difference of the distances of two generators from the same real songs.

    Args:
        reference: real rows ``[N, D]``.
        first: rows ``[M, D]`` of one generator.
        second: rows ``[K, D]`` of the other.
        groups: song ids of the rows of reference, first and second; ``None`` where every row is a song.
        distance: ``frechet`` (debiased) or ``kernel`` (MMD², in the reference's bandwidth).
        seed: decides how songs are dealt into blocks.

    Returns:
        The difference with its 95 % interval and p-value by Student's t, and either distance alone (no floors).

    Raises:
        InputError: as :func:`affetti.metrics.frechet` or :func:`affetti.metrics.kernel`, or an unknown distance.
    """
    real, one = as_pair(reference, first, NAMES[:2])
    _, two = as_pair(reference, second, (NAMES[0], NAMES[2]))
    songs = (None, None, None) if groups is None else groups
    samples = [Sample.of(x, g, f"groups of {n}") for x, g, n in zip((real, one, two), songs, NAMES, strict=True)]
    require_variation(samples[0], NAMES[0])
    left_out = _statistic(distance, samples)
    rng = np.random.default_rng(seed)
    blocks = [song_blocks(sample, rng, name) for sample, name in zip(samples, NAMES, strict=True)]
    a, b = (left_out(samples[0], samples[i], blocks[0], blocks[i]) for i in (1, 2))
    between = LeftOut(a.whole - b.whole, (a.without[0] - b.without[0], a.without[1] - b.whole, a.whole - b.without[1]))
    debias = distance == "frechet"
    estimates = [estimate(part, debias) for part in (between, a, b)]
    n = tuple(len(sample.rows) for sample in samples)
    results = [_result(f, count, seed) for f, count in zip(estimates, (n, n[:2], n[::2]), strict=True)]
    error = float(estimates[0].error[0])
    if error == 0:
        raise InputError("leaving songs out changes nothing", where="first and second", hint="give sets that vary")
    p = 2 * float(student_t.sf(abs(results[0].value) / error, estimates[0].dof))
    return PairedTest(results[0], p, results[1], results[2], seed, estimates[0].dof)


def _statistic(distance: str, samples: Sequence[Sample]) -> Statistic:
    if distance == "frechet":
        for fake in samples[1:]:
            require_songs(samples[0], fake, fake.rows.shape[1], (1.0, 1.0))
        return frechet_left_out
    if distance == "kernel":
        return kernel_left_out(*samples)
    raise InputError(f"unknown distance {distance!r}", where="distance", hint="choose frechet or kernel")


def _result(estimated: Estimate, n: tuple[int, ...], seed: int) -> Result:
    low, high = estimated.ci[0]
    return Result(float(estimated.value[0]), (float(low), float(high)), None, n, seed)
