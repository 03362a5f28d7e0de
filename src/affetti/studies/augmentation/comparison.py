"""Compares the arms of a study: CCC of each, differences, intervals, and a verdict in plain words.

The estimate of an arm is the mean over seeds of its measure on all test clips. The measure is CCC, the mean of
valence's and arousal's; where labels are quadrants it is the share of clips predicted in the right one.

A difference has error of three levels: the test songs, the runs of a generator, and the seeds of regressors within
runs. Its **interval** is made of the variance over songs, that of

    Δ(w*) = mean over seeds s of m(arm, s, w*) - m(reference, s, w*),

``m`` the measure under clip weights ``w*``, how often the song of each clip was drawn, and of the variance over
training units: runs where a generator has several, seeds where it has one or there is none
(:mod:`affetti.studies.augmentation.intervals`). Songs are drawn for both arms alike, so that what makes a song hard for
both cancels; n - 1 of n are drawn (Rao & Wu 1988, JASA), for drawing n gives a variance too small. With one run of a
generator the interval is of this run, and the verdict says so: another run may differ by more.

``delta_ci`` and ``p`` are of one difference alone, right for a contrast that was stated before the study.
``delta_ci_simultaneous`` holds for all differences at once, and verdicts on arms go by it. False alarms and power of
both are measured by ``bench/power.py``. The interval of an arm's own CCC is the percentile interval of resamples of
songs and seeds (Owen 2007, "The pigeonhole bootstrap", Ann. Appl. Stat.).

Not for arms tested on different songs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affetti.emotion import quadrant
from affetti.studies.augmentation.arm_results import ArmResult, ContrastResult, GenreResult, Interval, Measure
from affetti.studies.augmentation.intervals import DifferenceInterval, Levels, one_interval, simultaneous_intervals

Floats = NDArray[np.float64]

REFERENCE = "real"
"""The arm that the others are compared with: the recipe on real clips alone."""
RESAMPLES = 2_000
MAX_SONGS_NEEDED = 5_000
"""Beyond so many songs the number needed is not reported."""
MIN_RUNS = 3
"""Runs of a generator from which a verdict on the method is more than exploratory."""
MIN_SEEDS = 5
"""Seeds from which a verdict is more than exploratory."""
MIN_SONGS = 10
"""Test songs from which a verdict is more than exploratory."""
MIN_GENRE_SONGS = 3
"""Genres of fewer test songs are left out."""
MAX_CATEGORIES = 8
"""Labels of no more different values are taken for categories."""


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
class Comparison:
    """Arms and their contrasts, with intervals that hold for all at once."""

    arms: tuple[ArmResult, ...]
    contrasts: tuple[ContrastResult, ...] = ()


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
    *,
    runs: Mapping[str, Sequence[int]] = MappingProxyType({}),
    contrasts: Sequence[tuple[str, str]] = (),
    resamples: int = RESAMPLES,
) -> Comparison:
    """Each arm's CCC and its difference from the reference arm, and the contrasts of other pairs.

    Args:
        predictions: for each arm ``[S, N, 2]``: seeds, test clips, (valence, arousal).
        target: labels ``[N, 2]``.
        songs: song of each test clip ``[N]``.
        reference: the arm that ``delta`` is taken against.
        seed: of the resampling.
        genres: genre of each test clip; empty text is left out.
        measure: what differences are of; with ``accuracy`` rows hold ``accuracy`` and ``accuracy_ci`` too.
        runs: for arms made by chance, the number of the generator's run of each seed ``[S]``.
        contrasts: other pairs of arms, each less the second.
        resamples: how many.

    Returns:
        a row for each arm, in the order of ``predictions``, and one for each contrast; without verdicts.
    """
    weights = ResampleWeights.draw(songs, len(predictions[reference]), np.random.default_rng(seed), resamples)
    n_songs = np.unique(songs).size
    axes = {arm: _concordance_by_seed(p, target, weights) for arm, p in predictions.items()}
    values = {arm: by_axis.mean(axis=1) for arm, by_axis in axes.items()}
    if measure == "accuracy":
        values = {arm: weighted_accuracy(p, target, weights.clips) for arm, p in predictions.items()}
    pairs = {(arm, reference): None for arm in predictions if arm != reference} | dict.fromkeys(contrasts)
    levels: dict[str, Levels] = {}
    drawn: dict[str, Floats] = {}
    for first, second in pairs:
        difference = values[first] - values[second]
        units = _runs_of_pair(runs.get(first), runs.get(second))
        name = _pair_name(first, second)
        levels[name] = Levels.of(difference, n_songs, units)
        drawn[name] = np.einsum("rs,rs->r", weights.seeds, difference)
    simultaneous = simultaneous_intervals(levels, drawn)
    compared = {
        name: _difference(levels[name], drawn[name], simultaneous[name], len({*(_run_numbers(runs, name) or ())}))
        for name in levels
    }
    rows: list[ArmResult] = []
    for arm in predictions:
        row = _row(arm, axes[arm], values[arm], weights, measure)
        if arm != reference:
            row = replace(row, **compared[_pair_name(arm, reference)])
        if genres is not None:
            pair = predictions[arm], predictions[reference]
            row = replace(row, by_genre=_by_genre(pair, target, songs, genres, seed, measure))
        rows.append(row)
    made = [ContrastResult(arm=a, reference=b, **compared[_pair_name(a, b)]) for a, b in dict.fromkeys(contrasts)]
    return Comparison(tuple(rows), tuple(made))


def _pair_name(first: str, second: str) -> str:
    return f"{first} less {second}"


def _run_numbers(runs: Mapping[str, Sequence[int]], name: str) -> Sequence[int] | None:
    first, _, second = name.partition(" less ")
    return _runs_of_pair(runs.get(first), runs.get(second))


def _runs_of_pair(first: Sequence[int] | None, second: Sequence[int] | None) -> Sequence[int] | None:
    """The runs of the training units of a difference: of either arm, which number them alike."""
    return first if first is not None else second


def _difference(levels: Levels, drawn: Floats, simultaneous: DifferenceInterval, runs: int) -> dict[str, Any]:
    """The fields of a difference that arms and contrasts share."""
    alone = one_interval(levels)
    return {
        "delta": levels.value,
        "delta_ci": alone.ci,
        "p_alone": alone.p,
        "delta_ci_simultaneous": simultaneous.ci,
        "p": simultaneous.p,
        "detectable": simultaneous.detectable,
        "songs_needed": simultaneous.songs_needed,
        "songs_needed_alone": alone.songs_needed,
        "share_below_zero": float(np.mean(drawn[1:] < 0)),
        "generator_runs": runs or None,
    }


def _row(name: str, axes: Floats, values: Floats, weights: ResampleWeights, measure: Measure) -> ArmResult:
    """An arm's own row, from CCC on each axis ``[1 + R, 2, S]`` and the measure ``[1 + R, S]`` under each resample."""
    of_axes = np.einsum("rs,rds->rd", weights.seeds, axes)
    total, value = of_axes.mean(axis=1), np.einsum("rs,rs->r", weights.seeds, values)
    accuracy = measure == "accuracy"
    return ArmResult(
        name=name,
        ccc_valence=float(of_axes[0, 0]),
        ccc_arousal=float(of_axes[0, 1]),
        ccc=float(total[0]),
        ci=_interval(total[1:]),
        accuracy=float(value[0]) if accuracy else None,
        accuracy_ci=_interval(value[1:]) if accuracy else None,
        delta=0.0,
        delta_ci=(0.0, 0.0),
    )


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


def verdict(row: ArmResult | ContrastResult, songs: int, seeds: int | None, folds: int) -> str:
    """One plain phrase: helps, harms, or can't tell and about how many test songs it would take.

    It goes by the simultaneous interval, where the row has one. The number of songs is that at which a difference as
    estimated would be found with a probability of 80 %, seeds and runs as they are; never less than the songs at hand.

    Args:
        row: the arm or contrast.
        songs: test songs.
        seeds: regressors an arm; None: they are fitted without chance.
        folds: how many were tested.
    """
    if isinstance(row, ArmResult) and row.name == REFERENCE:
        return "the reference"
    low, high = row.delta_ci_simultaneous or row.delta_ci
    runs = row.generator_runs
    few_seeds = seeds is not None and seeds < MIN_SEEDS
    reasons = [f"fewer than {MIN_SONGS} test songs"] * (songs < MIN_SONGS)
    reasons += [f"fewer than {MIN_SEEDS} seeds"] * few_seeds + ["one fold"] * (folds < 2)
    if runs is not None and 1 < runs < MIN_RUNS:
        reasons.append(f"fewer than {MIN_RUNS} generator runs")
    ending = f" (exploratory: {', '.join(reasons)})" if reasons else ""
    subject = "this run " if runs == 1 else ""
    if low > 0:
        return f"{subject}helps{ending}"
    if high < 0:
        return f"{subject}harms{ending}"
    return f"can't tell{' of this run' if runs == 1 else ''}: {needed_phrase(row.songs_needed, songs)}{ending}"


def needed_phrase(needed: int | None, songs: int) -> str:
    """How many test songs it would take.

    Args:
        needed: the number, as :func:`affetti.studies.augmentation.intervals.songs_needed` gives it.
        songs: those at hand.
    """
    if needed is None:
        return "so small a difference would need more seeds or generator runs, whatever the test songs"
    so_small = "so small a difference " if needed > MAX_SONGS_NEEDED else ""
    return f"{so_small}would need {needed_number(needed, songs)} test songs"


def needed_number(needed: int, songs: int) -> str:
    """The number of test songs in words, of which ``songs`` are at hand."""
    if needed > MAX_SONGS_NEEDED:
        return f"more than {MAX_SONGS_NEEDED:,}"
    return f"about {int(np.ceil(max(needed, songs) / 10) * 10)}"


def _concordance_by_seed(prediction: Floats, target: Floats, weights: ResampleWeights) -> Floats:
    """CCC of valence and arousal of each seed: ``[1 + R, 2, S]``."""
    return weighted_concordance(prediction, target, weights.clips).transpose(0, 2, 1)


def _mean_concordance(prediction: Floats, target: Floats, weights: ResampleWeights) -> Floats:
    """CCC of valence and arousal, the mean over the seeds drawn: ``[1 + R, 2]``."""
    return np.einsum("rs,rsd->rd", weights.seeds, weighted_concordance(prediction, target, weights.clips))


def _mean_accuracy(prediction: Floats, target: Floats, weights: ResampleWeights) -> Floats:
    return np.einsum("rs,rs->r", weights.seeds, weighted_accuracy(prediction, target, weights.clips))


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
