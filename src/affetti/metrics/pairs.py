"""Distances between all rows of one set and all of another, a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.spatial.distance import cdist

from affetti.errors import InputError
from affetti.metrics.sample import Floats

MAX_PAIRS = 4 * 10**9
"""Pairs above which a metric of all pairs refuses: minutes to an hour of work on one core."""
BATCH_ROWS = 512


def require_few_pairs(n: int, m: int, names: str) -> None:
    """Whether the distances between ``n`` and ``m`` rows can be computed in reasonable time.

    Raises:
        InputError: they are more than :data:`MAX_PAIRS`.
    """
    if n * m > MAX_PAIRS:
        raise InputError(
            f"{n:,} × {m:,} rows are too many for a metric of all pairs",
            where=names,
            hint=f"draw whole songs at random down to {int(MAX_PAIRS**0.5):,} rows a side, or use the Fréchet or the "
            "sliced Wasserstein distance, which take any number",
        )


def distance_blocks(x: Floats, y: Floats, power: int = 1) -> Iterator[tuple[slice, Floats]]:
    """Euclidean distances (``power`` 2: their squares) from some rows of ``x`` at a time to all of ``y``."""
    kind = "euclidean" if power == 1 else "sqeuclidean"
    for start in range(0, len(x), BATCH_ROWS):
        here = slice(start, min(start + BATCH_ROWS, len(x)))
        yield here, np.asarray(cdist(x[here], y, kind), dtype=np.float64)
