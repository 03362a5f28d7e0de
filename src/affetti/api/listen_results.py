"""``affetti listen results``: the analysis of a listening study, or of ratings that were collected elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from affetti.api.plan import Plan, describe_cost
from affetti.emotion import AXES, Scale
from affetti.errors import InputError, UsageError
from affetti.output_lock import releases_outputs
from affetti.progress import Progress, silent
from affetti.report.wording import plural
from affetti.storage import is_file, is_folder, read_json, reserve_output, write_json, write_text
from affetti.studies.listening.analysis import AnalysisInputs, analyse
from affetti.studies.listening.imports import ImportedRatings, import_ratings
from affetti.studies.listening.labels import emotion_scale, labels, to_unit
from affetti.studies.listening.rating_table import RatingTable
from affetti.studies.listening.ratings import RatingStore, has_answers
from affetti.studies.listening.result import ListeningResult
from affetti.studies.listening.screening import screen
from affetti.studies.listening.sequential import Analysis, next_analysis
from affetti.studies.listening.study import Study
from affetti.studies.scorecard.result import Scorecard

ANALYSES = "analyses.json"
"""In the study's folder: how many listeners had answered at each analysis."""
BYTES, SECONDS = 500_000, 20.0


@dataclass(frozen=True, kw_only=True)
class ListenResultsPlan(Plan):
    """An analysis that would be made."""

    verb: ClassVar[str | None] = "listen"

    listeners: int
    ratings: int


@releases_outputs
def run(
    source: str | Path,
    out: str | Path,
    *,
    scorecards: Mapping[str, str | Path] | None = None,
    model: str | Path | None = None,
    scale: str | None = None,
    rating_scale: str = "quality",
    first: int | None = None,
    target: float | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> ListeningResult:
    """Analyse ratings, and write ``result.json``, the tidy table ``ratings.csv`` and ``labels.csv``.

    Args:
        source: folder of a study, or a table of ratings, see :mod:`affetti.studies.listening.imports`.
        out: folder of the results.
        scorecards: folders of ``affetti score --out`` by system: do Quality Scores order systems as listeners do?
        model: a regressor whose predictions for the clips are compared with the ratings; None: none.
        scale: of imported valence and arousal, a key of :data:`affetti.emotion.SCALES`; by default [-1, 1].
        rating_scale: what an imported table with a column for each system rates.
        first: only the first so many listeners, as an earlier analysis had.
        target: half-width of the interval of a difference that is to be reached, in units of the scale.
        seed: of resampling.
        progress: receives the parts done.

    Raises:
        UsageError: the study was analysed before with fewer listeners, and no number was planned; ``target`` is not
            above 0, or a scorecard names no system of the study.
        InputError: there are no answers, or the table cannot be used.
        StorageError: the study was edited after answers came, or ``out`` cannot be written.
    """
    source, out = Path(source), Path(out)
    if target is not None and not target > 0:
        raise UsageError(f"a half-width of {target:g}", where="--target", hint="give a number above 0")
    progress("listen", 0, 3)
    study, imported = read_ratings(source, scale, rating_scale, first)
    look = _analysis(source, study, imported.table) if study is not None else None
    predicted = _predictions(source, study, model, progress) if study is not None and model is not None else {}
    if model is not None and study is None:
        raise UsageError("a table of ratings has no sounds to predict", where="--model", hint="give the study's folder")
    systems = tuple(dict.fromkeys(imported.table.main["system"]))
    unknown = [name for name in scorecards or {} if name not in systems]
    if unknown:
        raise UsageError(f"no system {unknown[0]}", where="--scorecards", hint=f"choose from {', '.join(systems)}")
    scores = {name: _quality_score(Path(path)) for name, path in (scorecards or {}).items()}
    progress("listen", 1, 3)
    inputs = AnalysisInputs(imported.task, str(source), imported.requested, predicted, scores, look, target, seed)
    result = analyse(imported.table, inputs)
    progress("listen", 2, 3)
    settings: dict[str, Any] = {"verb": "listen", "source": str(source.resolve()), "seed": seed}
    settings |= {"scale": scale, "rating_scale": rating_scale, "first": first, "target": target}
    settings |= {"model": None if model is None else str(model)}
    settings |= {"scorecards": [f"{name}={path}" for name, path in (scorecards or {}).items()]}
    reserve_output(out, settings)
    write_text(out / "ratings.csv", _tidy(imported).to_csv(index=False))
    kept = imported.table.without([it.listener for it in result.screening.excluded])
    write_text(out / "labels.csv", label_table(kept, study).to_csv(index=False))
    result.save(out)
    if study is not None and look is not None and first is None:
        _remember(source, look.listeners)
    progress("listen", 3, 3)
    return result


def plan(
    source: str | Path,
    out: str | Path,
    *,
    scorecards: Mapping[str, str | Path] | None = None,
    model: str | Path | None = None,
    scale: str | None = None,
    rating_scale: str = "quality",
    first: int | None = None,
    target: float | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> ListenResultsPlan:
    """Plan an analysis, with the arguments of :func:`run`: ratings are read, nothing is analysed."""
    _, imported = read_ratings(Path(source), scale, rating_scale, first)
    listeners, ratings = imported.table.table["listener"].nunique(), len(imported.table.main)
    cost = describe_cost(BYTES, SECONDS, Path(out))
    return ListenResultsPlan(
        listeners=listeners,
        ratings=ratings,
        bytes=BYTES,
        seconds=SECONDS,
        plan=f"{plural(ratings, 'rating')} by {plural(listeners, 'listener')}, {cost}",
    )


def read_ratings(
    source: Path, scale: str | None = None, rating_scale: str = "quality", first: int | None = None
) -> tuple[Study | None, ImportedRatings]:
    """The ratings of a study or of a table, emotions in [-1, 1]; the study is None for a table.

    Raises:
        InputError: there are no answers, or the table cannot be used.
        StorageError: the study was edited after answers came, or clips vanished.
    """
    if not is_folder(source):
        imported = import_ratings(source, rating_scale)
        table = to_unit(imported.table, emotion_scale(imported.table, scale))
        return None, ImportedRatings(_first(table, first), imported.task, imported.requested)
    study = Study.open(source)
    if not has_answers(source):
        raise InputError("nobody has answered yet", where=source, hint=f"ask people: affetti listen serve {source}")
    with RatingStore.open(source, study) as store:
        stored = store.table()
    table = _first(RatingTable.of(stored, str(source)), first)
    for scale_of_axis in study.scales:
        if scale_of_axis.name in AXES:
            chosen = table.table["scale"] == scale_of_axis.name
            unit = Scale(scale_of_axis.low, scale_of_axis.high).to_unit(table.table.loc[chosen, "rating"])
            table.table.loc[chosen, "rating"] = unit
    requested = {
        clip.id: (clip.valence, clip.arousal)
        for clip in study.clips
        if clip.valence is not None and clip.arousal is not None
    }
    return study, ImportedRatings(table, study.task, requested)


def label_table(table: RatingTable, study: Study | None) -> pd.DataFrame:
    """Labels with a column ``file`` first, as ``affetti prepare folder:`` and ``listening:`` read them."""
    made = labels(table)
    files = made["clip"] if study is None else [study.by_id[clip].file for clip in made["clip"]]
    made.insert(0, "file", files)
    return made


def export_labels(study_folder: Path) -> Path:
    """Write ``labels.csv`` into a study's folder: what its listeners, screened, said of each clip.

    Raises:
        InputError: nobody has answered, or valence and arousal were not rated.
    """
    study, imported = read_ratings(study_folder)
    kept = imported.table.without([it.listener for it in screen(imported.table.table)])
    made = label_table(kept, study)
    if not len(made):
        raise InputError(
            "valence and arousal were not rated", where=study_folder, hint="make a study with --rate plane"
        )
    path = study_folder / "labels.csv"
    write_text(path, made.to_csv(index=False))
    return path


def _tidy(imported: ImportedRatings) -> pd.DataFrame:
    """The ratings with what was requested of each clip, where that is known."""
    table = imported.table.table.copy()
    for index, axis in enumerate(AXES if imported.requested else ()):
        known = {clip: emotion[index] for clip, emotion in imported.requested.items()}
        table[f"requested_{axis}"] = table["clip"].map(known)
    return table


def _first(table: RatingTable, first: int | None) -> RatingTable:
    if first is None:
        return table
    listeners = sorted(table.table["listener"].unique())
    if not 1 <= first <= len(listeners):
        raise UsageError(f"{first} listeners", where="--first", hint=f"give 1 to {len(listeners)}")
    return table.without(listeners[first:])


def _analysis(folder: Path, study: Study, table: RatingTable) -> Analysis:
    previous = read_json(folder / ANALYSES) if is_file(folder / ANALYSES) else []
    listeners = table.table["listener"].nunique()
    return next_analysis([int(count) for count in previous], listeners, study.planned_listeners)


def _remember(folder: Path, listeners: int) -> None:
    previous = read_json(folder / ANALYSES) if is_file(folder / ANALYSES) else []
    write_json(folder / ANALYSES, sorted({*previous, listeners}))


def _predictions(folder: Path, study: Study, model: str | Path, progress: Progress) -> dict[str, tuple[float, float]]:
    """A regressor's prediction for each clip."""
    paths = [folder / clip.file for clip in study.clips]
    from affetti.api import predict

    predicted = predict.run(model, paths, progress=progress)
    return {
        clip.id: (it.valence, it.arousal)
        for clip, it in zip(study.clips, predicted, strict=True)
        if it.valence is not None and it.arousal is not None
    }


def _quality_score(folder: Path) -> float:
    return float(Scorecard.open(folder).quality.score)
