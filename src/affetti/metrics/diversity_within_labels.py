"""Diversity among clips of similar emotion, against that of real clips: does a generator collapse within a label?

Clips of one condition may vary as much as real clips of that label. For each clip, take the k others of nearest label
(of other songs) and the mean distance to them in feature space; average over clips. The same of real clips is the
measure's
unit: 1 is as diverse as real music, 0 one clip a label. Diversity over the whole set (Vendi score) misses a collapse
that the labels keep apart.

When not to use: with labels of another distribution than the real ones' (the distance between neighbouring labels
differs), or fewer than some 30 clips a side.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist

from affetti.errors import InputError
from affetti.metrics.sample import Floats, as_pair


def label_diversity(
    real: ArrayLike,
    fake: ArrayLike,
    real_labels: ArrayLike,
    fake_labels: ArrayLike,
    songs: tuple[ArrayLike | None, ArrayLike | None] = (None, None),
    k: int = 8,
) -> float:
    """Mean distance of fakes to fakes of similar label over that of real clips to real ones.

    Args:
        real: features ``[N, D]``.
        fake: features ``[M, D]``.
        real_labels: ``[N, L]``.
        fake_labels: ``[M, L]``.
        songs: song of each row of ``real`` and of ``fake``; clips of one song are not each other's neighbours.
        k: neighbours, ≥ 1.

    Returns:
        a ratio ≥ 0, 1 for fresh draws of the same distribution.

    Raises:
        InputError: sizes that do not fit, too few clips of other songs, or real clips that are all alike.
    """
    x, y = as_pair(real, fake, ("real", "fake"))
    apart = _spread(x, np.asarray(real_labels, dtype=float), songs[0], k, "real")
    if not apart > 0:
        raise InputError("real clips of similar label are all equal", where="real", hint="give clips that differ")
    return _spread(y, np.asarray(fake_labels, dtype=float), songs[1], k, "fake") / apart


def _spread(rows: Floats, labels: Floats, songs: ArrayLike | None, k: int, name: str) -> float:
    if labels.ndim != 2 or len(labels) != len(rows) or not np.isfinite(labels).all():
        raise InputError(f"labels of shape {labels.shape} for {len(rows)} rows", where=name, hint="give [N, L], finite")
    codes = np.arange(len(rows)) if songs is None else np.unique(np.asarray(songs), return_inverse=True)[1]
    total = 0.0
    for row in range(len(rows)):
        others = np.flatnonzero(codes != codes[row])
        if len(others) < k or k < 1:
            raise InputError(
                f"{len(others)} clips of other songs, fewer than k = {k}", where=name, hint="give more clips"
            )
        near = others[np.argpartition(cdist(labels[row : row + 1], labels[others])[0], k - 1)[:k]]
        total += float(cdist(rows[row : row + 1], rows[near]).mean())
    return total / len(rows)
