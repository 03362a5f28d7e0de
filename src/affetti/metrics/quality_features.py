"""The parts of the Quality Score: which features each has, and what it weighs.

The study's score has five parts. Each is kept, under its name and with features of its own (``mel_features``); what
they cannot see has parts beside them, which share the weight of the one they belong to:

- ``frechet`` (.30, the distribution as a whole): ``frechet``, ``form`` and ``variety``;
- ``moments`` (.20, levels and how they vary together): ``moments`` and ``coherence``;
- ``smoothness`` (.20, change over time): ``smoothness``, ``transitions`` and ``rhythm``;
- ``frequency`` (.15, which frequencies sound): ``frequency`` and ``harmony``;
- ``range`` (.15, which levels occur): ``range`` and ``steps``.

``variety`` has no features of a clip: it is how near the clips of a set lie to each other, see ``quality_calibration``.
The weights are the study's and a division of them by judgement. Nobody has measured any of them.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import numpy as np

from affetti.metrics.coherence_features import coherence_features
from affetti.metrics.form_features import form_features
from affetti.metrics.harmony_features import harmony_features
from affetti.metrics.mel_features import Batch, Mels, batches, require_mels, study_features
from affetti.metrics.rhythm_features import rhythm_features
from affetti.metrics.sample import Floats
from affetti.metrics.step_features import step_features
from affetti.metrics.transition_features import transition_features

VARIETY = "variety"
"""The part that only a set has."""
SHARES = MappingProxyType(
    {
        "frechet": {"frechet": 0.10, "form": 0.10, VARIETY: 0.10},
        "moments": {"moments": 0.10, "coherence": 0.10},
        "smoothness": {"smoothness": 0.06, "transitions": 0.06, "rhythm": 0.08},
        "frequency": {"frequency": 0.08, "harmony": 0.07},
        "range": {"range": 0.08, "steps": 0.07},
    }
)
"""Weights of the parts, by the study's part whose weight they share."""
WEIGHTS = MappingProxyType({part: weight for shares in SHARES.values() for part, weight in shares.items()})
"""Weight of each part; they sum to 1."""
PARTS = tuple(WEIGHTS)
"""All parts, in the order in which they are shown."""
MORE: MappingProxyType[str, Callable[[Batch], Floats]] = MappingProxyType(
    {
        "form": form_features,
        "coherence": coherence_features,
        "transitions": transition_features,
        "rhythm": rhythm_features,
        "harmony": harmony_features,
        "steps": step_features,
    }
)
"""Parts beside the study's, and what measures them."""


def clip_features(mels: Mels, name: str = "mels") -> dict[str, Floats]:
    """The features of each clip, by part of the score.

    Args:
        mels: log-mels in dB ``[N, M, F]``, M ≥ 8, F ≥ 16; float16, float32 or float64, memory-mapped or not.
        name: what to call it in an error.

    Returns:
        For each of :data:`PARTS` but ``variety`` an array ``[N, D]``; D depends on M and F alone.

    Raises:
        InputError: wrong shape, or a value that is not finite.

    >>> features = clip_features(np.zeros((3, 16, 64), np.float32))
    >>> list(features)[:4], features["steps"].shape
    (['frechet', 'form', 'moments', 'coherence'], (3, 7))
    """
    require_mels(mels, name)
    by_batch = [_features(batch) for batch in batches(mels, name)]
    return {
        part: np.concatenate([batch[part] for batch in by_batch]).astype(np.float64)
        for part in PARTS
        if part != VARIETY
    }


def _features(x: Batch) -> dict[str, Floats]:
    return study_features(x) | {part: measure(x) for part, measure in MORE.items()}
