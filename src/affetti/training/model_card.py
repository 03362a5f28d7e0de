"""The model card: what a run made, of what, how well it does and where it ends; with the Hub's metadata block."""

from __future__ import annotations

from typing import Any

from affetti.corpus import Corpus
from affetti.training.registry import family

NAMES = {"ccc": "CCC", "r2": "R²", "pearson": "Pearson", "rmse": "RMSE", "mae": "MAE"}


def model_card(kind: str, corpus: Corpus, result: dict[str, Any]) -> str:
    """The card in Markdown.

    Args:
        kind: family of the model.
        corpus: what it was trained on.
        result: the run's ``result.json``.
    """
    n = result["n"]
    lines = [
        "---",
        "library_name: affetti",
        "tags: [music, emotion, valence-arousal]",
        "---",
        "",
        f"# affetti {kind}",
        "",
        f"This model {family(kind).purpose}.",
        "",
        (
            f"- Data: {corpus.meta['source']}, {n['train']} clips of {result['songs']['train']} songs (fold "
            f"{result['fold']}'s training part; {n['validation']} validation and {n['test']} test clips of other songs)"
        ),
        f"- Split: {_split(corpus)}",
        f"- Licence of the data: {corpus.meta['licence']}",
        f"- Front-end: `{corpus.meta['preset']}`, hash `{corpus.front_end.hash}`",
        (
            f"- Training: {result['steps']} steps, seed {result['seed']}, {result['seconds']:.0f} s, "
            f"{result['parameters']:,} parameters"
        ),
    ]
    if "test" in result:
        lines += ["", "## Scores", "", *_scores(result)]
    lines += [
        "",
        "## Limits",
        "",
        "It has heard nothing but the corpus above. Valence and arousal are what that corpus's raters, or its",
        "composer, call so. The songs it was trained on are listed in `model.json`: scores on them say nothing.",
    ]
    if "test" in result:
        lines += [
            "Its intervals are right on average over songs like those of the corpus, not for one genre or other music.",
        ]
    return "\n".join(lines) + "\n"


def _split(corpus: Corpus) -> str:
    split = corpus.meta.get("split")
    told = split.get("name", "folds") if isinstance(split, dict) else split or "folds"
    return f"{told}, {corpus.meta.get('folds', '?')} folds, no song or artist on both sides"


def _scores(result: dict[str, Any]) -> list[str]:
    """A table of the test, the interval, the quadrants and the genres."""
    lines = [
        f"On {result['n']['test']} clips of songs never seen; intervals of 95 % over songs.",
        "",
        "| | valence | arousal |",
        "|---|---|---|",
    ]
    for key, name in NAMES.items():
        lines.append(f"| {name} | " + " | ".join(_cell(result["test"][axis][key]) for axis in result["test"]) + " |")
    shares = [(result["test"][axis]["ccc"] or {}).get("of_ceiling") for axis in result["test"]]
    if all(shares):
        lines.append("| CCC as a share of the labels' ceiling | " + " | ".join(map(_cell, shares)) + " |")
    half, covered = result["calibration"]["half_width"], result["coverage"]
    lines.append(f"| interval | ±{half['valence']:.2f} | ±{half['arousal']:.2f} |")
    promised = f"{100 * result['calibration']['coverage']:.0f} %"
    lines.append(f"| share inside it (promised {promised}) | " + " | ".join(_cell(covered[axis]) for axis in covered))
    lines[-1] += " |"
    quadrants = result["quadrants"]
    lines += [
        "",
        f"Quadrant right: {_cell(quadrants['accuracy'])} (always guessing the commonest: {quadrants['guess']:.2f}).",
    ]
    if result["genres"]:
        lines += ["", "| genre | clips | songs | CCC valence | CCC arousal |", "|---|---|---|---|---|"]
        lines += [
            f"| {row['genre']} | {row['n']} | {row['songs']} | {_cell(row['valence'])} | {_cell(row['arousal'])} |"
            for row in result["genres"]
        ]
    return lines


def _cell(measure: dict[str, Any] | None) -> str:
    if measure is None:
        return "–"
    low, high = measure["ci"]
    return f"{measure['value']:.2f} [{low:.2f}, {high:.2f}]"
