"""The study's Quality Score as it was published, kept so that its numbers can be reproduced.

Real and fake log-mels are standardised with the one mean and standard deviation of all values of the real set. Five
parts are then summed with weights .30, .20, .20, .15, .15:

1. ``frechet``: max(0, 100 − FD) between Gaussian fits of the time-averaged band profiles (the study does not name its
   features; these reproduce its behaviour);
2. ``moments``: ``100 (1 − (|mean_r − mean_f| + |std_r − std_f|)/2)``, over all values;
3. ``smoothness``: ``100 |c_f/c_r|``, c the correlation of every frame with the next, over all values;
4. ``frequency``: 100 corr(mean band profile of real, of fake);
5. ``range``: ``100 (1 − |range_r − range_f|/range_r)``, range = max − min of all values.

Tiers: Poor < 50 ≤ Good < 70 ≤ Excellent.

When not to use: to evaluate a generator. Four parts ignore which clip and frame a value is from, none considers the
order of frames beyond one step, and nothing is calibrated: one frame held for the whole clip, a heavy blur, frames in
random order and music played backwards all score as "Excellent"; a part can exceed 100 or fall below 0; copies of the
training set score 100. Use :func:`affetti.metrics.quality_score`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from affetti.errors import InputError
from affetti.metrics.frechet_distances import frechet_distance
from affetti.metrics.mel_features import PARTS, Mels, batches, require_mels
from affetti.metrics.sample import Floats

WEIGHTS = {"frechet": 0.30, "moments": 0.20, "smoothness": 0.20, "frequency": 0.15, "range": 0.15}
"""The study's weight of each part, also those of the calibrated score."""


@dataclass(frozen=True)
class PublishedQuality:
    """The score as published and its parts; meant to lie in 0 to 100, but the parts are not clipped."""

    score: float
    components: dict[str, float]

    @property
    def tier(self) -> str:
        """``Poor``, ``Good`` or ``Excellent``."""
        return tier_of(self.score)

    def to_dict(self) -> dict[str, float | dict[str, float]]:
        """The same as plain JSON values."""
        return {"score": self.score, "components": dict(self.components)}


def tier_of(score: float) -> str:
    """The study's word for a score: Poor < 50 ≤ Good < 70 ≤ Excellent."""
    return "Poor" if score < 50 else "Good" if score < 70 else "Excellent"


def published_quality(real: Mels, fake: Mels) -> PublishedQuality:
    """Quality score exactly as the study defines it.

    Args:
        real: log-mels in dB ``[N, M, F]``.
        fake: log-mels in dB ``[K, M, F]``.

    Raises:
        InputError: wrong or different shapes, fewer than 2 clips, a value that is not finite, or a real set that is
            constant.
    """
    require_pair(real, fake)
    shift = float(np.asarray(real[0], dtype=np.float64).mean())
    r, f = _Sums.of(real, shift, "real"), _Sums.of(fake, shift, "fake")
    if r.std == 0 or r.mean_profile.std() == 0:
        raise InputError("every value or band is alike", where="real", hint="give real music")
    components = {
        "frechet": max(0.0, 100.0 - frechet_distance(r.profiles / r.std, f.profiles / r.std)),
        "moments": 100.0 * (1 - (abs(r.mean - f.mean) + abs(r.std - f.std)) / r.std / 2),
        "smoothness": 100.0 * abs(f.next_frame / r.next_frame),
        "frequency": 100.0 * _correlation(r.mean_profile, f.mean_profile),
        "range": 100.0 * (1 - abs(r.range - f.range) / r.range),
    }
    return PublishedQuality(sum(WEIGHTS[part] * components[part] for part in PARTS), components)


def require_pair(real: Mels, fake: Mels) -> None:
    """Whether two sets of log-mels can be compared.

    Raises:
        InputError: wrong or different shapes, or fewer than 2 clips.
    """
    for mels, name in ((real, "real"), (fake, "fake")):
        require_mels(mels, name)
        if len(mels) < 2:
            raise InputError(f"{len(mels)} clips are too few", where=name, hint="give at least 2")
    if real.shape[1:] != fake.shape[1:]:
        raise InputError(
            f"clips of {fake.shape[1:]} against {real.shape[1:]} of real",
            where="fake",
            hint="make both with one front-end",
        )


@dataclass(frozen=True)
class _Sums:
    """What the formula needs of a set, gathered in one pass; levels are relative to a shift both sets share."""

    profiles: Floats
    """Time-averaged band profile of each clip ``[N, M]``."""
    mean: float
    std: float
    range: float
    next_frame: float
    """Correlation of every value with the one a frame later."""

    @property
    def mean_profile(self) -> Floats:
        return self.profiles.mean(axis=0)

    @classmethod
    def of(cls, mels: Mels, shift: float, name: str) -> _Sums:
        profiles: list[Floats] = []
        low, high = np.inf, -np.inf
        square = 0.0
        pairs = np.zeros(5)
        for batch in batches(mels, name):
            x = batch.astype(np.float64) - shift
            now, after = x[:, :, :-1].ravel(), x[:, :, 1:].ravel()
            pairs += now.sum(), after.sum(), now @ now, after @ after, now @ after
            square += float((x**2).sum())
            low, high = min(low, float(x.min())), max(high, float(x.max()))
            profiles.append(x.mean(axis=2))
        stacked = np.concatenate(profiles)
        mean = float(stacked.mean())
        std = float(np.sqrt(max(square / mels.size - mean**2, 0.0)))
        a, b, aa, bb, ab = pairs / (mels.size - mels.shape[0] * mels.shape[1])
        below = (aa - a * a) * (bb - b * b)
        return cls(stacked, mean, std, high - low, float((ab - a * b) / np.sqrt(below)) if below > 0 else 0.0)


def _correlation(a: Floats, b: Floats) -> float:
    """Pearson's correlation; a flat profile follows nothing, 0."""
    a, b = a - a.mean(), b - b.mean()
    below = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / below if below > 1e-9 else 0.0
