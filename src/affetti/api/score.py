"""``affetti score``: a synthetic set against real music."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from affetti import presets
from affetti.corpus import Corpus
from affetti.embedders.clip_set import ClipSet, open_clip_set
from affetti.embedders.registry import make_embedder
from affetti.embedders.value_scale import unlike_decibels
from affetti.errors import StorageError, UsageError
from affetti.execution import Engine, executor
from affetti.progress import Progress, silent
from affetti.storage import expand_home, read_json
from affetti.studies.scorecard.inputs import ScoreSets, ScoreSettings
from affetti.studies.scorecard.requested_emotions import read_requested, with_requested
from affetti.studies.scorecard.result import Requested, Scorecard
from affetti.studies.scorecard.scorecard import scorecard
from affetti.studies.scorecard.unsaved import UnsavedScoreError
from affetti.tables import Row
from affetti.training.device import choose_device


def run(
    real: str | Path,
    fake: str | Path,
    *,
    train: str | Path | None = None,
    against: str | Path | Sequence[str | Path] | None = None,
    out: str | Path | None = None,
    fold: int | None = None,
    regressor: str | Path | None = None,
    features: str = "statistics",
    groups: Sequence[str | Path] = (),
    conditions: Sequence[str | Path] = (),
    form: bool = False,
    preset: str | None = None,
    seed: int = 0,
    workers: int | None = None,
    engine: str | Engine = "local",
    device: str = "cpu",
    progress: Progress = silent,
) -> Scorecard:
    """Score a synthetic set against real music; see :func:`affetti.studies.scorecard.scorecard.scorecard`.

    Args:
        real: a corpus, a folder of audio, or an ``.npy`` of dB log-mels ``[N, M, F]``.
        fake: the same.
        train: what the generator was trained on, to search for copies.
        against: clips of another generator, or of several, for paired tests on the same real songs.
        out: folder for ``result.json``, ``typicality.parquet``, and ``pictures.npz`` for the report.
        fold: with a corpus: compare with this fold's test clips, and search for copies of its training clips.
        regressor: run of a regressor that predicts the emotions.
        features: what all but the Quality Score compare: ``statistics``, ``harmony``, ``handcrafted``,
            ``regressor:RUN``, ``musicnn:WEIGHTS``, ``fcn:WEIGHTS``, ``hf:NAME_OR_FOLDER``, ``muq:NAME_OR_FOLDER`` or
            ``omar-rq:NAME_OR_FOLDER``.
        groups: song ids for ``.npy`` sets: a file for ``real`` and, where given, one for ``fake`` and one for each
            of ``against``.
        conditions: tables (``file,valence,arousal``) of the emotions that clips of folders and ``.npy`` files were
            generated for: one for all such sets, or one for each, ``fake`` first.
        form: compare whole songs too, of corpora of songs of several clips: structure curves, repetition, contrast of
            sections, and how far emotion moves within a song.
        preset: front-end for folders of audio.
        seed: of every resampling.
        workers: processes that decode folders of audio; default one per core.
        engine: where they run, a name of :data:`affetti.execution.ENGINES` or one with options, such as
            ``RayEngine(address="auto")``.
        device: where networks run: those of ``features`` and the regressor.
        progress: receives the stages.

    Raises:
        UnsavedScoreError: ``out`` cannot be written; its ``card`` is the result.
    """
    systems = [fake, *_several(against)]
    if len(groups) > 1 + len(systems):
        raise UsageError(
            f"{len(groups)} files of song ids", where="--groups", hint="give one for REAL, FAKE and --against each"
        )
    tables = [read_requested(expand_home(file)) for file in conditions]
    if tables and regressor is None and not (Path(real) / "corpus.json").exists():
        hint = "give --regressor RUN, or a labelled corpus as REAL, on which one can be trained"
        raise UsageError("nothing here predicts the emotions of the clips", where="--conditions", hint=hint)
    if out is not None:
        _require_free(Path(out))
    files = [*map(Path, groups), *[None] * (1 + len(systems) - len(groups))]
    front = None if preset is None else presets.front_end(preset)
    runner = executor(engine, workers)
    place = choose_device(device)
    if regressor is not None:
        _require_regressor(Path(regressor))
    embedder = make_embedder(features, place)
    opened: list[ClipSet] = []
    training = [] if train is None else [train]
    for path, file in [*zip([real, *systems], files, strict=True), *((path, None) for path in training)]:
        # A folder of audio beside a corpus takes the corpus's front-end.
        known = front or next((other.front_end for other in opened if other.front_end is not None), None)
        if known is None and Path(fake).is_dir() and (Path(fake) / "corpus.json").exists():
            known = Corpus.open(fake).front_end
        opened.append(open_clip_set(path, front=known, groups=file, executor=runner, progress=progress))
    made = _with_requested(opened[1 : 1 + len(systems)], tables)
    sets = ScoreSets(opened[0], made[0], train=None if train is None else opened[-1], against=tuple(made[1:]))
    settings = ScoreSettings(
        fold=fold,
        regressor=None if regressor is None else Path(regressor),
        embedder=embedder,
        seed=seed,
        device=place,
        form=form,
        out=None if out is None else Path(out),
    )
    requested = Requested(
        regressor=_text(regressor),
        features=features,
        train=_text(train),
        against=tuple(map(str, systems[1:])),
        groups=tuple(str(file) for file in groups),
        conditions=tuple(str(file) for file in conditions),
        preset=preset,
        form=form,
    )
    cautions = tuple(_cautions(opened))
    try:
        card = scorecard(sets, settings, progress)
        card = replace(card, requested=requested, cautions=(*cautions, *card.cautions))
    except UnsavedScoreError as error:
        card = replace(error.card, requested=requested, cautions=(*cautions, *error.card.cautions))
        raise UnsavedScoreError(card, error) from error
    if out is not None:
        try:
            card.save(out)
        except StorageError as error:
            raise UnsavedScoreError(card, error) from error
    return card


def _cautions(sets: list[ClipSet]) -> Iterator[str]:
    """Warnings on arrays whose values do not look like dB log-mels; corpora and folders always hold dB."""
    for clips in sets:
        unlike = unlike_decibels(clips.mel) if clips.front_end is None else None
        if unlike is not None:
            yield f"{Path(clips.name).name} does not look like dB log-mels [N, M, F]: {unlike}"


def _several(against: str | Path | Sequence[str | Path] | None) -> list[str | Path]:
    """The sets of other generators as a list, also where one path is given."""
    return [] if against is None else [against] if isinstance(against, str | Path) else list(against)


def _with_requested(sets: list[ClipSet], tables: list[dict[str, Row]]) -> list[ClipSet]:
    """Sets with the emotions of their tables: one for all that are not corpora, or one for each of these.

    Raises:
        UsageError: another number of tables than of such sets, or only corpora.
        InputError: a table that does not fit its set.
    """
    if not tables:
        return sets
    bare = [row for row, clips in enumerate(sets) if clips.corpus is None] or [0]
    if len(tables) not in (1, len(bare)):
        raise UsageError(
            f"{len(tables)} tables, but {len(bare)} without conditions of their own among FAKE and --against",
            where="--conditions",
            hint="give one for all of them, or one for each",
        )
    by_set = dict(zip(bare, tables * len(bare) if len(tables) == 1 else tables, strict=True))
    return [with_requested(clips, by_set[row]) if row in by_set else clips for row, clips in enumerate(sets)]


def _text(path: str | Path | None) -> str | None:
    return None if path is None else str(path)


def _require_free(out: Path) -> None:
    """Refuse to write a scorecard over something that is not one."""
    path = out / "result.json"
    there = read_json(path) if path.exists() else {"verb": "score"}
    if not isinstance(there, dict) or there.get("verb") != "score":
        raise StorageError("holds another verb's result", where=out, hint="choose another --out")
    if out.exists() and not path.exists() and (not out.is_dir() or any(out.iterdir())):
        raise StorageError("exists and is not a scorecard of affetti", where=out, hint="choose a new folder for --out")


def _require_regressor(path: Path) -> None:
    """Refuse a run that does not predict emotions from log-mels, before any work."""
    from affetti.training import run as runs  # loads the models, which most scores do without

    _ = runs.load(path, flag="--regressor").mel_regressor
