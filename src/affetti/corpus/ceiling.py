"""What the labels can bear: the ceiling that raters' disagreement sets.

Song i has mean mᵢ of k raters with sample variance sᵢ². Of the variance of the means, the share that is not noise is
the reliability ρ = 1 - mean(sᵢ²/k) / Var(m) (the ICC(1,k) of one-way random raters). No predictor that sees the music
alone passes R² = ρ, nor, rescaled as well as can be, CCC = √ρ. It is a ceiling for this panel of raters, not for
emotion: what all raters of a clip share in error is not in it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from affetti.emotion import AXES


def ceiling(clips: pd.DataFrame, seed: int = 0, resamples: int = 1000) -> dict[str, dict[str, dict[str, Any]] | None]:
    """Highest reachable R² (= ρ) and CCC (= √ρ) for valence and arousal, with 95 % intervals over songs.

    Taken over clips, resampled by song. ``None`` where the source has no spread or no number of raters.
    """
    known = (clips["raters"] > 1) & clips["valence_std"].notna() & clips["arousal_std"].notna()
    usable = clips.loc[known.to_numpy(dtype=bool)]
    songs, member = np.unique(usable["song_id"].to_numpy(dtype=str), return_inverse=True)
    if len(songs) < 3:
        return {"valence": None, "arousal": None}
    draws = np.random.default_rng(seed).integers(0, len(songs), (resamples, len(songs)))
    # weights[r, s]: how often song s was drawn in resample r.
    weights = np.stack([np.bincount(draw, minlength=len(songs)) for draw in draws]).astype(float)
    found: dict[str, dict[str, dict[str, Any]] | None] = {}
    for name in AXES:
        mean = usable[name].to_numpy(dtype=float)
        noise = usable[f"{name}_std"].to_numpy(dtype=float) ** 2 / usable["raters"].to_numpy(dtype=float)
        centred = mean - mean.mean()
        columns = (np.ones_like(mean), centred, centred**2, noise)
        sums = np.stack([np.bincount(member, column).astype(np.float64) for column in columns], axis=1)
        rho = float(_reliability(sums, np.ones((1, len(songs))))[0])
        low, high = np.quantile(_reliability(sums, weights), [0.025, 0.975])
        found[name] = {
            "r2": {"value": rho, "ci": [float(low), float(high)]},
            "ccc": {"value": _root(rho), "ci": [_root(low), _root(high)]},
        }
    return found


def _reliability(sums: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """ρ under each row of ``weights`` ``[R, S]``, from each song's count of clips and sums of m, m², s²/k ``[S, 4]``.

    Held to [0, 1]: where chance makes the noise look larger than the variance, nothing can be predicted.
    """
    total, first, second, noise = (weights @ sums).T
    variance = (second - first**2 / total) / np.maximum(total - 1, 1)
    return np.clip(1.0 - noise / total / np.maximum(variance, 1e-12), 0.0, 1.0)


def _root(rho: float) -> float:
    return float(np.sqrt(rho))
