"""Distances of the Quality Score's parts, and what they are worth in points. See ``quality`` for the reasons.

Rows are clips and columns features of all parts side by side, in units of the real set's spread. Excesses are u, see
there.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from affetti.errors import InputError
from affetti.metrics.mel_features import PARTS as STUDY_PARTS
from affetti.metrics.quality_features import PARTS, VARIETY, WEIGHTS
from affetti.metrics.sample import Floats, Sample

N_SPLITS = 100
"""Random halves of the songs."""
N_WEIGHTINGS = 2_000
"""Draws of weights for the sensitivity."""
MIN_SPREAD = 0.01
"""A feature that real music hardly changes is measured as if it did by this (dB, or its own unit)."""
MAX_DEVIATIONS = 5.0
"""Features are cut off this many real standard deviations from the real mean, so that no single clip decides."""
WORST, WORST_OF_STUDY = 0.25, 0.5
"""Share of the features of a part, and of one of the study's, that count: those in which the sets differ most."""
ONE_SIDED = 1.645
"""Standard errors to the one-sided 95 % limit of the excess."""


Rngs = tuple[np.random.Generator, np.random.Generator]


@dataclass(frozen=True)
class Component:
    """One part of the score: a discrepancy, where it lies between floor and bad anchor, and the points it earns."""

    value: float
    """Distance of fakes from real music; 1 is a shift of every feature that counts by one real standard deviation."""
    score: float
    """0 to 100."""
    floor: float
    """The same distance for held-out real music; scores 100."""
    bad: float
    """The same for one average clip repeated; scores 25."""


@dataclass(frozen=True)
class Calibration:
    """Distances of the parts in each split, ``[SPLITS, 3, parts]``: value, floor and bad."""

    distances: Floats

    @classmethod
    def of(cls, real: Sample, fake: Sample, n: int, columns: Mapping[str, slice], rngs: Rngs) -> Calibration:
        """Measure sets of standardised rows.

        Args:
            real: rows of the real set.
            fake: rows of the synthetic set.
            n: songs a side.
            columns: which columns are of which part.
            rngs: what draws the real songs alone, and what draws the fakes; may be one.
        """
        return cls(_by_part(split_distances(real, fake, n, *rngs), columns))

    @property
    def excess(self) -> Floats:
        """U of each part, ``[parts]``."""
        beyond, room = self._beyond
        return excess_of(beyond.mean(axis=0), room)

    @property
    def excess_by_split(self) -> Floats:
        """U of each split and part."""
        beyond, room = self._beyond
        return excess_of(beyond, room)

    @property
    def _beyond(self) -> tuple[Floats, Floats]:
        """Value − floor, less the benefit of the doubt, in each split; and bad − floor."""
        _, floor, bad = self.distances.mean(axis=0)
        beyond = self.distances[:, 0] - self.distances[:, 1]
        beyond -= ONE_SIDED * beyond.std(axis=0, ddof=1)  # over random halves, the standard error on the whole
        return beyond, np.maximum(bad - floor, bad / 2)

    @property
    def components(self) -> dict[str, Component]:
        """Each part's distances and points."""
        value, floor, bad = self.distances.mean(axis=0)
        scores = 100.0 / (1.0 + 3.0 * self.excess**2)
        numbers = zip(value.tolist(), scores.tolist(), floor.tolist(), bad.tolist(), strict=True)
        return {part: Component(*row) for part, row in zip(PARTS, numbers, strict=True)}

    @property
    def total(self) -> float:
        """The score."""
        return float(totals(self.excess))

    @property
    def ci(self) -> tuple[float, float]:
        """Central 95 % of the score over the splits."""
        low, high = np.quantile(totals(self.excess_by_split), [0.025, 0.975])
        return min(float(low), self.total), max(float(high), self.total)

    def sensitivity(self, rng: np.random.Generator) -> tuple[float, float]:
        """Central 95 % of the score over weightings drawn evenly from all that sum to 1."""
        drawn = rng.dirichlet(np.ones(len(PARTS)), N_WEIGHTINGS)
        low, high = np.quantile(100.0 / (1.0 + 3.0 * drawn @ self.excess**2), [0.025, 0.975])
        return float(low), float(high)


def excess_of(beyond: Floats, room: Floats) -> Floats:
    """U = beyond / room, at least 0, of parts ``[..., parts]``.

    A part that is the same in all real clips has no room: U is 0 where fakes are like them, else infinite (0 points).

    Example:
        >>> excess_of(np.array([-1.0, 1.0, 0.0, 0.1]), np.array([2.0, 2.0, 0.0, 0.0])).tolist()
        [0.0, 0.5, 0.0, inf]
    """
    limit = np.where(beyond > 0, np.inf, 0.0)
    return np.divide(np.maximum(0.0, beyond), room, out=limit, where=np.broadcast_to(room > 0, beyond.shape))


def totals(excess: Floats) -> Floats:
    """Weighted harmonic means 100 / (1 + 3 Σ w u²) of excesses ``[..., parts]``."""
    weights = np.array([WEIGHTS[part] for part in PARTS])
    return np.asarray(100.0 / (1.0 + 3.0 * excess**2 @ weights), dtype=np.float64)


def columns_of(features: Mapping[str, Floats]) -> dict[str, slice]:
    """Which columns are of which part, when all stand side by side."""
    edges = np.cumsum([0, *(part.shape[1] for part in features.values())]).tolist()
    return {part: slice(*ends) for part, ends in zip(features, itertools.pairwise(edges), strict=True)}


def standardised(features: Mapping[str, Floats], real: Mapping[str, Floats]) -> Floats:
    """All parts side by side, in units of the real set's spread about its mean."""
    rows = [(features[p] - real[p].mean(axis=0)) / np.maximum(real[p].std(axis=0), MIN_SPREAD) for p in real]
    return np.clip(np.concatenate(rows, axis=1), -MAX_DEVIATIONS, MAX_DEVIATIONS)


def require_variation(rows: Floats) -> None:
    """Whether real clips differ from each other.

    Raises:
        InputError: they are all alike in every feature.
    """
    if (rows == rows[0]).all():
        raise InputError(f"all {len(rows)} clips are alike", where="real", hint="give real music")


def _by_part(distances: Floats, columns: Mapping[str, slice]) -> Floats:
    """Mean over the features of each part that count: ``[SPLITS, 3, D + 1]`` to ``[SPLITS, 3, parts]``."""
    last = slice(distances.shape[2] - 1, None)  # the nearness of neighbours
    whole = {part: distances[:, :, last if part == VARIETY else columns[part]] for part in PARTS}
    return np.stack([_worst(whole[part], WORST_OF_STUDY if part in STUDY_PARTS else WORST) for part in PARTS], axis=2)


def _worst(distances: Floats, share: float) -> Floats:
    kept = math.ceil(share * distances.shape[2])
    return np.asarray(np.partition(distances, -kept, axis=2)[:, :, -kept:].mean(axis=2))


def split_distances(
    real: Sample, fake: Sample, n: int, rng: np.random.Generator, fake_rng: np.random.Generator
) -> Floats:
    """value, floor and bad in each split and feature, ``[SPLITS, 3, D + 1]``; ``rng`` alone decides on real songs."""
    by_split = np.empty((N_SPLITS, 3, real.rows.shape[1] + 1))
    for split in range(N_SPLITS):
        songs, fakes = rng.permutation(real.songs), fake_rng.permutation(fake.songs)
        drawn = (
            real.rows[real.one_of_each(songs[:n], rng)],
            real.rows[real.one_of_each(songs[n : 2 * n], rng)],
            fake.rows[fake.one_of_each(fakes[:n], fake_rng)],
        )
        near = [_nearest(rows) for rows in drawn]
        mean, spread = near[0].mean(), max(float(near[0].std()), MIN_SPREAD)
        half, other, made = (
            _moments(np.column_stack([rows, np.clip((log - mean) / spread, -MAX_DEVIATIONS, MAX_DEVIATIONS)]))
            for rows, log in zip(drawn, near, strict=True)
        )
        by_split[split] = ((half - made) ** 2).sum(axis=0), ((half - other) ** 2).sum(axis=0), half[1] ** 2
    return by_split


def _nearest(rows: Floats) -> Floats:
    """Logarithm of each row's distance to the nearest other row; of a copy, that of a thousandth of a deviation."""
    square = (rows**2).sum(axis=1)
    distance = square[:, None] + square[None, :] - 2 * rows @ rows.T
    np.fill_diagonal(distance, np.inf)
    return 0.5 * np.log(np.maximum(distance.min(axis=1), 1e-6))


def _moments(rows: Floats) -> Floats:
    """Mean and standard deviation (of N − 1) of each feature, ``[2, D]``."""
    return np.stack([rows.mean(axis=0), rows.std(axis=0, ddof=1)])
