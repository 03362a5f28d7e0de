"""Two generators on the same real songs: paired differences, whose intervals are narrower than those of two scorecards.

Of distances the difference is below 0 where the first generator is nearer to real music; of the Quality Score it is
above 0 where the first is better.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from affetti import metrics
from affetti.embedders.clip_set import ClipSet
from affetti.studies.scorecard.measures import told

Rows = NDArray[np.float64]


def against(
    reference: ClipSet, fake: ClipSet, other: ClipSet, embedded: tuple[Rows, Rows, Rows], seed: int
) -> dict[str, Any]:
    """``frechet``, ``kernel`` and ``quality`` of ``fake`` less those of ``other``.

    Args:
        reference: real clips.
        fake: clips of the first generator.
        other: clips of the second.
        embedded: embeddings of the three, ``[N, D]`` each.
        seed: of every resampling.
    """
    songs = (reference.songs, fake.songs, other.songs)
    return {
        "fake": other.name,
        "n_fake": len(other),
        "frechet": told(lambda: metrics.paired_test(*embedded, songs, "frechet", seed)),
        "kernel": told(lambda: metrics.paired_test(*embedded, songs, "kernel", seed)),
        "quality": told(lambda: metrics.quality_difference(reference.mel, fake.mel, other.mel, songs, seed)),
    }
