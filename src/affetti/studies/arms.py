"""Arms compared: CCC of each, difference from the reference, two-level bootstrap, and a plain verdict.

An interval draws songs and seeds again, with replacement, the same draws for both arms of a difference (two-level
paired bootstrap): what makes a song hard for both cancels. CCC is the mean of valence's and arousal's. Not for arms
tested on different songs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

REFERENCE = "real-longer"
"""The arm that the others are compared with: real clips alone, as many updates."""
RESAMPLES = 2_000
MOST_SONGS = 5_000
"""Beyond so many songs the number needed is not worth naming."""
SURE = 5
"""Seeds from which a verdict is more than exploratory."""


def compare_arms(
    predictions: dict[str, NDArray[np.float64]],
    target: NDArray[np.float64],
    songs: NDArray[np.str_],
    reference: str,
    seed: int,
    genres: NDArray[np.str_] | None = None,
) -> list[dict[str, Any]]:
    """CCC of every arm and its difference from the reference arm, with two-level bootstrap intervals.

    Args:
        predictions: for each arm ``[S, N, 2]``: seeds, test clips, (valence, arousal).
        target: ``[N, 2]``.
        songs: song of each test clip.
        reference: the arm that ``delta`` is taken against; ``delta_real`` is against ``real`` where it is among them.
        seed: of the resampling.
        genres: genre of each test clip; empty text is left out.
    """
    rng = np.random.default_rng(seed)
    names, member = np.unique(songs, return_inverse=True)
    draws = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), RESAMPLES)
    weights = np.vstack([np.ones(len(songs)), draws[:, member]]).astype(float)  # row 0: the sample itself
    count = len(predictions[reference])
    seeds = np.vstack([np.full(count, 1 / count), rng.multinomial(count, np.full(count, 1 / count), RESAMPLES) / count])
    means = {
        arm: np.einsum("rs,rsd->rd", seeds, weighted_concordance(p, target, weights)) for arm, p in predictions.items()
    }
    table: list[dict[str, Any]] = []
    for arm, drawn in means.items():
        total = drawn.mean(axis=1)
        delta = total - means[reference].mean(axis=1)
        even = total - means["real" if "real" in means else reference].mean(axis=1)
        table.append(
            {
                "name": arm,
                "ccc_valence": float(drawn[0, 0]),
                "ccc_arousal": float(drawn[0, 1]),
                "ccc": float(total[0]),
                "ci": _interval(total[1:]),
                "delta": float(delta[0]),
                "delta_ci": _interval(delta[1:]),
                "delta_real": float(even[0]),
                "delta_real_ci": _interval(even[1:]),
                "probability_of_harm": float(np.mean(delta[1:] < 0)) if arm != reference else None,
                "by_genre": [] if genres is None else _by_genre(predictions[arm], target, songs, genres, seed),
            }
        )
    return table


def weighted_concordance(
    prediction: NDArray[np.float64], target: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """CCC under each row of clip weights: ``[S, N, 2], [N, 2], [R, N] → [R, S, 2]``."""
    w = weights / weights.sum(axis=1, keepdims=True)

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.einsum("rn,snd->rsd", w, values, optimize=True)

    p, t, pp, pt = mean(prediction), mean(target[None]), mean(prediction**2), mean(prediction * target)
    tt = mean(target[None] ** 2)
    bottom = (pp - p**2) + (tt - t**2) + (p - t) ** 2
    return 2 * (pt - p * t) / np.maximum(bottom, 1e-12)


def verdict(row: dict[str, Any], songs: int, seeds: int, folds: int) -> str:
    """One plain phrase: helps, harms, or can't tell and about how many test songs it would take.

    The number supposes that the difference is as seen and that its interval narrows with the square root of the
    songs; part of the interval is of the seeds, so it is a rough guide and never less than the songs at hand.
    """
    if row["name"] == REFERENCE:
        return "the reference"
    if row["name"] == "real":
        return "the same clips, half the updates"
    low, high = row["delta_ci"]
    reasons = [f"fewer than {SURE} seeds"] * (seeds < SURE) + ["one fold"] * (folds < 2)
    ending = f" (exploratory: {', '.join(reasons)})" if reasons else ""
    if low > 0:
        return f"helps{ending}"
    if high < 0:
        return f"harms{ending}"
    need = max(songs, songs * ((high - low) / 2 / max(abs(row["delta"]), 1e-6)) ** 2)
    if need > MOST_SONGS:
        return f"can't tell: so small a difference would need more than {MOST_SONGS:,} test songs{ending}"
    return f"can't tell: would need about {int(np.ceil(need / 10) * 10)} test songs{ending}"


def _by_genre(
    prediction: NDArray[np.float64],
    target: NDArray[np.float64],
    songs: NDArray[np.str_],
    genres: NDArray[np.str_],
    seed: int,
) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    found: list[dict[str, Any]] = []
    for genre in sorted(set(genres.tolist()) - {""}):
        rows = np.flatnonzero(genres == genre)
        names, member = np.unique(songs[rows], return_inverse=True)
        if len(names) < 3:
            continue
        draws = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), RESAMPLES // 2)
        weights = np.vstack([np.ones(len(rows)), draws[:, member]]).astype(float)
        ccc = weighted_concordance(prediction[:, rows], target[rows], weights).mean(axis=(1, 2))
        found.append(
            {"genre": genre, "n": len(rows), "songs": len(names), "ccc": float(ccc[0]), "ci": _interval(ccc[1:])}
        )
    return found


def _interval(values: NDArray[np.float64]) -> list[float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return [float(low), float(high)]
