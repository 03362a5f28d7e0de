"""Compares the arms of a study: CCC of each, difference from the reference, intervals, and a verdict in plain words.

The estimate of an arm is the mean over seeds of its measure on all test clips. The measure is CCC, the mean of
valence's and arousal's; where labels are quadrants it is the share of clips predicted in the right one.

**Intervals** are of the two-level paired bootstrap (Owen 2007, "The pigeonhole bootstrap", Ann. Appl. Stat., who shows
that it errs to the wide side). Each resample draws songs and seeds with replacement, the same draws for both arms of a
difference, so that what makes a song hard for both cancels:

    Δ* = Σ_s v*_s [m(arm, s, w*) - m(reference, s, w*)],

``w*`` how often the song of each clip was drawn, ``v*`` how often each seed was, divided by their number, ``m`` the
measure under clip weights ``w*``. Of n songs or seeds n - 1 are drawn (Rao & Wu 1988, JASA): drawing n of n gives the
variance of three seeds a third too small. The interval holds the 2.5 % and 97.5 % quantiles of Δ*.

**Many arms**: ``delta_ci_simultaneous`` holds for all arms at once (single-step max-t, Westfall & Young 1993). With the
standard deviation σ_a of arm a's resamples and c the 95 % quantile over resamples of max_a |Δ*_a - Δ_a| / σ_a, it is
Δ_a ± k_a σ_a, where k_a is as far out on Student's t as c is on the normal, P(T_ν > k_a) = P(Z > c): the standard error
of a few seeds is itself an estimate. ν are Satterthwaite's degrees of freedom (1946, Biometrics Bulletin). ``p`` is
adjusted likewise. ``detectable`` is (k_a + z) σ_a with z = 0.84: a true difference of this size is found with a
probability (power) of 80 %.

The verdict goes by the simultaneous interval. Its false alarms and power are measured by ``bench/power.py``.

Not for arms tested on different songs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from affetti.emotion import quadrant
from affetti.studies.augmentation.results import ArmResult, GenreResult, Interval, Measure

Floats = NDArray[np.float64]

REFERENCE = "real-longer"
"""The arm that the others are compared with: real clips alone, as many updates."""
BASE = "real"
"""The same clips, half the updates."""
RESAMPLES = 2_000
MAX_SONGS_NEEDED = 5_000
"""Beyond so many songs the number needed is not reported."""
MIN_SEEDS = 5
"""Seeds from which a verdict is more than exploratory."""
MIN_GENRE_SONGS = 3
"""Genres of fewer test songs are left out."""
MAX_CATEGORIES = 8
"""Labels of no more different values are taken for categories."""
POWER_QUANTILE = 0.8416
"""Normal quantile of a power of 80 %."""


@dataclass(frozen=True)
class ResampleWeights:
    """Weights of clips and of seeds: the first row is the sample itself, each other row a resample."""

    clips: Floats
    """``[1 + R, N]``; clips of one song share their song's count."""
    seeds: Floats
    """``[1 + R, S]``; each row sums to 1."""

    @classmethod
    def draw(
        cls, songs: NDArray[np.str_], seeds: int, rng: np.random.Generator, resamples: int = RESAMPLES
    ) -> ResampleWeights:
        """Draw songs and seeds, one fewer than there are of each.

        Args:
            songs: song of each clip ``[N]``.
            seeds: how many seeds S.
            rng: of the draws.
            resamples: how many resamples R.
        """
        names, member = np.unique(songs, return_inverse=True)
        drawn = _draw_counts(len(names), resamples, rng)[:, member]
        return cls(
            np.vstack([np.ones(len(songs)), drawn]).astype(float),
            np.vstack([np.full(seeds, 1 / seeds), _draw_counts(seeds, resamples, rng) / max(1, seeds - 1)]),
        )


@dataclass(frozen=True)
class SimultaneousInterval:
    """An interval that holds for all arms at once, with its p-value and the smallest gain that it would find."""

    ci: Interval
    p: float
    """Adjusted, two-sided, of no difference."""
    detectable: float
    """The difference that such a study finds with a probability of 80 %."""


def _draw_counts(n: int, resamples: int, rng: np.random.Generator) -> Floats:
    """How often each of ``n`` comes up in n - 1 draws ``[R, n]``; a single one comes up once."""
    return rng.multinomial(max(1, n - 1), np.full(n, 1 / n), resamples).astype(float)


def compare_arms(
    predictions: dict[str, Floats],
    target: Floats,
    songs: NDArray[np.str_],
    reference: str,
    seed: int,
    genres: NDArray[np.str_] | None = None,
    measure: Measure = "ccc",
) -> tuple[ArmResult, ...]:
    """Each arm's CCC and its difference from the reference arm, with two-level bootstrap intervals.

    Args:
        predictions: for each arm ``[S, N, 2]``: seeds, test clips, (valence, arousal).
        target: labels ``[N, 2]``.
        songs: song of each test clip ``[N]``.
        reference: the arm that ``delta`` is taken against; ``delta_real`` is against ``real`` where it is among them.
        seed: of the resampling.
        genres: genre of each test clip; empty text is left out.
        measure: what differences are of; with ``accuracy`` rows hold ``accuracy`` and ``accuracy_ci`` too.

    Returns:
        a row for each arm, in the order of ``predictions``, without verdicts.
    """
    weights = ResampleWeights.draw(songs, len(predictions[reference]), np.random.default_rng(seed))
    axes = {arm: _mean_concordance(p, target, weights) for arm, p in predictions.items()}
    values = {arm: drawn.mean(axis=1) for arm, drawn in axes.items()}
    if measure == "accuracy":
        values = {arm: _mean_accuracy(p, target, weights) for arm, p in predictions.items()}
    deltas = {arm: value - values[reference] for arm, value in values.items()}
    family = [arm for arm in predictions if arm not in (reference, BASE)]
    by_seed = {arm: _by_seed(p, target, measure) for arm, p in predictions.items()}
    freedom = {
        arm: degrees_of_freedom(
            by_seed[arm] - by_seed[reference], float(deltas[arm][1:].var(ddof=1)), np.unique(songs).size
        )
        for arm in family
    }
    simultaneous = simultaneous_intervals({arm: deltas[arm] for arm in family}, freedom)
    base = values[BASE if BASE in values else reference]
    rows: list[ArmResult] = []
    for arm, drawn in axes.items():
        row = _row(arm, drawn, values[arm], deltas[arm], values[arm] - base)
        if measure == "ccc":
            row = replace(row, accuracy=None, accuracy_ci=None)
        if arm == reference:
            row = replace(row, probability_of_harm=None)
        if arm in simultaneous:
            interval = simultaneous[arm]
            row = replace(row, delta_ci_simultaneous=interval.ci, p=interval.p, detectable=interval.detectable)
        if genres is not None:
            pair = predictions[arm], predictions[reference]
            row = replace(row, by_genre=_by_genre(pair, target, songs, genres, seed, measure))
        rows.append(row)
    return tuple(rows)


def _row(name: str, axes: Floats, value: Floats, delta: Floats, delta_real: Floats) -> ArmResult:
    """A row from the draws of CCC on each axis ``[1 + R, 2]`` and of the measure and its differences ``[1 + R]``."""
    total = axes.mean(axis=1)
    return ArmResult(
        name=name,
        ccc_valence=float(axes[0, 0]),
        ccc_arousal=float(axes[0, 1]),
        ccc=float(total[0]),
        ci=_interval(total[1:]),
        accuracy=float(value[0]),
        accuracy_ci=_interval(value[1:]),
        delta=float(delta[0]),
        delta_ci=_interval(delta[1:]),
        delta_real=float(delta_real[0]),
        delta_real_ci=_interval(delta_real[1:]),
        probability_of_harm=float(np.mean(delta[1:] < 0)),
    )


def degrees_of_freedom(by_seed: Floats, variance: float, songs: int) -> float:
    """Satterthwaite's degrees of freedom of a variance that is partly of seeds and partly of songs.

    With σ² the variance and σ_s² its part of the seeds, ν = σ⁴ / (σ_s⁴ / (S - 1) + (σ² - σ_s²)² / (songs - 1)).

    Args:
        by_seed: the difference of each seed ``[S]``.
        variance: of their mean, over songs and seeds.
        songs: how many.

    Returns:
        between those of the seeds, S - 1, and those of the songs; of the songs alone where S is 1.

    Example:
        >>> round(degrees_of_freedom(np.array([0.1, 0.1, 0.1]), 0.01, 200), 6)  # all of the variance is of the songs
        199.0
    """
    of_songs = max(songs - 1, 1)
    if len(by_seed) < 2 or variance <= 0:
        return float(of_songs)
    seeds = min(float(by_seed.var(ddof=1)) / len(by_seed), variance)
    return variance**2 / (seeds**2 / (len(by_seed) - 1) + (variance - seeds) ** 2 / of_songs)


def simultaneous_intervals(
    deltas: dict[str, Floats], freedom: dict[str, float] | None = None
) -> dict[str, SimultaneousInterval]:
    """Intervals and p-values that hold for all arms at once, and the gain each could have detected.

    Args:
        deltas: for each arm ``[1 + R]``: the estimated difference, then one of each resample.
        freedom: degrees of freedom of each arm's variance; infinite by default.
    """
    spread = {arm: float(drawn[1:].std(ddof=1)) for arm, drawn in deltas.items()}
    varying = [arm for arm in deltas if spread[arm] > 0]
    if not varying:
        return {arm: SimultaneousInterval((float(d[0]), float(d[0])), 1.0, 0.0) for arm, d in deltas.items()}
    largest = np.max([np.abs(deltas[arm][1:] - deltas[arm][0]) / spread[arm] for arm in varying], axis=0)
    critical = float(np.quantile(largest, 0.95))
    intervals: dict[str, SimultaneousInterval] = {}
    for arm, drawn in deltas.items():
        student = t(np.inf if freedom is None else freedom[arm])
        middle, width = float(drawn[0]), float(student.isf(norm.sf(critical))) * spread[arm]
        normal = float(norm.isf(student.sf(abs(middle) / spread[arm]))) if spread[arm] > 0 else 0.0
        intervals[arm] = SimultaneousInterval(
            (middle - width, middle + width),
            float((1 + np.sum(largest >= normal)) / (1 + len(largest))),
            width + POWER_QUANTILE * spread[arm],
        )
    return intervals


def weighted_concordance(prediction: Floats, target: Floats, weights: Floats) -> Floats:
    """CCC (Lin 1989) of each axis under each row of clip weights.

    ρ_c = 2 cov(p, t) / (var p + var t + (mean p - mean t)²), all moments weighted.

    Args:
        prediction: ``[S, N, 2]``.
        target: ``[N, 2]``.
        weights: ``[R, N]``, not negative.

    Returns:
        ``[R, S, 2]``.
    """
    w = weights / weights.sum(axis=1, keepdims=True)

    def mean(values: Floats) -> Floats:
        return np.einsum("rn,snd->rsd", w, values, optimize=True)

    p, t, pp, pt = mean(prediction), mean(target[None]), mean(prediction**2), mean(prediction * target)
    tt = mean(target[None] ** 2)
    bottom = (pp - p**2) + (tt - t**2) + (p - t) ** 2
    return 2 * (pt - p * t) / np.maximum(bottom, 1e-12)


def weighted_accuracy(prediction: Floats, target: Floats, weights: Floats) -> Floats:
    """Share of clips predicted in their label's quadrant: ``[S, N, 2], [N, 2], [R, N] → [R, S]``."""
    right = (quadrant(prediction[..., 0], prediction[..., 1]) == quadrant(*target.T)).astype(float)
    return weights / weights.sum(axis=1, keepdims=True) @ right.T


def choose_measure(labels: Floats) -> Measure:
    """``accuracy`` where labels ``[N, 2]`` have so few values that they are categories, else ``ccc``.

    Example:
        >>> choose_measure(np.array([[0.5, 0.5], [-0.5, 0.5], [0.5, 0.5]]))
        'accuracy'
    """
    return "accuracy" if len(np.unique(labels.round(6), axis=0)) <= MAX_CATEGORIES else "ccc"


def verdict(row: ArmResult, songs: int, seeds: int, folds: int) -> str:
    """One phrase: helps, harms, or undecided, with the approximate number of test songs that a decision would take.

    It goes by the simultaneous interval, where the row has one. The number of songs supposes that the difference is as
    estimated and that its interval narrows with the square root of the songs; part of the interval is of the seeds, so
    it is a rough guide and never less than the songs at hand.
    """
    if row.name == REFERENCE:
        return "the reference"
    if row.name == BASE:
        return "the same clips, half the updates"
    low, high = row.delta_ci_simultaneous or row.delta_ci
    reasons = [f"fewer than {MIN_SEEDS} seeds"] * (seeds < MIN_SEEDS) + ["one fold"] * (folds < 2)
    ending = f" (exploratory: {', '.join(reasons)})" if reasons else ""
    if low > 0:
        return f"helps{ending}"
    if high < 0:
        return f"harms{ending}"
    need = max(songs, songs * ((high - low) / 2 / max(abs(row.delta), 1e-6)) ** 2)
    if need > MAX_SONGS_NEEDED:
        return f"can't tell: so small a difference would need more than {MAX_SONGS_NEEDED:,} test songs{ending}"
    return f"can't tell: would need about {int(np.ceil(need / 10) * 10)} test songs{ending}"


def _mean_concordance(prediction: Floats, target: Floats, weights: ResampleWeights) -> Floats:
    """CCC of valence and arousal, the mean over the seeds drawn: ``[1 + R, 2]``."""
    return np.einsum("rs,rsd->rd", weights.seeds, weighted_concordance(prediction, target, weights.clips))


def _mean_accuracy(prediction: Floats, target: Floats, weights: ResampleWeights) -> Floats:
    return np.einsum("rs,rs->r", weights.seeds, weighted_accuracy(prediction, target, weights.clips))


def _by_seed(prediction: Floats, target: Floats, measure: Measure) -> Floats:
    """The measure of each seed ``[S]``."""
    one = np.ones((1, len(target)))
    if measure == "accuracy":
        return weighted_accuracy(prediction, target, one)[0]
    return weighted_concordance(prediction, target, one)[0].mean(axis=1)


def _by_genre(
    pair: tuple[Floats, Floats],
    target: Floats,
    songs: NDArray[np.str_],
    genres: NDArray[np.str_],
    seed: int,
    measure: Measure,
) -> tuple[GenreResult, ...]:
    """An arm's predictions and the reference's, genre by genre, with a quarter of the resamples."""
    rows: list[GenreResult] = []
    for genre in sorted(set(genres.tolist()) - {""}):
        chosen = np.flatnonzero(genres == genre)
        count = np.unique(songs[chosen]).size
        if count < MIN_GENRE_SONGS:
            continue
        weights = ResampleWeights.draw(songs[chosen], len(pair[0]), np.random.default_rng(seed), RESAMPLES // 4)
        ccc, ccc_reference = (_mean_concordance(p[:, chosen], target[chosen], weights).mean(axis=1) for p in pair)
        delta, accuracy = ccc - ccc_reference, None
        if measure == "accuracy":
            accuracy, accuracy_reference = (_mean_accuracy(p[:, chosen], target[chosen], weights) for p in pair)
            delta = accuracy - accuracy_reference
        rows.append(
            GenreResult(
                genre=genre,
                n=len(chosen),
                songs=count,
                ccc=float(ccc[0]),
                ci=_interval(ccc[1:]),
                accuracy=None if accuracy is None else float(accuracy[0]),
                accuracy_ci=None if accuracy is None else _interval(accuracy[1:]),
                delta=float(delta[0]),
                delta_ci=_interval(delta[1:]),
            )
        )
    return tuple(rows)


def _interval(values: Floats) -> Interval:
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
