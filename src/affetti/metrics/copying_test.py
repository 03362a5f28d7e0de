"""C_T: does a generator lie nearer to its training set than fresh real music does?

The test of Meehan, Chaudhuri & Dasgupta (2020). Space is divided into cells by k-means on the training rows. In each
cell the distances to the nearest training row, of synthetic and of held-out rows, are compared by Mann and Whitney's U,
the number of pairs in which the synthetic row is the farther (ties ½); under equal distributions

    Z = (U − mn/2) / √(mn(m + n + 1)/12)                             (variance corrected for ties)

is standard normal. C_T = Σ w Z / Σ w over cells with enough of both, w the share of held-out rows in the cell (eq. 4).
Far below 0 is copying, far above 0 is failing to reach the training set. Cell by cell, so that copying in one region
does not hide behind poor work in another. A cell that holds too few of either is left out and counted: what is never
generated is no copy (see coverage for that).

Z counts rows as independent. Clips of one song are not: with ``groups`` one clip of each song is drawn, several times.

When not to use: against small shares of copies, to which a rank statistic over all rows of a cell is insensitive; use
``nearest_pairs`` for those.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm, rankdata, tiecorrect

from affetti.errors import InputError
from affetti.metrics.nearest_training import nearest_rows
from affetti.metrics.pairs import require_few_pairs
from affetti.metrics.sample import Codes, Floats, Sample, as_pair

MIN_ROWS_PER_CELL = 5
"""Rows of either kind in a cell, below which it is left out."""
ROWS_PER_CELL = 25
"""Held-out and synthetic rows a cell has on average, unless the number of cells is given."""
MAX_CELLS = 20
N_DRAWS = 10
"""Draws of one clip a song."""
MAX_ITERATIONS = 50
"""Of Lloyd's algorithm at most."""


@dataclass(frozen=True)
class DataCopying:
    """C_T and what it rests on."""

    c_t: float
    """Weighted mean Z; about 0 for fresh draws, far below 0 for copies."""
    p: float
    """One-sided probability of a C_T as low from a generator of the distribution of real music."""
    cells: int
    left_out: int
    """Cells with too few held-out or synthetic rows."""
    n: tuple[int, int]
    """Synthetic and held-out rows in a draw."""
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        return {**asdict(self), "n": list(self.n)}


def data_copying(
    fake: ArrayLike,
    train: ArrayLike,
    holdout: ArrayLike,
    groups: tuple[ArrayLike, ArrayLike] | None = None,
    cells: int | None = None,
    seed: int = 0,
) -> DataCopying:
    """The data-copying test C_T.

    Args:
        fake: synthetic rows ``[N, D]``.
        train: the generator's training rows ``[T, D]``.
        holdout: real rows it has not seen ``[H, D]``, of other songs.
        groups: song ids of the rows of ``fake`` and of ``holdout``; without them every row is a song.
        cells: regions of space; by default one for every 25 held-out or synthetic rows, at most 20.
        seed: of the cells, and of the clips drawn.

    Raises:
        InputError: a value that is not finite, not a matrix, different D, fewer than 2 rows in any set, more than can
            be paired, fewer than 1 cell or more than training rows, or no cell with 5 held-out and 5 synthetic rows.
    """
    made, seen = as_pair(fake, train, ("fake", "train"))
    _, unseen = as_pair(train, holdout, ("train", "holdout"))
    require_few_pairs(max(len(made), len(unseen)), len(seen), "fake, train and holdout")
    songs = (None, None) if groups is None else groups
    sets = Sample.of(made, songs[0], "groups of fake"), Sample.of(unseen, songs[1], "groups of holdout")
    seen = Sample.of(seen, None, "train").rows
    fewer = min(s.songs for s in sets)
    count = max(1, min(MAX_CELLS, fewer // ROWS_PER_CELL, len(seen))) if cells is None else cells
    if not 1 <= count <= len(seen):
        raise InputError(f"{count} cells of {len(seen)} training rows", where="cells", hint="give 1 or some more")
    rng = np.random.default_rng(seed)
    centres = _centres(seen, count, rng)
    cell, away = [nearest_rows(s.rows, centres)[1] for s in sets], [nearest_rows(s.rows, seen)[0] for s in sets]
    statistics_of_draws: list[tuple[float, float, int]] = []
    for _ in range(N_DRAWS if groups is not None else 1):
        rows = [s.one_of_each(np.arange(s.songs), rng) for s in sets]
        drawn = _weighted(
            [c[r] for c, r in zip(cell, rows, strict=True)], [a[r] for a, r in zip(away, rows, strict=True)], count
        )
        if drawn is None:
            raise InputError(
                f"none of {count} cells holds {MIN_ROWS_PER_CELL} synthetic and {MIN_ROWS_PER_CELL} held-out songs",
                where="cells",
                hint="give fewer cells or more clips",
            )
        statistics_of_draws.append(drawn)
    c_t, z, left_out = np.mean(statistics_of_draws, axis=0)
    return DataCopying(float(c_t), float(norm.cdf(z)), count, round(left_out), (sets[0].songs, sets[1].songs), seed)


def _weighted(cell: list[Codes], away: list[Floats], count: int) -> tuple[float, float, int] | None:
    """C_T, C_T over its standard deviation, and cells left out."""
    scores: list[tuple[float, int]] = []
    for c in range(count):
        made, held = (a[k == c] for a, k in zip(away, cell, strict=True))
        if min(len(made), len(held)) >= MIN_ROWS_PER_CELL:
            scores.append((_mann_whitney(made, held), len(held)))
    if not scores:
        return None
    z, weight = np.array(scores).T
    total = float(z @ weight)
    return total / float(weight.sum()), total / float(np.linalg.norm(weight)), count - len(scores)


def _mann_whitney(x: Floats, y: Floats) -> float:
    """Standardised count of pairs in which x is the larger; 0 where all are equal."""
    m, n = len(x), len(y)
    ranks = rankdata(np.concatenate([x, y]))
    u = ranks[:m].sum() - m * (m + 1) / 2
    variance = m * n * (m + n + 1) / 12 * tiecorrect(ranks)
    return float((u - m * n / 2) / np.sqrt(variance)) if variance > 0 else 0.0


def _centres(rows: Floats, count: int, rng: np.random.Generator) -> Floats:
    """k-means (Lloyd's algorithm from a k-means++ start)."""
    centres = rows[rng.integers(len(rows), size=1)]
    while len(centres) < count:
        weight = nearest_rows(rows, centres)[0] ** 2
        if weight.sum() == 0:  # fewer distinct rows than cells
            break
        centres = np.concatenate([centres, rows[rng.choice(len(rows), size=1, p=weight / weight.sum())]])
    for _ in range(MAX_ITERATIONS):
        cell = nearest_rows(rows, centres)[1]
        moved = np.stack(
            [rows[cell == c].mean(axis=0) if (cell == c).any() else centres[c] for c in range(len(centres))]
        )
        if np.array_equal(moved, centres):
            break
        centres = moved
    return centres
