"""How wide a regressor's interval must be: conformal prediction over songs.

Clips of a song are alike, so held-out clips are no independent sample; songs are. With errors e of the clips of K
held-out songs, the half-width is the least q for which

    1/(K + 1) · Σ over songs of (share of the song's clips with e ≤ q)  ≥  coverage

(hierarchical conformal prediction: Dunn, Wasserman & Ramdas 2022; Lee, Barber & Willett 2023). For a clip of a new
song, drawn like the held-out ones, the interval then covers with at least that probability, whatever the model; with
one clip a song it is split conformal prediction (Vovk et al. 2005). K songs can promise no more than K / (K + 1).

It promises nothing for other music, nor for one song or one genre: it is right on average over songs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from affetti import metrics
from affetti.models.base import Regressor

COVERAGE = 0.9
"""Nominal coverage of a regressor's interval."""
AXES = ("valence", "arousal")


def calibrate(
    model: Regressor, prediction: NDArray[np.float64], target: NDArray[np.float64], songs: NDArray[np.str_]
) -> dict[str, Any]:
    """Set ``model.half_width`` from its reading of held-out clips.

    Args:
        model: the regressor.
        prediction: its reading ``[N, 2]``.
        target: the labels ``[N, 2]``.
        songs: song of each clip.

    Returns:
        ``coverage`` promised, ``n`` clips, ``songs``, ``half_width`` by axis.
    """
    errors = np.abs(prediction - target)
    count = np.unique(songs).size
    promised = min(COVERAGE, count / (count + 1))
    half = [half_width(errors[:, axis], songs, promised) for axis in range(2)]
    model.half_width.copy_(torch.tensor(half))
    return {
        "coverage": promised,
        "n": len(errors),
        "songs": count,
        "half_width": dict(zip(AXES, half, strict=True)),
    }


def half_width(errors: NDArray[np.float64], songs: NDArray[np.str_], coverage: float) -> float:
    """The least of ``errors [N]`` that covers ``coverage`` of a new song's clips; see the module."""
    _, member, count = np.unique(songs, return_inverse=True, return_counts=True)
    order = np.argsort(errors, kind="stable")
    cumulative = np.cumsum(1.0 / count[member][order]) / (len(count) + 1)
    rank = int(np.searchsorted(cumulative, coverage - 1e-9))
    return float(errors[order][min(rank, len(errors) - 1)])


def interval_coverage(
    model: Regressor, prediction: NDArray[np.float64], target: NDArray[np.float64], songs: NDArray[np.str_], seed: int
) -> dict[str, dict[str, Any]]:
    """Share of test clips whose label lies in the interval, by axis, with a 95 % interval over songs."""
    half = model.half_width.detach().cpu().double().numpy()
    inside = (np.abs(prediction - target) <= half + 1e-6).astype(np.float64)

    def share(values: Any) -> float:
        return float(np.mean(values))

    return {
        axis: {
            "value": share(inside[:, at]),
            "ci": list(metrics.bootstrap_ci(share, inside[:, at], groups=songs, seed=seed)),
        }
        for at, axis in enumerate(AXES)
    }
