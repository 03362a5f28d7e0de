"""The Quality Score: 0 to 100, calibrated on the user's own real music.

The study's score (see ``published``) gives held frames and reversed music full marks. This one keeps what its five
parts weigh, changes what they measure and what the numbers mean, and gives what they cannot see parts of its own.

*What is measured.* Each clip becomes eleven feature vectors (``quality_features``) in units of the real set's spread,
cut off at ±5. Between two sets a feature has the Fréchet distance of Gaussians,

    (μ₁ − μ₂)² + (σ₁ − σ₂)² ,

and a part the mean over those of its features in which the two sets differ most: half of them where the part is one of
the study's, a quarter in the others. A cut, a loop or a grid shows in few features, and a mean over all would drown it
in what is right; a slight blur shows a little in many, and is no reason to call music unreal. (A full covariance of
fifty features cannot be estimated from the few dozen songs that many users have.) The twelfth part, *variety*, only a
set can show: the logarithm of each clip's distance to the nearest other clip of its set, over all features. A generator
that knows eight clips has the right means and spreads, and far too near neighbours.

*What it means.* Real songs are split at random into halves A and B, of each song one clip is drawn, and with as many
fake songs three distances are taken from the same half A at the same n:

    floor = d²(A, B)              held-out real music,
    value = d²(A, fakes),
    bad   = d²(A, A's mean)       one average clip repeated for ever, no variety at all.

Bias that depends on n, or on choosing the worst quarter, thus falls on floor and value alike. With the excess
u = max(0, value − floor − 1.645 s)/(bad − floor), averaged over splits, a part scores

    100 / (1 + 3u²) :

100 where fakes differ from real songs no more than other real songs do, 25 at the bad anchor, and ever less beyond,
never quite 0, so that two poor generators still differ. s is the standard error of value − floor, and what is left its
one-sided 95 % limit: what the choice of songs explains is not held against the fakes. Under some 16 songs floor and
anchor come close; the denominator is then held at half the anchor.

*The total* is the weighted harmonic mean of the parts, 100 / (1 + 3 Σ w u²). An arithmetic mean lets good parts hide a
broken one, which is how a held frame came to be Excellent; here one part at 5 with weight 0.1 leaves at most 34. The
study's weights are divided among the parts that stand for each of its own (``quality_features``). They are not
measured: ``sensitivity`` is the range of the total for 95 % of all weights.

*The interval* follows from the splits. Each leaves out half of the songs of either side at random, and the spread of
a statistic over such halves estimates its standard error on the whole (delete-half jackknife, Shao & Wu 1989); the
interval is their central 95 %. It includes the choice of songs, not of training seed.

When not to use: to see conditioning, copying (a copy of the training set scores 100; give ``train``), wrong notes or
chords (a log-mel has no pitch), or anything longer than a clip; to compare generators scored against different real
sets, front-ends or lengths of clips; or as a stand-in for listening. Below 16 songs a side even one clip repeated can
pass and real music can fail; the interval says so. Everything is in units of the given real set: where that mixes many
kinds of music its spread is wide, and less is seen. ``docs/explanation/metrics.md`` lists what is not.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from affetti.errors import InputError
from affetti.metrics.mel_features import Mels
from affetti.metrics.nearest_training import Memorisation, memorisation
from affetti.metrics.published import PublishedQuality, published_quality, require_pair, tier_of
from affetti.metrics.quality_calibration import (
    Calibration,
    Component,
    columns_of,
    require_variation,
    standardised,
    totals,
)
from affetti.metrics.quality_features import clip_features
from affetti.metrics.result import Result
from affetti.metrics.sample import Floats, Sample

MIN_SONGS = 8


@dataclass(frozen=True)
class QualityResult:
    """The calibrated score and all it rests on."""

    score: float
    """0 to 100; 100 is held-out real music."""
    ci: tuple[float, float]
    """95 % interval over songs."""
    sensitivity: tuple[float, float]
    """Where the total lies for 95 % of weightings drawn evenly from all that sum to 1."""
    components: dict[str, Component]
    published: PublishedQuality
    """The study's own formula on the same sets."""
    n: int
    """Songs a side in each split."""
    seed: int
    memorisation: Memorisation | None
    """Copy statistics in the score's own features, if ``train`` was given."""

    @property
    def tier(self) -> str:
        """``Poor``, ``Good`` or ``Excellent``, or ``Poor to Good`` and so on where the interval reaches further."""
        lowest, highest = (tier_of(end) for end in self.ci)
        return lowest if lowest == highest else f"{lowest} to {highest}"

    def to_dict(self) -> dict[str, object]:
        """The ``quality`` object of ``affetti score --json``."""
        return {
            "score": self.score,
            "ci": list(self.ci),
            "sensitivity": list(self.sensitivity),
            "tier": self.tier,
            "components": {part: asdict(component) for part, component in self.components.items()},
            "published": self.published.to_dict(),
        }


def quality_score(
    real: Mels,
    fake: Mels,
    groups: ArrayLike | None = None,
    fake_groups: ArrayLike | None = None,
    train: Mels | None = None,
    seed: int = 0,
) -> QualityResult:
    """Score synthetic log-mels against real ones.

    Args:
        real: log-mels in dB ``[N, M, F]``, M ≥ 8, F ≥ 16, of songs the generator has not seen; may be memory-mapped.
        fake: log-mels in dB ``[K, M, F]`` of the same front-end.
        groups: song id of each real clip; without it every clip is a song.
        fake_groups: the same for fakes; without it every clip counts as a song of its own.
        train: the generator's training clips; with them ``memorisation`` has copy statistics.
        seed: of the splits.

    Returns:
        Score, interval, parts with their floor and bad anchor, and the published score beside it.

    Raises:
        InputError: wrong or different shapes, a value that is not finite, or fewer than 8 songs on a side.
    """
    require_pair(real, fake)
    features = clip_features(real, "real")
    real_rows, fake_rows = standardised(features, features), standardised(clip_features(fake, "fake"), features)
    require_variation(real_rows)
    real_songs, fake_songs = _songs(real_rows, groups, "real"), _songs(fake_rows, fake_groups, "fake")
    n = min(real_songs.songs, fake_songs.songs) // 2
    rng = np.random.default_rng(seed)
    measured = Calibration.of(real_songs, fake_songs, n, columns_of(features), (rng, rng))
    copies = None
    if train is not None:
        require_pair(real, train)
        learnt, songs = standardised(clip_features(train, "train"), features), (fake_songs.song, real_songs.song)
        copies = memorisation(fake_songs.rows, learnt, real_songs.rows, seed, songs)
    return QualityResult(
        score=measured.total,
        ci=measured.ci,
        sensitivity=measured.sensitivity(np.random.default_rng(seed)),
        components=measured.components,
        published=published_quality(real, fake),
        n=n,
        seed=seed,
        memorisation=copies,
    )


@dataclass(frozen=True)
class QualityDifference:
    """How much better one generator scores than another on the same real songs."""

    difference: Result
    """First − second, in points; above 0 where the first is better."""
    first: float
    """The first's score at the n both can be taken at."""
    second: float
    n: int
    """Songs a side in each split."""

    def to_dict(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        return {"difference": self.difference.to_dict(), "first": self.first, "second": self.second, "n": self.n}


def quality_difference(
    real: Mels,
    first: Mels,
    second: Mels,
    groups: tuple[ArrayLike | None, ArrayLike | None, ArrayLike | None] = (None, None, None),
    seed: int = 0,
) -> QualityDifference:
    """Difference of two generators' Quality Scores, taken on the same halves of the same real songs.

    What a split of the real songs does to one score it does to the other, and cancels; the interval is the central
    95 % of the difference over the splits (delete-half jackknife, as that of the score itself).

    Args:
        real: log-mels in dB ``[N, M, F]``.
        first: log-mels in dB ``[K, M, F]`` of one generator.
        second: log-mels in dB ``[L, M, F]`` of the other.
        groups: song ids of the clips of real, first and second; ``None`` where every clip is a song.
        seed: of the splits.

    Raises:
        InputError: as :func:`quality_score`.
    """
    features = clip_features(real, "real")
    real_rows = standardised(features, features)
    require_variation(real_rows)
    reference = _songs(real_rows, groups[0], "real")
    made: list[Sample] = []
    for mels, own, name in ((first, groups[1], "first"), (second, groups[2], "second")):
        require_pair(real, mels)
        made.append(_songs(standardised(clip_features(mels, name), features), own, name))
    n = min(sample.songs for sample in (reference, *made)) // 2
    columns = columns_of(features)
    one, two = (
        Calibration.of(
            reference, sample, n, columns, (np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1 + i]))
        )
        for i, sample in enumerate(made)
    )
    value, apart = one.total - two.total, totals(one.excess_by_split) - totals(two.excess_by_split)
    low, high = (float(limit) for limit in np.quantile(apart, [0.025, 0.975]))
    counts = (len(real), len(first), len(second))
    result = Result(value, (min(low, value), max(high, value)), None, counts, seed)
    return QualityDifference(result, one.total, two.total, n)


def _songs(rows: Floats, groups: ArrayLike | None, name: str) -> Sample:
    sample = Sample.of(rows, groups, f"groups of {name}")
    if sample.songs < MIN_SONGS:
        raise InputError(
            f"{sample.songs} songs are too few to calibrate on",
            where=name,
            hint=f"give clips of {MIN_SONGS} songs or more",
        )
    return sample
