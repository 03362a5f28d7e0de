"""The model card: what a run made, from which data, how good it is and what its limits are.

It begins with the metadata block of the Hugging Face Hub.
"""

from __future__ import annotations

from affetti.corpus import Corpus
from affetti.corpus.licence import obligations
from affetti.results import Estimate
from affetti.training.registry import family
from affetti.training.result import TrainResult


def model_card(corpus: Corpus, result: TrainResult) -> str:
    """The card in Markdown.

    Args:
        corpus: what the model was trained on.
        result: what its training gave.
    """
    n = result.n
    lines = [
        "---",
        "library_name: affetti",
        "tags: [music, emotion, valence-arousal]",
        "---",
        "",
        f"# affetti {result.model}",
        "",
        f"This model {family(result.model).purpose}.",
        "",
        (
            f"- Data: {corpus.meta['source']}, {n.train} clips of {result.songs.train} songs (fold "
            f"{result.fold}'s training part; {n.validation} validation and {n.test} test clips of other songs)"
        ),
        f"- Split: {_split(corpus)}",
        *(["- Labels: of windows (clips), from ratings over time"] if result.labels == "window" else []),
        f"- Licence of the data: {corpus.meta['licence']}",
        *(f"  - {sentence}" for sentence in obligations(corpus.meta["licence"])),
        f"- Front-end: `{corpus.meta['preset']}`, hash `{corpus.front_end.hash}`",
        (
            f"- Training: {result.steps} steps, seed {result.seed}, {result.seconds:.0f} s, "
            f"{result.parameters:,} parameters"
        ),
    ]
    if result.alignment is not None:
        lines.append(f"- Aligned from `{result.alignment.run}` with beta {result.alignment.beta:g}")
    initial = result.initial_weights
    if initial is not None:
        lines.append(
            f"- Began with the weights of `{initial.run}` ({initial.weights_sha256[:12]}), which were trained on "
            + ", then on ".join(initial.sources)
        )
    scores = _scores(result)
    if scores:
        lines += ["", "## Scores", "", *scores]
    lines += [
        "",
        "## Limits",
        "",
        "It was trained on nothing but "
        + ("the corpus above" if initial is None else "what is named above")
        + ". Valence and arousal are what that corpus's raters, or its",
        "composer, call so. The songs it was trained on are listed in `model.json`: scores on them say nothing.",
    ]
    if scores:
        lines += [
            "Its intervals are right on average over songs like those of the corpus, not for one genre or other music.",
        ]
    return "\n".join(lines) + "\n"


def _split(corpus: Corpus) -> str:
    split = corpus.meta.get("split")
    name = split.get("name", "folds") if isinstance(split, dict) else split or "folds"
    return f"{name}, {corpus.meta.get('folds', '?')} folds, no song or artist on both sides"


def _scores(result: TrainResult) -> list[str]:
    """A table of the test, the interval, the quadrants and the genres; empty for a generator."""
    test, calibration, coverage, quadrants = result.test, result.calibration, result.coverage, result.quadrants
    if test is None or calibration is None or coverage is None or quadrants is None:
        return []
    lines = [
        f"On {result.n.test} clips of songs that it has not seen; 95 % intervals over songs.",
        "",
        "| | valence | arousal |",
        "|---|---|---|",
    ]
    axes = test.values()
    table: dict[str, list[Estimate | None]] = {
        "CCC": [axis.ccc for axis in axes],
        "R²": [axis.r2 for axis in axes],
        "Pearson": [axis.pearson for axis in axes],
        "RMSE": [axis.rmse for axis in axes],
        "MAE": [axis.mae for axis in axes],
    }
    shares = [axis.ccc.of_ceiling for axis in axes if axis.ccc is not None and axis.ccc.of_ceiling is not None]
    if len(shares) == len(test):
        table["CCC as a share of the labels' ceiling"] = [*shares]
    lines += [f"| {name} | " + " | ".join(map(_cell, cells)) + " |" for name, cells in table.items()]
    half = calibration.half_width
    lines += [
        f"| interval | ±{half['valence']:.2f} | ±{half['arousal']:.2f} |",
        (
            f"| share inside it (promised {100 * calibration.coverage:.0f} %) | "
            + " | ".join(map(_cell, coverage.values()))
            + " |"
        ),
        "",
        f"Quadrant right: {_cell(quadrants.accuracy)} (always predicting the commonest: {quadrants.chance:.2f}).",
    ]
    if result.genres:
        lines += ["", "| genre | clips | songs | CCC valence | CCC arousal |", "|---|---|---|---|---|"]
        lines += [
            f"| {row.genre} | {row.n} | {row.songs} | {_cell(row.valence)} | {_cell(row.arousal)} |"
            for row in result.genres
        ]
    return lines


def _cell(measure: Estimate | None) -> str:
    if measure is None:
        return "–"
    low, high = measure.ci
    return f"{measure.value:.2f} [{low:.2f}, {high:.2f}]"
