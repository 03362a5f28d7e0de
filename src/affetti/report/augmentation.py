"""The section on the augmentation study: arms, methods, learning curve, sampling, training time, published protocol.

Figures are drawn from the study's ``result.json`` alone. What a study did not ask for has no figure; a study of an
older affetti lacks some keys, and shows what it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from affetti.report import figures
from affetti.report.drawing import legend_line
from affetti.report.figures import Line, panels
from affetti.report.sources import Study
from affetti.report.wording import estimate

LINES = 6
"""Arms drawn in the learning curve, at most."""
CALLED = {"ccc": "CCC", "accuracy": "share of clips read in the right quadrant"}


def section(study: Study) -> dict[str, Any]:
    """What the template ``arms.html`` needs of one study."""
    result = study.result
    measure = str(result.get("measure", "ccc"))
    interval = "ci" if measure == "ccc" else "accuracy_ci"
    rows = result["arms"]
    bars = [_bar(row["name"], row[measure], row[interval], _colour(row, result), row, result) for row in rows]
    changes = [_bar(row["name"], row["delta"], both(row), _colour(row, result), row, result) for row in rows]
    return {
        "name": study.path.name,
        "result": result,
        "measure": measure,
        "called": CALLED[measure],
        "ccc": figures.forest(bars, f"{CALLED[measure]} on real songs never heard"),
        "delta": figures.forest(changes, f"difference from {result['reference']}", zero=True),
        "genres": any(row["by_genre"] for row in result["arms"]),
        "methods": result.get("hierarchy") or [],
        "curve": _curve(result),
        "tradeoffs": _tradeoffs(result),
        "returns": _returns(result),
        "published": _published(result),
        "notes": result.get("notes") or [],
        "left_out": [row["name"] for row in result.get("left_out") or []],
        "best": [row for row in result.get("best") or [] if row["arm"]],
        "detectable": result.get("detectable"),
    }


def _bar(
    name: str, value: float, interval: Sequence[float], colour: int, row: dict[str, Any], result: dict[str, Any]
) -> figures.Bar:
    low, high = interval
    return figures.Bar(name, value, low, high, colour, row["name"] == result["reference"])


def both(row: dict[str, Any]) -> tuple[float, float]:
    """The interval that holds for all arms at once, where the study has it."""
    low, high = row.get("delta_ci_simultaneous") or row["delta_ci"]
    return float(low), float(high)


def _colour(row: dict[str, Any], result: dict[str, Any]) -> int:
    made = [entry["name"] for entry in result.get("synthetic", [])]
    return 4 if row["name"].endswith("-shuffled") else 0 if row["name"] in made else 1


def _points(rows: Sequence[dict[str, Any]], x: str, value: str, interval: str | None) -> list[tuple[float, ...]]:
    return [
        (float(row[x]), float(row[value]), *(map(float, row[interval]) if interval else (float("nan"),) * 2))
        for row in rows
        if row.get(value) is not None
    ]


def _line(name: str, rows: Sequence[dict[str, Any]], x: str, value: str, interval: str | None = None) -> Line:
    return Line(name, [(p[0], p[1], p[2], p[3]) for p in _points(rows, x, value, interval)])


def _curve(result: dict[str, Any]) -> dict[str, Any] | None:
    """Each arm's measure and difference against the number of real training songs."""
    curve = result.get("curve") or []
    if not curve:
        return None
    measure = result.get("measure", "ccc")
    names = [row["name"] for row in curve[-1]["arms"] if row["name"] != "real"][:LINES]
    by_name = {
        name: [
            {"songs": share["songs"], **next(row for row in share["arms"] if row["name"] == name)} for share in curve
        ]
        for name in names
    }
    values = [_line(name, rows, "songs", measure) for name, rows in by_name.items()]
    gains = [_line(name, rows, "songs", "delta") for name, rows in by_name.items()]
    drawn = panels(
        "real songs trained on",
        [(CALLED[measure], values), (f"difference from {result['reference']}", gains)],
        "Learning curves of the arms.",
    )
    return {"figure": drawn, "legend": [(name, legend_line(place)) for place, name in enumerate(names)]}


def _tradeoffs(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Quality, diversity and difference by the value of a sampling parameter."""
    rows = result.get("tradeoff") or []
    found: list[dict[str, Any]] = []
    for kind, parameter in dict.fromkeys((row["kind"], row["sampling"]) for row in rows):
        ours = [row for row in rows if (row["kind"], row["sampling"]) == (kind, parameter)]
        parts = _three(ours, "value", kind, result["measure"], diverse=True)
        if parts:
            drawn = panels(f"{parameter} of {kind}", parts, f"Trade-off over {parameter} of {kind}.")
            found.append({"kind": kind, "sampling": parameter, "figure": drawn})
    return found


def _returns(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Quality and difference against seconds of training."""
    rows = result.get("training_steps") or []
    found: list[dict[str, Any]] = []
    for kind in dict.fromkeys(row["kind"] for row in rows):
        parts = _three([row for row in rows if row["kind"] == kind], "seconds", kind, result["measure"], diverse=False)
        if parts:
            drawn = panels(f"seconds of training {kind}", parts, f"Returns of training {kind} longer.")
            found.append({"kind": kind, "figure": drawn})
    return found


def _three(
    rows: list[dict[str, Any]], x: str, kind: str, measure: str, *, diverse: bool
) -> list[tuple[str, list[Line]]]:
    wanted = [("Quality Score", "quality", "quality_ci")]
    wanted += [("diversity (1: real music)", "diversity", None)] if diverse else []
    wanted += [("difference in CCC" if measure == "ccc" else "difference in accuracy", "delta", "delta_ci")]
    parts = [(name, [_line(kind, rows, x, value, interval)]) for name, value, interval in wanted]
    return [(name, lines) for name, lines in parts if lines[0].points]


def _published(result: dict[str, Any]) -> dict[str, Any] | None:
    """The published protocol beside the honest one."""
    found = result.get("published_protocol")
    if not found:
        return None
    kind = found["generator"]
    rows = [("as published, mixed test", found["mixed"]), ("its model, real test clips", found["mixed_on_real"])]
    rows += [("as published, real alone", found["real"])]
    bars = [_bar(name, entry["value"], entry["range"], 3, {"name": ""}, result) for name, entry in rows]
    ours = {row["name"]: row for row in result["arms"]}
    names = [name for name in (kind, result["reference"]) if name in ours]
    bars += [_bar(f"honest, {name}", ours[name]["ccc"], ours[name]["ci"], 0, ours[name], result) for name in names]
    gain = None
    if found["honest_gain"] is not None:
        gain = estimate({"value": found["honest_gain"], "ci": found["honest_gain_ci"]})
    return {"found": found, "figure": figures.forest(bars, "CCC by protocol"), "honest_gain": gain}
