"""Arms compared: CCC of each, difference from the reference, two-level bootstrap, and a plain verdict.

An interval draws songs and seeds again, with replacement, the same draws for both arms of a difference (two-level
paired bootstrap; Owen 2007 calls it the pigeonhole bootstrap and shows that it errs to the wide side): what makes a
song hard for both cancels. Of n songs or seeds n − 1 are drawn (Rao & Wu 1988), without which the variance of three
seeds would come out a third too small. CCC is the mean of valence's and arousal's; where labels are quadrants the
measure is the share of clips read in the right one.

Many arms, one study: ``delta_ci_simultaneous`` holds for all arms at once (single-step max-t: the 95 % quantile, over
resamples, of the largest standardised deviation of any arm), ``p`` is the p-value adjusted likewise, and the verdict
goes by these; ``delta_ci`` is each arm's own. A standard error of three seeds is itself a guess, so that quantile is
taken on Student's t in the place of the normal, with Satterthwaite's degrees of freedom: those of the seeds and of the
songs, each by its part in the variance. False alarms and power of the verdict are measured in ``bench/power.py``.

Not for arms tested on different songs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from affetti.emotion import quadrant

Measure = Literal["ccc", "accuracy"]
Floats = NDArray[np.float64]

REFERENCE = "real-longer"
"""The arm that the others are compared with: real clips alone, as many updates."""
BASE = "real"
"""The same clips, half the updates."""
RESAMPLES = 2_000
MAX_SONGS_NEEDED = 5_000
"""Beyond so many songs the number needed is not worth naming."""
MIN_SEEDS = 5
"""Seeds from which a verdict is more than exploratory."""
MIN_GENRE_SONGS = 3
"""Songs of a genre below which it is left out."""
POWER_QUANTILE = 0.8416
"""Normal quantile of a power of 80 %."""


@dataclass(frozen=True)
class ResampleWeights:
    """Weights of clips and of seeds, a row for the sample itself and one a resample."""

    clips: Floats
    """``[1 + R, N]``."""
    seeds: Floats
    """``[1 + R, S]``."""

    @classmethod
    def of(
        cls, songs: NDArray[np.str_], seeds: int, rng: np.random.Generator, resamples: int = RESAMPLES
    ) -> ResampleWeights:
        """Draw songs and seeds."""
        names, member = np.unique(songs, return_inverse=True)
        drawn = _draw(len(names), resamples, rng)[:, member]
        return cls(
            np.vstack([np.ones(len(songs)), drawn]).astype(float),
            np.vstack([np.full(seeds, 1 / seeds), _draw(seeds, resamples, rng) / max(1, seeds - 1)]),
        )


def _draw(n: int, resamples: int, rng: np.random.Generator) -> Floats:
    """How often each of ``n`` comes up in n − 1 draws ``[R, n]``; a single one comes up once."""
    return rng.multinomial(max(1, n - 1), np.full(n, 1 / n), resamples).astype(float)


def compare_arms(
    predictions: dict[str, Floats],
    target: Floats,
    songs: NDArray[np.str_],
    reference: str,
    seed: int,
    genres: NDArray[np.str_] | None = None,
    measure: Measure = "ccc",
) -> list[dict[str, Any]]:
    """Each arm's CCC and its difference from the reference arm, with two-level bootstrap intervals.

    Args:
        predictions: for each arm ``[S, N, 2]``: seeds, test clips, (valence, arousal).
        target: ``[N, 2]``.
        songs: song of each test clip.
        reference: the arm that ``delta`` is taken against; ``delta_real`` is against ``real`` where it is among them.
        seed: of the resampling.
        genres: genre of each test clip; empty text is left out.
        measure: what differences are of; with ``accuracy`` rows hold ``accuracy`` and ``accuracy_ci`` too.
    """
    draws = ResampleWeights.of(songs, len(predictions[reference]), np.random.default_rng(seed))
    means = {arm: _means(p, target, draws) for arm, p in predictions.items()}
    values = {arm: drawn.mean(axis=1) for arm, drawn in means.items()}
    if measure == "accuracy":
        values = {arm: _accuracy(p, target, draws) for arm, p in predictions.items()}
    deltas = {arm: value - values[reference] for arm, value in values.items()}
    family = [arm for arm in predictions if arm not in (reference, BASE)]
    own = {arm: _by_seed(p, target, measure) for arm, p in predictions.items()}
    freedom = {
        arm: degrees_of_freedom(own[arm] - own[reference], float(deltas[arm][1:].var(ddof=1)), np.unique(songs).size)
        for arm in family
    }
    together = simultaneous_intervals({arm: deltas[arm] for arm in family}, freedom)
    base = BASE if BASE in values else reference
    table: list[dict[str, Any]] = []
    for arm, drawn in means.items():
        total, delta, even = drawn.mean(axis=1), deltas[arm], values[arm] - values[base]
        row: dict[str, Any] = {
            "name": arm,
            "ccc_valence": float(drawn[0, 0]),
            "ccc_arousal": float(drawn[0, 1]),
            "ccc": float(total[0]),
            "ci": _interval(total[1:]),
        }
        if measure == "accuracy":
            row |= {"accuracy": float(values[arm][0]), "accuracy_ci": _interval(values[arm][1:])}
        row |= {
            "delta": float(delta[0]),
            "delta_ci": _interval(delta[1:]),
            **together.get(arm, {}),
            "delta_real": float(even[0]),
            "delta_real_ci": _interval(even[1:]),
            "probability_of_harm": float(np.mean(delta[1:] < 0)) if arm != reference else None,
            "by_genre": []
            if genres is None
            else _by_genre(predictions[arm], predictions[reference], target, songs, genres, seed, measure),
        }
        table.append(row)
    return table


def degrees_of_freedom(by_seed: Floats, variance: float, songs: int) -> float:
    """Satterthwaite's degrees of freedom of a variance that is of seeds and of songs.

    Args:
        by_seed: the difference of each seed ``[S]``.
        variance: of their mean, over songs and seeds.
        songs: how many.

    Returns:
        between those of the seeds, S − 1, and those of the songs; of the songs alone where S is 1.
    """
    of_songs = max(songs - 1, 1)
    if len(by_seed) < 2 or variance <= 0:
        return float(of_songs)
    seeds = min(float(by_seed.var(ddof=1)) / len(by_seed), variance)
    return variance**2 / (seeds**2 / (len(by_seed) - 1) + (variance - seeds) ** 2 / of_songs)


def simultaneous_intervals(
    deltas: dict[str, Floats], freedom: dict[str, float] | None = None
) -> dict[str, dict[str, Any]]:
    """Intervals and p-values that hold for all arms at once, and the gain each could have detected.

    Args:
        deltas: for each arm ``[1 + R]``: the difference found, then one of each resample.
        freedom: degrees of freedom of each arm's variance; endless by default.

    Returns:
        for each arm ``delta_ci_simultaneous``, ``p`` (adjusted, two-sided, of no difference) and ``detectable`` (the
        difference that such a study would find four times of five).
    """
    spread = {arm: float(drawn[1:].std(ddof=1)) for arm, drawn in deltas.items()}
    able = [arm for arm in deltas if spread[arm] > 0]
    if not able:
        return {
            arm: {"delta_ci_simultaneous": [float(d[0])] * 2, "p": 1.0, "detectable": 0.0} for arm, d in deltas.items()
        }
    largest = np.max([np.abs(deltas[arm][1:] - deltas[arm][0]) / spread[arm] for arm in able], axis=0)
    critical = float(np.quantile(largest, 0.95))
    found: dict[str, dict[str, Any]] = {}
    for arm, drawn in deltas.items():
        law = t(np.inf if freedom is None else freedom[arm])
        middle, width = float(drawn[0]), float(law.isf(norm.sf(critical))) * spread[arm]
        normal = float(norm.isf(law.sf(abs(middle) / spread[arm]))) if spread[arm] > 0 else 0.0
        found[arm] = {
            "delta_ci_simultaneous": [middle - width, middle + width],
            "p": float((1 + np.sum(largest >= normal)) / (1 + len(largest))),
            "detectable": width + POWER_QUANTILE * spread[arm],
        }
    return found


def weighted_concordance(prediction: Floats, target: Floats, weights: Floats) -> Floats:
    """CCC under each row of clip weights: ``[S, N, 2], [N, 2], [R, N] → [R, S, 2]``."""
    w = weights / weights.sum(axis=1, keepdims=True)

    def mean(values: Floats) -> Floats:
        return np.einsum("rn,snd->rsd", w, values, optimize=True)

    p, t, pp, pt = mean(prediction), mean(target[None]), mean(prediction**2), mean(prediction * target)
    tt = mean(target[None] ** 2)
    bottom = (pp - p**2) + (tt - t**2) + (p - t) ** 2
    return 2 * (pt - p * t) / np.maximum(bottom, 1e-12)


def weighted_accuracy(prediction: Floats, target: Floats, weights: Floats) -> Floats:
    """Share of clips read in their label's quadrant: ``[S, N, 2], [N, 2], [R, N] → [R, S]``."""
    right = (quadrant(prediction[..., 0], prediction[..., 1]) == quadrant(*target.T)).astype(float)
    return weights / weights.sum(axis=1, keepdims=True) @ right.T


def choose_measure(labels: Floats, most: int = 8) -> Measure:
    """``accuracy`` where labels ``[N, 2]`` are of so few values that they are categories, else ``ccc``."""
    return "accuracy" if len(np.unique(labels.round(6), axis=0)) <= most else "ccc"


def verdict(row: dict[str, Any], songs: int, seeds: int, folds: int) -> str:
    """One plain phrase: helps, harms, or can't tell and about how many test songs it would take.

    It goes by the interval that holds for all arms at once, where the row has one. The number supposes that the
    difference is as seen and that its interval narrows with the square root of the songs; part of the interval is of
    the seeds, so it is a rough guide and never less than the songs at hand.
    """
    if row["name"] == REFERENCE:
        return "the reference"
    if row["name"] == BASE:
        return "the same clips, half the updates"
    low, high = row.get("delta_ci_simultaneous", row["delta_ci"])
    reasons = [f"fewer than {MIN_SEEDS} seeds"] * (seeds < MIN_SEEDS) + ["one fold"] * (folds < 2)
    ending = f" (exploratory: {', '.join(reasons)})" if reasons else ""
    if low > 0:
        return f"helps{ending}"
    if high < 0:
        return f"harms{ending}"
    need = max(songs, songs * ((high - low) / 2 / max(abs(row["delta"]), 1e-6)) ** 2)
    if need > MAX_SONGS_NEEDED:
        return f"can't tell: so small a difference would need more than {MAX_SONGS_NEEDED:,} test songs{ending}"
    return f"can't tell: would need about {int(np.ceil(need / 10) * 10)} test songs{ending}"


def _means(prediction: Floats, target: Floats, draws: ResampleWeights) -> Floats:
    """CCC of valence and arousal, the mean over the seeds drawn: ``[1 + R, 2]``."""
    return np.einsum("rs,rsd->rd", draws.seeds, weighted_concordance(prediction, target, draws.clips))


def _accuracy(prediction: Floats, target: Floats, draws: ResampleWeights) -> Floats:
    return np.einsum("rs,rs->r", draws.seeds, weighted_accuracy(prediction, target, draws.clips))


def _by_seed(prediction: Floats, target: Floats, measure: Measure) -> Floats:
    """The measure of each seed ``[S]``."""
    one = np.ones((1, len(target)))
    if measure == "accuracy":
        return weighted_accuracy(prediction, target, one)[0]
    return weighted_concordance(prediction, target, one)[0].mean(axis=1)


def _by_genre(
    prediction: Floats,
    against: Floats,
    target: Floats,
    songs: NDArray[np.str_],
    genres: NDArray[np.str_],
    seed: int,
    measure: Measure,
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for genre in sorted(set(genres.tolist()) - {""}):
        rows = np.flatnonzero(genres == genre)
        count = np.unique(songs[rows]).size
        if count < MIN_GENRE_SONGS:
            continue
        draws = ResampleWeights.of(songs[rows], len(prediction), np.random.default_rng(seed), RESAMPLES // 4)
        ccc = _means(prediction[:, rows], target[rows], draws).mean(axis=1)
        delta = ccc - _means(against[:, rows], target[rows], draws).mean(axis=1)
        told: dict[str, Any] = {"genre": genre, "n": len(rows), "songs": count, "ccc": float(ccc[0])}
        told["ci"] = _interval(ccc[1:])
        if measure == "accuracy":
            right, before = (_accuracy(p[:, rows], target[rows], draws) for p in (prediction, against))
            told |= {"accuracy": float(right[0]), "accuracy_ci": _interval(right[1:])}
            delta = right - before
        found.append(told | {"delta": float(delta[0]), "delta_ci": _interval(delta[1:])})
    return found


def _interval(values: Floats) -> list[float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return [float(low), float(high)]
