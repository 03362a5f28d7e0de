"""The label ceiling: the highest R² and CCC that any predictor can reach, given how far raters disagree.

Song i has mean mᵢ of k raters with sample variance sᵢ². Of the variance of the means, the share that is not noise is
the reliability ρ = 1 - mean(sᵢ²/k) / Var(m): the ICC(1,k) of one-way random raters (Shrout & Fleiss 1979). A predictor
that sees only the music cannot exceed R² = ρ or, with its output rescaled optimally, CCC = √ρ. The ceiling holds for
this panel of raters, not for emotion in general: an error that all raters of a clip share does not count as noise.

When not to use: for labels without a spread and a number of raters, such as tags and quadrants; the ceiling is then
``None``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from affetti.emotion import AXES
from affetti.results import Estimate

MIN_SONGS = 3
"""Songs below which no interval is computed."""


@dataclass(frozen=True)
class AxisCeiling:
    """The highest agreement with the labels of one axis, with 95 % intervals over songs."""

    r2: Estimate
    """Highest R², equal to the reliability ρ; in [0, 1]."""
    ccc: Estimate
    """Highest concordance, √ρ; in [0, 1]."""


@dataclass(frozen=True)
class LabelCeiling:
    """The ceiling of valence and of arousal; None where the source gives no spread or no number of raters."""

    valence: AxisCeiling | None = None
    arousal: AxisCeiling | None = None

    def by_axis(self) -> dict[str, AxisCeiling | None]:
        """The two ceilings by name, in the order of :data:`affetti.emotion.AXES`."""
        return {"valence": self.valence, "arousal": self.arousal}


def ceiling(clips: pd.DataFrame, seed: int = 0, resamples: int = 1000) -> LabelCeiling:
    """Highest reachable R² (ρ) and CCC (√ρ) for valence and arousal.

    Args:
        clips: the manifest of a corpus, or a table with its columns ``song_id``, ``raters`` and, for each axis, the
            mean and ``…_std`` (``ddof`` 1) in [-1, 1]. Rows with fewer than two raters or without a spread are ignored.
        seed: seed of the resampling.
        resamples: bootstrap resamples of the songs.

    Returns:
        Values over clips, with intervals resampled by song; both axes are ``None`` with fewer than three usable songs.
    """
    known = (clips["raters"] > 1) & clips["valence_std"].notna() & clips["arousal_std"].notna()
    usable = clips.loc[known.to_numpy(dtype=bool)]
    songs, member = np.unique(usable["song_id"].to_numpy(dtype=str), return_inverse=True)
    if len(songs) < MIN_SONGS:
        return LabelCeiling()
    draws = np.random.default_rng(seed).integers(0, len(songs), (resamples, len(songs)))
    # weights[r, s]: how often song s was drawn in resample r.
    weights = np.stack([np.bincount(draw, minlength=len(songs)) for draw in draws]).astype(float)
    return LabelCeiling(*(_axis_ceiling(usable, axis, member, weights) for axis in AXES))


def _axis_ceiling(
    usable: pd.DataFrame, axis: str, member: NDArray[np.intp], weights: NDArray[np.float64]
) -> AxisCeiling:
    """The ceiling of one axis; ``member`` is the song number of each row ``[N]``, ``weights`` is ``[R, S]``."""
    mean = usable[axis].to_numpy(dtype=float)
    noise = usable[f"{axis}_std"].to_numpy(dtype=float) ** 2 / usable["raters"].to_numpy(dtype=float)
    centred = mean - mean.mean()
    columns = (np.ones_like(mean), centred, centred**2, noise)
    sums = np.stack([np.bincount(member, column).astype(np.float64) for column in columns], axis=1)
    rho = float(_reliability(sums, np.ones((1, weights.shape[1])))[0])
    low, high = np.quantile(_reliability(sums, weights), [0.025, 0.975])
    return AxisCeiling(r2=Estimate(rho, (float(low), float(high))), ccc=Estimate(_root(rho), (_root(low), _root(high))))


def _reliability(sums: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """ρ under each row of ``weights`` ``[R, S]``, from each song's count of clips and sums of m, m², s²/k ``[S, 4]``.

    Clipped to [0, 1]: where chance makes the noise look larger than the variance, nothing can be predicted.
    """
    total, first, second, noise = (weights @ sums).T
    variance = (second - first**2 / total) / np.maximum(total - 1, 1)
    return np.clip(1.0 - noise / total / np.maximum(variance, 1e-12), 0.0, 1.0)


def _root(rho: float) -> float:
    return float(np.sqrt(rho))
