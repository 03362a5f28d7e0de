"""Are synthetic clips copies of training clips?

A generator that copies its training set has perfect distances. Only real clips it has *not* seen can tell learning
from copying, so every measure here needs training rows and held-out rows of the same law (split by song), and each
stands beside what held-out clips show when they pose as the generator's.

- ``nearer_train``: share of synthetic rows whose nearest neighbour among train and holdout together is in train. The
  null is ½ only if both are of equal size, so the larger is subsampled, several times; ties count ½. (Distance to
  closest record share.)
- ``authentic``: share of synthetic rows that lie farther from their nearest training row than that row does from its
  own nearest (AuthPct, Alaa et al. 2022). Its null is *not* ½ and depends on D and N: compare ``authentic_control``.
- ``distance_ratio``: median distance synthetic → train over median distance holdout → train. 1 for fresh draws.
- ``exact_copies``: synthetic rows equal to a training row.

``copying`` is set by exact copies beyond those the holdout shows, or when ``authentic`` is below its control and either
``nearer_train`` is above ½ (both at the one-sided 0.1 % level) or ``distance_ratio`` is below ½ and ``nearer_train``
above ¾. Fakes that all lie in one place are near to few rows: only distinct nearest neighbours count as evidence on
``nearer_train``; and in many dimensions the middle of a set is about 1/√2 times as far from a row as rows are from each
other, so that a ratio below ½ is more than collapse. In a few dimensions a collapse next to a training row sets it too.

When not to use: features that ignore what a copy would share (a mean level cannot betray a melody), or fewer than
some 50 rows a side, where only wholesale copying shows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist

from affetti.metrics.sample import Floats, Sample, as_pair

DRAWS = 10
"""Subsamples of the larger of train and holdout over which the share is averaged."""
LEVEL = 3.09
"""One-sided 0.1 % point of the normal distribution."""


def memorisation(
    fake: ArrayLike, train: ArrayLike, holdout: ArrayLike, seed: int = 0
) -> dict[str, float | int | bool | None]:
    """Copy statistics of ``fake`` against the rows its generator learnt from.

    Args:
        fake: synthetic rows ``[N, D]``.
        train: the generator's training rows ``[T, D]``.
        holdout: real rows it has not seen ``[H, D]``, of other songs.
        seed: of the subsampling.

    Returns:
        ``nearer_train``, ``authentic``, ``authentic_control`` in [0, 1]; ``distance_ratio`` ≥ 0, ``None`` if half of
        the holdout lies in train; ``exact_copies``; ``copying``; ``n`` = rows of train and of holdout in a subsample.

    Raises:
        InputError: a value that is not finite, not a matrix, different D, or fewer than 2 rows in any set.
    """
    generated, seen = as_pair(fake, train, ("fake", "train"))
    _, unseen = as_pair(train, holdout, ("train", "holdout"))
    seen, unseen = (Sample.of(rows, None, "rows").rows for rows in (seen, unseen))
    rng = np.random.default_rng(seed)
    to_train, to_holdout = _distances(generated, seen), _distances(generated, unseen)
    held_to_train = _distances(unseen, seen)
    size = min(len(seen), len(unseen))
    nearer = np.zeros(len(generated))
    for _ in range(DRAWS):
        a = to_train[:, rng.choice(len(seen), size, replace=False)].min(axis=1)
        b = to_holdout[:, rng.choice(len(unseen), size, replace=False)].min(axis=1)
        nearer += ((a < b) + 0.5 * (a == b)) / DRAWS
    share = float(nearer.mean())
    own = _distances(seen, seen)
    np.fill_diagonal(own, np.inf)
    alone = own.min(axis=1)
    authentic, control = _authentic(to_train, alone), _authentic(held_to_train, alone)
    copies, natural = int((to_train.min(axis=1) == 0).sum()), float((held_to_train.min(axis=1) == 0).mean())
    held = float(np.median(held_to_train.min(axis=1)))
    copied = copies > natural * len(generated)
    ratio = float(np.median(to_train.min(axis=1))) / held if held > 0 else None
    neighbours = len(np.unique(np.concatenate([to_train, to_holdout], axis=1).argmin(axis=1)))
    nearer_than_chance = bool(share - 0.5 > LEVEL * 0.5 / np.sqrt(neighbours))
    far_nearer = ratio is not None and ratio < 0.5 and share > 0.75
    closer = (nearer_than_chance or far_nearer) and _above(control, authentic, len(unseen), len(generated))
    return {
        "nearer_train": share,
        "authentic": authentic,
        "authentic_control": control,
        "distance_ratio": ratio,
        "exact_copies": copies,
        "copying": copied or closer,
        "n": size,
    }


def _distances(x: Floats, y: Floats) -> Floats:
    return np.asarray(cdist(x, y), dtype=np.float64)


def _authentic(to_train: Floats, alone: Floats) -> float:
    nearest = to_train.argmin(axis=1)
    return float((to_train.min(axis=1) > alone[nearest]).mean())


def _above(high: float, low: float, n_high: int, n_low: int) -> bool:
    """Whether one share exceeds another beyond chance."""
    pooled = (high * n_high + low * n_low) / (n_high + n_low)
    return high - low > LEVEL * float(np.sqrt(pooled * (1 - pooled) * (1 / n_high + 1 / n_low)))
