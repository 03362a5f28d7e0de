"""Folders in, one self-contained HTML page out.

The page needs no network and asks for none: style, script, images and sounds lie inside it, and a content security
policy forbids anything else. The same folders give the same bytes: there is no date on it and no random number in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from affetti.corpus import Corpus
from affetti.corpus.ceiling import ceiling
from affetti.errors import UsageError
from affetti.progress import Progress, silent
from affetti.report import audit, augmentation, commands, figures, scorecard, wording
from affetti.report.audio_examples import colour_bar, grids, one_thread
from affetti.report.drawing import legend_line, legend_mark
from affetti.report.sources import Run, Score, Sources, gather
from affetti.storage import write_text
from affetti.studies.scorecard.measures import REGISTRY

GENRES = 8
"""Genres with a marker of their own; the rarest beyond that share the last."""
PARTS = {"frechet": "texture", "moments": "level", "smoothness": "motion", "frequency": "spectrum", "range": "dynamics"}
"""Short words for the parts of the Quality Score."""
CURVES = ("loss", "loss_discriminator", "gap")

Section = tuple[str, str, Callable[[Sources, Progress], dict[str, Any] | None]]


def write_report(
    sources: Sequence[Path], out: Path, *, title: str = "affetti report", progress: Progress = silent
) -> dict[str, Any]:
    """Write one self-contained HTML page.

    Args:
        sources: folders of corpora, runs, scorecards, studies and audits, in any order.
        out: the page; its name ends in ``.html``.
        title: heading of the page.
        progress: told of sections and of sounds.

    Returns:
        ``{"verb", "report", "bytes", "sections"}``.

    Raises:
        UsageError: no sources, or ``out`` does not end in ``.html``.
        StorageError: a folder is unfinished or nothing that a report can tell of.
    """
    if out.suffix.lower() != ".html":
        raise UsageError(
            f"{out.name!r} does not end in .html", where="--out", hint="name the page, such as report.html"
        )
    found = gather(sources)
    chapters: list[dict[str, Any]] = []
    for place, (name, heading, build) in enumerate(SECTIONS):
        progress("report", place, len(SECTIONS))
        content = build(found, progress)
        if content is not None:
            chapters.append({"id": name, "title": heading, **content})
    html = environment().get_template("report.html").render(title=title, sections=chapters)
    write_text(out, html)
    progress("report", len(SECTIONS), len(SECTIONS))
    return {
        "verb": "report",
        "report": str(out),
        "bytes": len(html.encode()),
        "sections": [chapter["id"] for chapter in chapters],
    }


def environment() -> Environment:
    """Templates that escape everything, refuse unknown names, and know how to write numbers."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters: list[Callable[..., str]] = [
        wording.number,
        wording.signed,
        wording.estimate,
        wording.plural,
        wording.listed,
        wording.duration,
        wording.rests,
        wording.typeset,
    ]
    names: dict[str, Any] = {
        "with_interval": wording.with_interval,
        "change": wording.change,
        "precise": wording.precise,
        "reach": wording.reach,
        "colour_bar": colour_bar,
        "measures": [entry for entry in REGISTRY if entry.part is None],
        "spectrogram_measures": [entry for entry in REGISTRY if entry.part == "spectrogram"],
        "part_words": PARTS,
    }
    for function in filters:
        made.filters[function.__name__] = function
    for name, value in names.items():
        made.globals[name] = value
    return made


def _summary(sources: Sources, _: Progress) -> dict[str, Any]:
    return {"verdict": wording.verdict(sources), "apart": wording.apart(sources)}


def _corpora(sources: Sources, _: Progress) -> dict[str, Any] | None:
    return {"corpora": [_corpus(corpus) for corpus in sources.corpora]} if sources.corpora else None


def _corpus(corpus: Corpus) -> dict[str, Any]:
    clips = corpus.clips
    genre = clips["genre"].fillna("").to_numpy(dtype=str)
    genre = np.where(genre == "", "no genre given", genre)
    names, counts = np.unique(genre, return_counts=True)
    ranked = [str(name) for name in names[np.argsort(-counts, kind="stable")]]
    shown = ranked if len(ranked) <= GENRES else [*ranked[: GENRES - 1], "all others"]
    place = {name: min(i, len(shown) - 1) for i, name in enumerate(ranked)}
    series = np.array([place[name] for name in genre], dtype=np.intp)
    home = clips["fold"].to_numpy(dtype=int)
    folds = [int(fold) for fold in np.unique(home) if fold >= 0]
    table = [
        {
            "name": name,
            "key": legend_mark(i),
            "clips": int((series == i).sum()),
            "songs": int(np.unique(corpus.songs[series == i]).size),
            "folds": [int(((series == i) & (home == fold)).sum()) for fold in folds],
        }
        for i, name in enumerate(shown)
    ]
    return {
        "name": corpus.path.name,
        "meta": corpus.meta,
        "synthetic": corpus.synthetic,
        "composed": corpus.composed,
        "n": len(corpus),
        "songs": int(corpus.meta["n_songs"]),
        "front": corpus.front_end,
        "figure": figures.plane(corpus.labels, series, shown),
        "drawn": min(len(corpus), figures.MOST_POINTS),
        "genres": table,
        "folds": folds,
        "fold_totals": [int((home == fold).sum()) for fold in folds],
        "ceiling": None if corpus.synthetic else ceiling(clips).by_axis(),
        "audit": [] if corpus.synthetic else corpus.meta["label_audit"],
        "artists": bool((clips["artist"].fillna("") != "").any()),
        "leaks": [(called, share) for called, share in (corpus.meta.get("leakage") or {}).items() if share],
        "planted": _flat(corpus.meta.get("planted") or {}),
    }


def _flat(value: Any, name: str = "") -> list[tuple[str, str]]:
    """A nested document as rows of dotted name and value."""
    if isinstance(value, dict):
        return [row for key, item in value.items() for row in _flat(item, f"{name}.{key}" if name else str(key))]
    return [(name, ", ".join(map(str, value)) if isinstance(value, list) else str(value))]


def _training(sources: Sources, _: Progress) -> dict[str, Any] | None:
    if not sources.runs:
        return None
    ceilings = {corpus.hash: ceiling(corpus.clips).by_axis() for corpus in sources.corpora if not corpus.synthetic}
    return {
        "runs": [_run(run) for run in sources.runs],
        "regressors": [
            {"run": run, "ceiling": ceilings.get(run.meta["corpus"]["content_hash"])}
            for run in sources.regressors
            if run.result.get("test")
        ],
    }


def _run(run: Run) -> dict[str, Any]:
    keys = [key for key in CURVES if any(key in line for line in run.metrics)]
    return {
        "run": run,
        "figure": figures.curves(run.metrics, keys, run.name) if len(run.metrics) > 1 and keys else None,
        "legend": [{"name": key.replace("_", " of the "), "key": legend_line(place)} for place, key in enumerate(keys)],
    }


def _listening(sources: Sources, progress: Progress) -> dict[str, Any] | None:
    found = grids(sources, progress)
    return {"grids": found} if found else None


def _scores(sources: Sources, progress: Progress) -> dict[str, Any] | None:
    return {"scores": [_score(score, progress) for score in sources.scores]} if sources.scores else None


def _score(score: Score, progress: Progress) -> dict[str, Any]:
    result, arrays = score.result, score.pictures
    front = scorecard.front_end_of(result)
    drawn: dict[str, Any] = {}
    if arrays:
        drawn = {
            "map": scorecard.feature_map(arrays),
            "levels": scorecard.band_profiles(arrays),
            "modulation": scorecard.modulation_spectra(arrays, front is not None),
        }
    with one_thread():
        pairs = scorecard.pairs(arrays, result.get("nearest_pairs") or [], front, score.name, progress)
    return {
        "name": score.name,
        "result": result,
        "figure": figures.components(result["quality"]["components"], PARTS),
        "drawn": drawn,
        "pairs": pairs,
        "legend": [("real music", legend_mark(0), legend_line(0)), (score.name, legend_mark(1), legend_line(1))],
    }


def _arms(sources: Sources, _: Progress) -> dict[str, Any] | None:
    return {"studies": [augmentation.section(found) for found in sources.studies]} if sources.studies else None


def _audits(sources: Sources, progress: Progress) -> dict[str, Any] | None:
    told: list[dict[str, Any]] = []
    for place, found in enumerate(sources.audits):
        progress("audits", place, len(sources.audits))
        told.append(audit.section(found, place + 1, sources))
    return {"audits": told} if told else None


def _again(sources: Sources, _: Progress) -> dict[str, Any]:
    rows = commands.identities(sources)
    return {"commands": commands.commands(sources), "identities": rows, "versions": commands.versions(rows)}


SECTIONS: tuple[Section, ...] = (
    ("summary", "In short", _summary),
    ("corpus", "The corpus on the emotion plane", _corpora),
    ("training", "Training", _training),
    ("listening", "See and hear", _listening),
    ("score", "Scorecard", _scores),
    ("arms", "Does synthetic data help?", _arms),
    ("audit", "What the spectrogram loses, and which claims hold", _audits),
    ("rerun", "How to run it again", _again),
)
"""Reading order; each builder gives what its template needs, or nothing where no source speaks of it."""
