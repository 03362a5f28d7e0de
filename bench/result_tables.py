"""The tables of docs/results.md, from folders of ``affetti compare`` and ``affetti audit``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from affetti.storage import read_json


def interval(value: float | None, ci: list[float] | None, digits: int, sign: bool = False) -> str:
    """A value with its interval, or a dash."""
    if value is None:
        return "–"
    form = f"{'+' if sign else ''}.{digits}f"
    return f"{value:{form}}" + (f" [{ci[0]:{form}}, {ci[1]:{form}}]" if ci else "")


def study(result: dict[str, Any]) -> None:
    """Arms, methods and the published protocol."""
    test, measure = result["test"], result["measure"]
    print(f"{test['n']} test clips of {test['songs']} songs, {result['seeds']} seeds, folds {result['folds']};")
    print(f"smallest gain detected with a power of 80 %: {result['detectable']:.3f}\n")
    ridge = {row["name"]: row for row in result["ridge"]}
    called, ci = ("CCC", "ci") if measure == "ccc" else ("right quadrant", "accuracy_ci")
    print(f"| arm | {called} | difference | for all arms at once | resamples below 0 | verdict | ridge, difference |")
    print("|---|---|---|---|---|---|---|")
    for row in result["arms"]:
        both = row.get("delta_ci_simultaneous")
        linear = ridge.get(row["name"])
        cells = [
            f"`{row['name']}`",
            interval(row[measure], row[ci], 3),
            interval(row["delta"], row["delta_ci"], 3, sign=True),
            f"[{both[0]:+.3f}, {both[1]:+.3f}]" if both else "",
            interval(row.get("share_below_zero", row.get("probability_of_harm")), None, 2),
            row.get("verdict", ""),
            interval(linear["delta"], linear["delta_ci"], 3, sign=True) if linear else "",
        ]
        print(f"| {' | '.join(cells)} |")
    heads = ("method", "quality", "claimed", "information %", "claimed", "emotion", "claimed", "diversity")
    print(f"\n| {' | '.join(heads)} |")
    print("|---|---|---|---|---|---|---|---|")
    for row in result["hierarchy"]:
        claimed = row["claimed"] or {}
        predicted = [row["emotion"].get(axis, {}).get("ccc", {}).get("value") for axis in ("valence", "arousal")]
        cells = [
            f"`{row['name']}`",
            interval(row["quality"], row["quality_ci"], 0),
            claimed.get("quality", "–"),
            interval(row["information"], row.get("information_ci"), 0),
            claimed.get("information", "–"),
            ", ".join(interval(value, None, 2) for value in predicted),
            claimed.get("emotion", "–"),
            interval(row["diversity"], None, 2),
        ]
        print(f"| {' | '.join(cells)} |")
    for entry in result["best"]:
        print(f"\nbest, fold {entry['fold']}: {entry.get('arm', entry.get('is'))}")
    if published := result["published_protocol"]:
        values = {name: published[name] for name in ("real", "mixed", "mixed_on_real")}
        ccc = ", ".join(f"{name} {its['value']:.3f} {its['range']}" for name, its in values.items())
        gain, test, honest = (published[name] for name in ("gain", "test", "honest_gain"))
        print(f"\nas published: {ccc}; gain {gain:+.3f}; test {test}; honest {honest}")


def audit(result: dict[str, Any]) -> None:
    """The sentence of each question, then the claims."""
    for entry in result["questions"]:
        print(f"- **{entry['question']}** {entry['sentence']}")
    for verdict in ("supported", "contradicted", "undecided"):
        print(f"\n| id | § | {verdict} | claimed | measured | n |\n|---|---|---|---|---|---|")
        for row in result["findings"]:
            if row["verdict"] == verdict and row["measured"] is not None:
                print(f"| {' | '.join(claim_cells(row))} |")


def claim_cells(row: dict[str, Any]) -> list[str]:
    """Cells of a claim: its id, section and words, the claimed range, what was measured and of how many."""
    low, high = row["claimed"]
    claimed = f"{low:,g} to {high:,g}" if None not in (low, high) else f"≥ {low:g}" if high is None else f"≤ {high:g}"
    measured = _significant(row["measured"])
    if row["ci"]:
        measured += f" [{_significant(row['ci'][0])}, {_significant(row['ci'][1])}]"
    return [
        f"`{row['id']}`",
        row["section"],
        row["claim"],
        claimed,
        f"{measured} {row['unit']}",
        f"{row['n']} {row['of']}",
    ]


def _significant(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def print_tables(folders: Iterable[Path]) -> None:
    """Print the tables of every folder named."""
    for folder in folders:
        result = read_json(folder / "result.json")
        print(f"\n## {folder.name}\n")
        {"compare": study, "audit": audit}[result["verb"]](result)
