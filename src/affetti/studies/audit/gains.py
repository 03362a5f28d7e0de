"""What augmentation studies say of the published claims: gains, efficiency, and the table of methods.

Read off the ``result.json`` of ``affetti compare``; of several studies the first that has an arm speaks for it. Gains
are relative to the reference arm's CCC, as the published +8.8 % is; the interval is that of the difference alone.
Correlations over methods are Spearman's, with the interval of Fieller, Hartley & Pearson (1957): a dozen methods make
it wide.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata

from affetti.storage import read_json
from affetti.studies.arms import BASE, REFERENCE
from affetti.studies.audit.finding import Measurement

GENERATORS = ("gan", "flow", "waveform")
FEW = 5
"""Fewest methods to correlate over."""


def measured(studies: Sequence[Path]) -> list[Measurement]:
    """All that the studies measured of the claims; the first study that has a name speaks."""
    found: dict[str, Measurement] = {}
    for folder in studies:
        for measurement in _of(folder, read_json(folder / "result.json")):
            found.setdefault(measurement.name, measurement)
    return list(found.values())


def _of(folder: Path, result: dict[str, Any]) -> list[Measurement]:
    rows = {row["name"]: row for row in result["arms"]}
    methods: list[dict[str, Any]] = result.get("hierarchy") or []
    songs = int(result["test"]["songs"])
    found: list[Measurement] = []
    if result.get("measure", "ccc") == "ccc":
        base = float(rows[REFERENCE]["ccc"])
        for kind in GENERATORS:
            if kind in rows and base > 0:
                found += _gains(folder, kind, rows[kind], base, songs)
        found += [
            _returns(kind, result, base, songs) for kind in GENERATORS if len(_steps(kind, result)) > 1 and base > 0
        ]
    for row in methods:
        if row["quality"] is not None:
            label = f"Quality Score of {row['name']}"
            found.append(
                Measurement(
                    f"quality_{row['name']}", label, row["quality"], _pair(row["quality_ci"]), row["n"], "clips"
                )
            )
    found += _emotion(methods)
    changed = [row for row in methods if row["name"] != BASE]
    found += [
        _correlation("diversity_with_gain", "rank correlation of diversity and gain", changed, "diversity", "delta"),
        _correlation(
            "quality_with_diversity", "rank correlation of quality and diversity", changed, "quality", "diversity"
        ),
    ]
    return found


def _gains(folder: Path, kind: str, row: dict[str, Any], base: float, songs: int) -> list[Measurement]:
    gain, ci = 100 * row["delta"] / base, [100 * end / base for end in row["delta_ci"]]
    found = [Measurement(f"gain_{kind}", f"gain in CCC by {kind}", gain, _pair(ci), songs, unit="%")]
    runs = sorted((folder / "runs").glob(f"{kind}-f*/result.json"))
    if runs:
        hours = float(np.mean([read_json(run)["seconds"] for run in runs])) / 3600
        if hours > 0:
            label = f"gain in CCC by {kind} for each hour of its training here"
            ends = (ci[0] / hours, ci[1] / hours)
            found.append(Measurement(f"efficiency_{kind}", label, gain / hours, ends, songs, unit="% an hour"))
    return found


def _steps(kind: str, result: dict[str, Any]) -> list[dict[str, Any]]:
    rows = [row for row in result.get("returns") or [] if row["kind"] == kind and row["delta"] is not None]
    return sorted(rows, key=lambda row: row["updates"])


def _returns(kind: str, result: dict[str, Any], base: float, songs: int) -> Measurement:
    """What the longest training gains beyond that a fifth as long, or the nearest to it."""
    rows = _steps(kind, result)
    last = rows[-1]
    first = min(rows[:-1], key=lambda row: abs(math.log(last["updates"] / 5 / row["updates"])))
    label = f"gain in CCC of {kind} trained {last['updates'] / first['updates']:.1f} times longer, in points of %"
    value = 100 * (last["delta"] - first["delta"]) / base
    return Measurement(
        f"returns_{kind}", label, value, None, songs, unit="%", note="no interval: two arms of one study"
    )


def _emotion(methods: list[dict[str, Any]]) -> list[Measurement]:
    """CCC that a reader of held-out songs finds in each method's clips, as a share of that in the real ones."""
    real = next((row for row in methods if row["name"] == BASE), None)
    if real is None or len(real["emotion"]) < 2:
        return []
    whole = float(np.mean([told["ccc"]["value"] for told in real["emotion"].values()]))
    found: list[Measurement] = []
    for row in methods:
        axes = list(row["emotion"].values())
        if row["name"] == BASE or len(axes) < 2 or not whole > 0:
            continue
        value = 100 * float(np.mean([told["ccc"]["value"] for told in axes])) / whole
        ends = [[told["ccc"]["ci"][end] for told in axes if told["ccc"]["ci"]] for end in (0, 1)]
        ci = (
            None if len(ends[0]) < 2 else (100 * float(np.mean(ends[0])) / whole, 100 * float(np.mean(ends[1])) / whole)
        )
        label = f"emotion read off {row['name']}, as a share of real clips'"
        note = "the interval is the mean of the axes' own: wider than that of the mean"
        found.append(Measurement(f"emotion_{row['name']}", label, value, ci, row["n"], "clips", "%", note))
    return found


def _correlation(name: str, label: str, methods: list[dict[str, Any]], x: str, y: str) -> Measurement:
    pairs = [(row[x], row[y]) for row in methods if row[x] is not None and row[y] is not None]
    if len(pairs) < FEW or len({a for a, _ in pairs}) < 2 or len({b for _, b in pairs}) < 2:
        return Measurement.missing(name, label, f"{FEW} methods or more that were measured")
    r = float(np.corrcoef(*(rankdata(side) for side in np.array(pairs).T))[0, 1])  # Spearman's, ties sharing ranks
    if abs(r) > 1 - 1e-12 or len(pairs) < 4:
        return Measurement(name, label, r, None, len(pairs), "methods")
    half = 1.96 * math.sqrt(1.06 / (len(pairs) - 3))
    ends = (math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half))
    return Measurement(name, label, r, ends, len(pairs), "methods")


def _pair(ci: Sequence[float] | None) -> tuple[float, float] | None:
    return None if ci is None else (float(ci[0]), float(ci[1]))
