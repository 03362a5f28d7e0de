"""The Quality Score: 0 to 100, calibrated on the user's own real music.

The study's score (see ``published``) gives held frames and reversed music full marks. This one keeps its five parts
and weights and changes what they measure and what the numbers mean.

*What is measured.* Each clip becomes five short feature vectors (``mel_features``) in units of the real set's spread,
cut off at ±5. A part's distance is the Fréchet distance between Gaussians of independent features, over their number,

    d² = mean over features of (μ₁ − μ₂)² + (σ₁ − σ₂)² ;

a full covariance of fifty features cannot be estimated from the few dozen songs that many users have. *Range* has one
feature more, that only a set can show: the logarithm of each clip's distance to the nearest other clip of its set, over
all features. A generator that knows eight clips has the right means and spreads, and far too near neighbours.

*What it means.* Real songs are split at random into halves A and B, of each song one clip is drawn, and with as many
fake songs three distances are taken from the same half A at the same n:

    floor = d²(A, B)              held-out real music,
    value = d²(A, fakes),
    bad   = d²(A, A's mean)       one average clip repeated for ever, no variety at all.

Bias that depends on n thus falls on floor and value alike. With the excess u = max(0, value − floor − s)/(bad − floor),
averaged over splits, a part scores

    100 / (1 + 3u²) :

100 where fakes differ from real songs no more than other real songs do, 25 at the bad anchor, and ever less beyond,
never quite 0, so that two poor generators still differ. The standard error s of value − floor is the
benefit of the doubt: what the choice of songs explains is not held against the fakes. Under some 16 songs floor and
anchor come close; the denominator is then held at half the anchor.

*The total* is the weighted harmonic mean of the parts, 100 / (1 + 3 Σ w u²). An arithmetic mean lets four good parts
hide a broken one, which is how a held frame came to be Excellent; here one part at 5 with weight 0.2 leaves at most 21.
The weights are the study's, not measured: ``sensitivity`` is the range of the total for 95 % of all weights.

*The interval* follows from the splits. Each leaves out half of the songs of either side at random, and the spread of
a statistic over such halves estimates its standard error on the whole (delete-half jackknife, Shao & Wu 1989); the
interval is their central 95 %. It includes the choice of songs, not of training seed.

When not to use: to see conditioning, copying (a copy of the training set scores 100; give ``train``) or form (blocks of
half a second in random order score like real music; the Fréchet distance over mel statistics sees them), to compare
generators scored against different real sets or front-ends, or as a stand-in for listening. Below 16 songs a side even
one clip repeated can pass, and the interval says so.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from affetti.errors import InputError
from affetti.metrics.mel_features import PARTS, Mels, clip_features
from affetti.metrics.nearest_training import Memorisation, memorisation
from affetti.metrics.published import WEIGHTS, PublishedQuality, published_quality, require_pair, tier_of
from affetti.metrics.result import Result
from affetti.metrics.sample import Floats, Sample

MIN_SONGS = 8
N_SPLITS = 100
"""Random halves of the songs."""
N_WEIGHTINGS = 2_000
"""Draws of weights for the sensitivity."""
MIN_SPREAD = 0.01
"""A feature that real music hardly changes is measured as if it did by this (dB, or its own unit)."""
MAX_DEVIATIONS = 5.0
"""Features are cut off this many real standard deviations from the real mean, so that no single clip decides."""


@dataclass(frozen=True)
class Component:
    """One part of the score: a discrepancy, where it lies between floor and bad anchor, and the points it earns."""

    value: float
    """Distance of fakes from real music; 1 is a shift of every feature by one real standard deviation."""
    score: float
    """0 to 100."""
    floor: float
    """The same distance for held-out real music; scores 100."""
    bad: float
    """The same for one average clip repeated; scores 25."""


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
    real_rows, fake_rows = _standardised(features, features), _standardised(clip_features(fake, "fake"), features)
    _must_vary(real_rows)
    real_songs, fake_songs = _songs(real_rows, groups, "real"), _songs(fake_rows, fake_groups, "fake")
    n = min(real_songs.songs, fake_songs.songs) // 2
    rng = np.random.default_rng(seed)
    by_part = _by_part(_split_distances(real_songs, fake_songs, n, rng, rng), features)
    components, score, ci, sensitivity = _calibrated(by_part, np.random.default_rng(seed))
    copies = None
    if train is not None:
        require_pair(real, train)
        learnt, songs = _standardised(clip_features(train, "train"), features), (fake_songs.song, real_songs.song)
        copies = memorisation(fake_songs.rows, learnt, real_songs.rows, seed, songs)
    return QualityResult(score, ci, sensitivity, components, published_quality(real, fake), n, seed, copies)


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
    real_rows = _standardised(features, features)
    _must_vary(real_rows)
    reference = _songs(real_rows, groups[0], "real")
    made: list[Sample] = []
    for mels, own, name in ((first, groups[1], "first"), (second, groups[2], "second")):
        require_pair(real, mels)
        made.append(_songs(_standardised(clip_features(mels, name), features), own, name))
    n = min(sample.songs for sample in (reference, *made)) // 2
    scores, by_split = [0.0, 0.0], list[Floats]()
    for i, sample in enumerate(made):
        streams = np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1 + i])
        excess, each = _excess(_by_part(_split_distances(reference, sample, n, *streams), features))
        scores[i] = _total(excess)
        by_split.append(_totals(each))
    value, apart = scores[0] - scores[1], by_split[0] - by_split[1]
    low, high = (float(limit) for limit in np.quantile(apart, [0.025, 0.975]))
    counts = (len(real), len(first), len(second))
    result = Result(value, (min(low, value), max(high, value)), None, counts, seed)
    return QualityDifference(result, scores[0], scores[1], n)


def _must_vary(rows: Floats) -> None:
    """Whether real clips differ from each other.

    Raises:
        InputError: they are all alike in every feature.
    """
    if (rows == rows[0]).all():
        raise InputError(f"all {len(rows)} clips are alike", where="real", hint="give real music")


def _songs(rows: Floats, groups: ArrayLike | None, name: str) -> Sample:
    sample = Sample.of(rows, groups, f"groups of {name}")
    if sample.songs < MIN_SONGS:
        raise InputError(
            f"{sample.songs} songs are too few to calibrate on",
            where=name,
            hint=f"give clips of {MIN_SONGS} songs or more",
        )
    return sample


def _by_part(distances: Floats, features: dict[str, Floats]) -> Floats:
    """Mean over the features of each part: ``[SPLITS, 3, D + 1]`` to ``[SPLITS, 3, parts]``."""
    widths = np.array([features[part].shape[1] for part in PARTS])
    widths[-1] += 1  # the nearness of neighbours, a feature of Range
    return np.add.reduceat(distances, np.cumsum(widths) - widths, axis=2) / widths


def _standardised(features: dict[str, Floats], real: dict[str, Floats]) -> Floats:
    """All parts side by side, in units of the real set's spread about its mean."""
    rows = [(features[p] - real[p].mean(axis=0)) / np.maximum(real[p].std(axis=0), MIN_SPREAD) for p in PARTS]
    return np.clip(np.concatenate(rows, axis=1), -MAX_DEVIATIONS, MAX_DEVIATIONS)


def _split_distances(
    real: Sample, fake: Sample, n: int, rng: np.random.Generator, fake_rng: np.random.Generator
) -> Floats:
    """value, floor and bad in each split and feature, ``[SPLITS, 3, D + 1]``; ``rng`` alone decides on real songs."""
    by_split = np.empty((N_SPLITS, 3, real.rows.shape[1] + 1))
    for split in range(N_SPLITS):
        songs, fakes = rng.permutation(real.songs), fake_rng.permutation(fake.songs)
        drawn = (
            real.rows[real.one_of_each(songs[:n], rng)],
            real.rows[real.one_of_each(songs[n : 2 * n], rng)],
            fake.rows[fake.one_of_each(fakes[:n], fake_rng)],
        )
        near = [_nearest(rows) for rows in drawn]
        mean, spread = near[0].mean(), max(float(near[0].std()), MIN_SPREAD)
        half, other, made = (
            _moments(np.column_stack([rows, np.clip((log - mean) / spread, -MAX_DEVIATIONS, MAX_DEVIATIONS)]))
            for rows, log in zip(drawn, near, strict=True)
        )
        by_split[split] = ((half - made) ** 2).sum(axis=0), ((half - other) ** 2).sum(axis=0), half[1] ** 2
    return by_split


def _nearest(rows: Floats) -> Floats:
    """Logarithm of each row's distance to the nearest other row; of a copy, that of a thousandth of a deviation."""
    square = (rows**2).sum(axis=1)
    distance = square[:, None] + square[None, :] - 2 * rows @ rows.T
    np.fill_diagonal(distance, np.inf)
    return 0.5 * np.log(np.maximum(distance.min(axis=1), 1e-6))


def _moments(rows: Floats) -> Floats:
    """Mean and standard deviation (of N − 1) of each feature, ``[2, D]``."""
    return np.stack([rows.mean(axis=0), rows.std(axis=0, ddof=1)])


def _calibrated(
    distances: Floats, rng: np.random.Generator
) -> tuple[dict[str, Component], float, tuple[float, float], tuple[float, float]]:
    """Parts, total, interval and sensitivity; ``[SPLITS, 3, parts]`` holds value, floor and bad by split and part."""
    value, floor, bad = distances.mean(axis=0)
    excess, by_split = _excess(distances)
    total = _total(excess)
    low, high = np.quantile(_totals(by_split), [0.025, 0.975])
    scores = 100.0 / (1.0 + 3.0 * excess**2)
    components = {
        part: Component(float(value[i]), float(scores[i]), float(floor[i]), float(bad[i]))
        for i, part in enumerate(PARTS)
    }
    weighted = 100.0 / (1.0 + 3.0 * rng.dirichlet(np.ones(len(PARTS)), N_WEIGHTINGS) @ excess**2)
    least, most = np.quantile(weighted, [0.025, 0.975])
    return components, total, (min(float(low), total), max(float(high), total)), (float(least), float(most))


def _excess(distances: Floats) -> tuple[Floats, Floats]:
    """U of each part, ``[parts]``, and of each split and part."""
    _, floor, bad = distances.mean(axis=0)
    room = np.maximum(bad - floor, bad / 2)
    beyond = distances[:, 0] - distances[:, 1]
    beyond -= beyond.std(axis=0, ddof=1)  # over random halves, the standard error on the whole
    return np.maximum(0.0, beyond.mean(axis=0) / room), np.maximum(0.0, beyond / room)


def _totals(excess: Floats) -> Floats:
    """Weighted harmonic means 100 / (1 + 3 Σ w u²) of excesses ``[..., parts]``."""
    weights = np.array([WEIGHTS[part] for part in PARTS])
    return np.asarray(100.0 / (1.0 + 3.0 * excess**2 @ weights), dtype=np.float64)


def _total(excess: Floats) -> float:
    return float(_totals(excess))
