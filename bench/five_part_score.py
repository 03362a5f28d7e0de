"""The Quality Score of version 0.1, with which the generators' first tables were made.

It has the study's five parts alone. A part's distance is the mean over all of its features, not over the worst of them;
the nearness of neighbours is a feature of ``range``; one standard error is not held against the fakes, not 1.645.
Otherwise it is calibrated as :mod:`affetti.metrics.quality` is, and values of the two cannot be compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from affetti.metrics.mel_features import PARTS, Mels, batches, study_features
from affetti.metrics.published import WEIGHTS
from affetti.metrics.quality_calibration import excess_of, split_distances, standardised
from affetti.metrics.sample import Floats, Sample


@dataclass(frozen=True)
class FivePartScore:
    """0 to 100, its interval over songs, and the points of each part."""

    score: float
    ci: tuple[float, float]
    parts: dict[str, float]


def five_part_score(real: Mels, fake: Mels, songs: ArrayLike | None = None, seed: int = 0) -> FivePartScore:
    """Score log-mels ``fake [K, M, F]`` in dB, each a song of its own, against ``real [N, M, F]`` of ``songs``."""
    features = _features(real)
    reference = Sample.of(standardised(features, features), songs, "songs")
    made = Sample.of(standardised(_features(fake), features), None, "fake")
    rng = np.random.default_rng(seed)
    distances = split_distances(reference, made, min(reference.songs, made.songs) // 2, rng, rng)
    widths = np.array([features[part].shape[1] for part in PARTS])
    widths[-1] += 1  # the nearness of neighbours
    by_part = np.add.reduceat(distances, np.cumsum(widths) - widths, axis=2) / widths
    _, floor, bad = by_part.mean(axis=0)
    beyond = by_part[:, 0] - by_part[:, 1]
    beyond -= beyond.std(axis=0, ddof=1)
    room = np.maximum(bad - floor, bad / 2)
    excess, by_split = excess_of(beyond.mean(axis=0), room), excess_of(beyond, room)
    weights = np.array([WEIGHTS[part] for part in PARTS])
    score = float(100 / (1 + 3 * excess**2 @ weights))
    low, high = np.quantile(100 / (1 + 3 * by_split**2 @ weights), [0.025, 0.975])
    points: dict[str, float] = dict(zip(PARTS, (100 / (1 + 3 * excess**2)).tolist(), strict=True))
    return FivePartScore(score, (min(float(low), score), max(float(high), score)), points)


def _features(mels: Mels) -> dict[str, Floats]:
    rows = [study_features(batch) for batch in batches(mels, "mels")]
    return {part: np.concatenate([row[part] for row in rows]).astype(np.float64) for part in PARTS}
