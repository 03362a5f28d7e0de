"""What augmentation studies say of the published claims: gains, efficiency, and the table of methods.

Taken from the ``result.json`` of ``affetti compare``; of several studies the first that has an arm counts. Gains
are relative to the reference arm's CCC, as the published +8.8 % is; the interval is that of the difference alone.
Emotion is a ratio of two CCCs, and its interval holds the errors of both. Correlations over methods are Spearman's,
with the interval of Fieller, Hartley & Pearson (1957): a dozen methods make it wide. Information is that of methods
that change a clip; a generated one has no original.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata, ttest_ind

from affetti.metrics.ratio import Interval, ratio_interval
from affetti.storage import read_json
from affetti.studies.audit.answer import Measurement
from affetti.studies.augmentation.arms import nearest_fifth
from affetti.studies.augmentation.comparison import REFERENCE
from affetti.studies.augmentation.results import StudyResult
from affetti.training.registry import GENERATORS

MIN_METHODS = 5
"""Fewest methods to correlate over."""
HIGH_QUALITY = 80
"""The Quality Score above which the study expects diversity to fall."""
RATIO_NOTE = (
    "the interval holds the errors of both CCCs as if these were independent: too wide where both share songs; each is "
    "the mean of its axes' own, wider than that of the mean"
)


def study_measurements(studies: Sequence[Path]) -> list[Measurement]:
    """All that the studies measured of the claims; for each name, the first study that has it."""
    by_name: dict[str, Measurement] = {}
    for folder in studies:
        for measurement in _study(folder, StudyResult.open(folder).to_dict()):
            by_name.setdefault(measurement.name, measurement)
    return list(by_name.values())


def _study(folder: Path, result: dict[str, Any]) -> list[Measurement]:
    rows = {row["name"]: row for row in result["arms"]}
    methods: list[dict[str, Any]] = result.get("hierarchy") or []
    songs = int(result["test"]["songs"])
    measurements: list[Measurement] = []
    if result.get("measure", "ccc") == "ccc":
        base = float(rows[result["reference"]]["ccc"])
        for kind in GENERATORS:
            if kind in rows and base > 0:
                measurements += _gains(folder, kind, rows[kind], base, songs)
        measurements += [
            _longer_training(kind, result, base, songs)
            for kind in GENERATORS
            if len({row["updates"] for row in _steps(kind, result)}) > 1 and base > 0
        ]
    for row in methods:
        if row["quality"] is not None:
            label = f"Quality Score of {row['name']}"
            measurements.append(
                Measurement(
                    f"quality_{row['name']}", label, row["quality"], _interval(row["quality_ci"]), row["n"], "clips"
                )
            )
    measurements += _information(methods)
    measurements += _emotion(methods)
    changed = [row for row in methods if row["name"] != REFERENCE]
    measurements += [
        _correlation("diversity_with_gain", "rank correlation of diversity and gain", changed, "diversity", "delta"),
        _correlation(
            "quality_with_diversity", "rank correlation of quality and diversity", changed, "quality", "diversity"
        ),
        _diversity_above([*methods, *(result.get("tradeoff") or []), *(result.get("training_steps") or [])]),
    ]
    return measurements


def _gains(folder: Path, kind: str, row: dict[str, Any], base: float, songs: int) -> list[Measurement]:
    gain, ci = 100 * row["delta"] / base, [100 * end / base for end in row["delta_ci"]]
    measurements = [Measurement(f"gain_{kind}", f"gain in CCC by {kind}", gain, _interval(ci), songs, unit="%")]
    runs = sorted((folder / "runs").glob(f"{kind}-f*/result.json"))
    if runs:
        hours = float(np.mean([read_json(run)["seconds"] for run in runs])) / 3600
        if hours > 0:
            label = f"gain in CCC by {kind} for each hour of its training here"
            ends = (ci[0] / hours, ci[1] / hours)
            measurements.append(Measurement(f"efficiency_{kind}", label, gain / hours, ends, songs, unit="% an hour"))
    return measurements


def _steps(kind: str, result: dict[str, Any]) -> list[dict[str, Any]]:
    rows = [row for row in result.get("training_steps") or [] if row["kind"] == kind and row["delta"] is not None]
    return sorted(rows, key=lambda row: row["updates"])


def _longer_training(kind: str, result: dict[str, Any], base: float, songs: int) -> Measurement:
    """What the longest training gains beyond that a fifth as long, or the nearest to it."""
    rows = {row["updates"]: row for row in _steps(kind, result)}
    last, first = rows[max(rows)], rows[nearest_fifth([*rows])]
    label = f"gain in CCC of {kind} trained {last['updates'] / first['updates']:.1f} times longer, in points of %"
    pair = last["name"], first["name"]
    for row in result.get("contrasts") or []:
        if (row["arm"], row["reference"]) == pair:
            ends = (100 * row["delta_ci"][0] / base, 100 * row["delta_ci"][1] / base)
            return Measurement(f"returns_{kind}", label, 100 * row["delta"] / base, ends, songs, unit="%")
    value = 100 * (last["delta"] - first["delta"]) / base
    note = f"no interval: the study has no contrast of {pair[0]} and {pair[1]}"
    return Measurement(f"returns_{kind}", label, value, None, songs, unit="%", note=note)


def _information(methods: list[dict[str, Any]]) -> list[Measurement]:
    """How much of a clip's mel statistics follows from those of the changed clip, for methods that change one."""
    return [
        Measurement(
            f"information_{row['name']}",
            f"r² of mel statistics before and after {row['name']}",
            row["information"],
            _interval(row.get("information_ci")),
            row["n"],
            "clips",
            "%",
        )
        for row in methods
        if row["name"] != REFERENCE and row.get("information") is not None
    ]


def _diversity_above(rows: list[dict[str, Any]]) -> Measurement:
    """Mean diversity of generated sets of a quality above 80, less that of the others, by Welch's t."""
    name = "diversity_above_80"
    label = f"diversity of generated sets with quality above {HIGH_QUALITY}, less that of the others"
    sets = {row["name"]: row for row in rows if row["name"].partition(":")[0] in GENERATORS}
    known = [row for row in sets.values() if row["quality"] is not None and row["diversity"] is not None]
    above = np.array([row["diversity"] for row in known if row["quality"] > HIGH_QUALITY])
    below = np.array([row["diversity"] for row in known if row["quality"] <= HIGH_QUALITY])
    if min(len(above), len(below)) < 2:
        needs = f"two generated sets or more on either side of quality {HIGH_QUALITY}"
        return Measurement.missing(name, f"{label}, here {len(above)} and {len(below)} sets", needs)
    difference = float(above.mean() - below.mean())
    if not above.var() + below.var() > 0:
        return Measurement(name, label, difference, None, len(known), "sets", note="no interval: sets that do not vary")
    low, high = ttest_ind(above, below, equal_var=False).confidence_interval(0.95)
    return Measurement(name, label, difference, (float(low), float(high)), len(known), "sets")


def _emotion(methods: list[dict[str, Any]]) -> list[Measurement]:
    """CCC that a regressor of held-out songs reaches on each method's clips, as a share of that in the real ones."""
    real = next((row for row in methods if row["name"] == REFERENCE), None)
    if real is None or len(real["emotion"]) < 2:
        return []
    whole, of_whole = _mean_ccc(real)
    measurements: list[Measurement] = []
    for row in methods:
        if row["name"] == REFERENCE or len(row["emotion"]) < 2 or not whole > 0:
            continue
        mean, of_mean = _mean_ccc(row)
        ci = None if of_mean is None or of_whole is None else _percent_of(mean, of_mean, whole, of_whole)
        label = f"emotion predicted from {row['name']}, as a share of real clips'"
        name = f"emotion_{row['name']}"
        measurements.append(
            Measurement(name, label, 100 * mean / whole, ci, row["n"], "clips", "%", RATIO_NOTE if ci else "")
        )
    return measurements


def _mean_ccc(row: dict[str, Any]) -> tuple[float, tuple[float, float] | None]:
    """Mean CCC over the axes, and the mean of their intervals: wider than that of the mean."""
    axes = [axis["ccc"] for axis in row["emotion"].values()]
    low, high = ([axis["ci"][end] for axis in axes if axis["ci"]] for end in (0, 1))
    ends = (float(np.mean(low)), float(np.mean(high))) if len(low) == len(axes) else None
    return float(np.mean([axis["value"] for axis in axes])), ends


def _percent_of(above: float, of_above: Interval, below: float, of_below: Interval) -> Interval | None:
    """The interval of ``above / below``, %; None where the denominator may be 0."""
    ends = ratio_interval(above, of_above, below, of_below)
    return None if ends is None else (100 * ends[0], 100 * ends[1])


def _correlation(name: str, label: str, methods: list[dict[str, Any]], x: str, y: str) -> Measurement:
    pairs = [(row[x], row[y]) for row in methods if row[x] is not None and row[y] is not None]
    if len(pairs) < MIN_METHODS or len({a for a, _ in pairs}) < 2 or len({b for _, b in pairs}) < 2:
        return Measurement.missing(name, label, f"{MIN_METHODS} methods or more that were measured")
    r = float(np.corrcoef(*(rankdata(side) for side in np.array(pairs).T))[0, 1])  # Spearman's, ties sharing ranks
    if abs(r) > 1 - 1e-12 or len(pairs) < 4:
        return Measurement(name, label, r, None, len(pairs), "methods")
    half = 1.96 * math.sqrt(1.06 / (len(pairs) - 3))
    ends = (math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half))
    return Measurement(name, label, r, ends, len(pairs), "methods")


def _interval(ci: Sequence[float] | None) -> tuple[float, float] | None:
    return None if ci is None else (float(ci[0]), float(ci[1]))
