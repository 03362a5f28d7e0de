"""Train a model on one fold of a corpus and file it as a run.

Only the fold's training clips are used; regressors are calibrated on its validation songs. Called again with the same
settings it goes on from the last checkpoint, or returns the finished run.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from affetti import config as configuration
from affetti import presets
from affetti.corpus import Corpus, splits
from affetti.errors import InputError, MismatchError, StorageError, UsageError
from affetti.models.base import Regressor
from affetti.models.generators.conditioning import Fields
from affetti.models.regressors.baseline import Baseline
from affetti.progress import Progress, silent
from affetti.provenance import versions
from affetti.random import child_seed
from affetti.storage import read_json, remove_partial, reserve_output, write_json, write_text
from affetti.training import run as runs
from affetti.training.clips import Clips
from affetti.training.closed_form import fit_baseline
from affetti.training.conditions import conditions, fields_of
from affetti.training.device import Hardware, Precision, is_main_process
from affetti.training.evaluation import evaluate_regressor
from affetti.training.loop import History, LoopConfig, train
from affetti.training.mel_inverse import fitted_inverse
from affetti.training.model_card import model_card
from affetti.training.monitor import GeneratorMonitor, MonitoredObjective, Monitoring, alarms
from affetti.training.objectives.base import ObjectiveOptions
from affetti.training.registry import family, make
from affetti.training.teacher import load_teacher
from affetti.training.tensorboard import require_tensorboard
from affetti.training.text_embedders import HASHED, text_embedder
from affetti.training.waveform_clips import sound_clips

MAY_DIFFER = frozenset({"corpus", "teacher", "device", "checkpoint_every"})
"""Settings that do not change a run: corpus and teacher may have moved, and where steps are computed is no matter."""


def fit_run(
    kind: str,
    corpus: Corpus,
    fold: int,
    out: Path,
    *,
    steps: int | None = None,
    batch_size: int | None = None,
    checkpoint_every: int = 500,
    seed: int = 0,
    settings: dict[str, Any] | None = None,
    text: str = HASHED,
    teacher: Path | None = None,
    embedding: NDArray[np.float64] | None = None,
    patience: int | None = None,
    device: str = "cpu",
    precision: Precision = "32",
    devices: int = 1,
    tensorboard: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Train ``kind`` on fold ``fold`` of ``corpus`` into the run folder ``out``; returns ``result.json``.

    A generator learns every field that the training clips can teach, see :mod:`affetti.training.conditions`; ``text``
    names the embedder of lyrics. A student may learn from the run ``teacher``; a baseline may read ``embedding``
    ``[N, D]``, one vector a clip, instead of the log-mels.

    Raises:
        UsageError: the model or a setting is unknown.
        InputError: the fold has too few clips.
        MismatchError: the teacher has heard songs of the test, or reads another front-end.
        StorageError: the folder holds another run.
        TrainingError: the loss is not a number.
    """
    generates = family(kind).generates
    budget = presets.budget(corpus.meta["preset"], kind)
    part = corpus.fold(fold)
    loop = LoopConfig(
        budget.steps if steps is None else steps,
        batch_size if batch_size is not None else max(2, min(budget.batch_size, len(part.train))),
        seed,
        checkpoint_every,
        tensorboard=tensorboard,
    )
    if tensorboard:
        require_tensorboard()
    hardware = Hardware(device, precision, devices)  # refuses what is not here before anything is filed
    torch.manual_seed(child_seed("weights", seed))
    data = corpus.mel if embedding is None else embedding
    clips, fields = Clips(data, corpus.labels, part.train), Fields()
    if generates:
        clips, fields = training_clips(corpus, part.train, text)
    model = make(kind, corpus.front_end.shape, presets.settings(corpus.meta["preset"], kind) | (settings or {}), fields)
    if family(kind).sound:
        clips = sound_clips(corpus, clips.labels, part.train, model.config.window)  # type: ignore[arg-type, union-attr]
    test_songs = corpus.songs[part.test].tolist()
    teacher_model = None if teacher is None else load_teacher(kind, teacher, corpus, test_songs)
    resolved = {
        "verb": "train",
        "model": kind,
        "corpus": str(corpus.path),
        "corpus_hash": corpus.hash,
        "fold": fold,
        "steps": loop.steps,
        "batch_size": loop.batch_size,
        "checkpoint_every": checkpoint_every,
        "seed": seed,
        "device": device,
        "precision": precision,
        "devices": devices,
        "settings": configuration.unstructure(model.config),
        "text": text,
        "patience": patience,
        "teacher": None if teacher is None else str(teacher),
        "teacher_weights": None if teacher is None else read_json(teacher / "model.json")["weights_sha256"],
    }
    require_enough(clips, loop.batch_size, kind)
    if not generates:
        require_test_songs(corpus, part)
    if reserve_output(out, resolved, MAY_DIFFER) and _whole(out):
        return read_json(out / "result.json")
    remove_partial(out)
    validation = Clips(data, clips.labels, part.validation) if len(part.validation) else None
    monitor = None
    if generates and validation is not None:
        monitor = generator_monitor(corpus, Clips(corpus.mel, clips.labels, part.train), validation)
    patience = budget.patience if patience is None else patience
    history, trained = fit(
        kind,
        model,
        clips,
        loop,
        ObjectiveOptions(validation=validation, teacher=teacher_model),
        monitoring=None if monitor is None else Monitoring(monitor, budget.looks, patience),
        run=out,
        hardware=hardware,
        progress=progress,
    )
    result: dict[str, Any] = {
        "verb": "train",
        "model": kind,
        "fold": fold,
        "n": {"train": len(part.train), "validation": len(part.validation), "test": len(part.test)},
        "songs": {"train": int(np.unique(corpus.songs[part.train]).size)},
        "steps": int(history.lines[-1]["step"]) if history.lines else loop.steps,
        "seed": seed,
        "seconds": round(history.lines[-1]["seconds"] if history.lines else 0.0, 2),
        "loss": history.lines[-1]["loss"] if history.lines and "loss" in history.lines[-1] else None,
        "parameters": sum(value.numel() for value in trained.parameters()),
        "corpus_hash": corpus.hash,
        "versions": versions(),
    }
    if generates:
        result["alarms"] = alarms(history.lines)
    if isinstance(trained, Regressor):
        result |= evaluate_regressor(trained, data, corpus, part, seed)
    if not is_main_process(devices):
        return result
    songs = sorted(set(corpus.songs[part.train].tolist()))
    runs.save(
        out,
        kind,
        trained,
        clips.labels[part.train],
        {
            "config": resolved["settings"],
            "fields": configuration.unstructure(fields),
            "text": text,
            "front_end": configuration.unstructure(corpus.front_end),
            "front_end_hash": corpus.front_end.hash,
            "preset": corpus.meta["preset"],
            "corpus": {
                key: corpus.meta.get(key) for key in ("source", "licence", "label_scale", "content_hash", "splits_hash")
            },
            "fold": fold,
            "training_clips_hash": clips_hash(corpus, part.train),
            "seed": seed,
            "steps": loop.steps,
            "songs": songs,
            "interval_level": result["calibration"]["coverage"] if "calibration" in result else None,
        },
        fitted_inverse(corpus, part.train) if generates else None,
    )
    write_text(out / "MODEL_CARD.md", model_card(kind, corpus, result))
    write_json(out / "result.json", result)
    return result


def fit(
    kind: str,
    model: nn.Module,
    clips: Clips,
    loop: LoopConfig,
    options: ObjectiveOptions = ObjectiveOptions(),
    *,
    monitoring: Monitoring | None = None,
    run: Path | None = None,
    hardware: Hardware = Hardware(),
    progress: Progress = silent,
) -> tuple[History, nn.Module]:
    """Train a model in memory.

    Args:
        kind: its family.
        model: the model, of :func:`affetti.training.registry.make`.
        clips: what it is trained on.
        loop: steps, batch size and seed; a family with a closed form takes no steps.
        options: what its objective may use beside the clips.
        monitoring: how a generator is evaluated while it is trained; the best of it by coverage is the result.
        run: a folder to log, checkpoint and resume in.
        hardware: device and precision.
        progress: called with the steps taken.

    Returns:
        The log, and the model whose weights are to be used, in evaluation mode on the CPU.

    Raises:
        UsageError: the family is unknown.
        TrainingError: the loss is not a number.
        KeyboardInterrupt: asked to stop; with ``run`` a checkpoint has been filed.
    """
    chosen = family(kind)
    if chosen.closed_form is not None:
        chosen.closed_form(model, clips)
        return History(), model
    if chosen.objective is None:
        raise UsageError(f"a {kind} has no way of training", where="MODEL", hint="give its family an objective")
    model.train()  # one that was trained before is in evaluation mode
    model.fit_statistics(*clips.sample())  # type: ignore[operator]
    objective = chosen.objective(model, loop.steps, options)
    if monitoring is not None:
        objective = MonitoredObjective(
            objective,
            monitoring.monitor,
            loop.steps,
            monitoring.evaluations,
            monitoring.patience,
            validation=options.validation,
        )
    history = train(objective, clips, loop, run=run, hardware=hardware, stage=f"train {kind}", progress=progress)
    return history, objective.result.eval().cpu()


def labelled_clips(corpus: Corpus, rows: NDArray[np.intp]) -> Clips:
    """Clips of a corpus with valence and arousal."""
    return Clips(corpus.mel, corpus.labels, rows)


def training_clips(corpus: Corpus, rows: NDArray[np.intp], text: str) -> tuple[Clips, Fields]:
    """Clips of a corpus with all that ``rows`` can teach a generator, and the fields that is."""
    embed = text_embedder(text)
    fields = fields_of(corpus.clips.iloc[rows], embed)
    return Clips(corpus.mel, conditions(corpus.clips, fields, embed), rows), fields


def generator_monitor(corpus: Corpus, clips: Clips, held: Clips) -> GeneratorMonitor | None:
    """Who looks at a generator of ``kind`` while it learns from ``clips``; None where ``held`` are too few."""
    reader = Baseline(corpus.front_end.shape)
    fit_baseline(reader, Clips(clips.mel, clips.labels[:, :2], clips.rows))
    return GeneratorMonitor.of(clips, held, corpus.songs, reader, corpus.front_end)


def require_enough(clips: Clips, batch_size: int, kind: str) -> None:
    """Refuse to train on fewer clips than a batch, or on labels that are all equal.

    Raises:
        InputError: says how many there are.
    """
    if family(kind).closed_form is None and len(clips) < batch_size:
        raise InputError(
            f"{len(clips)} training clips, fewer than one batch of {batch_size}",
            hint="use a larger corpus, or a smaller --batch-size",
        )
    if len(clips) < 4:
        raise InputError(f"{len(clips)} training clips are too few", hint="use a larger corpus")
    labels = clips.labels[clips.rows]
    for axis, name in enumerate(("valence", "arousal")):
        if not labels[:, axis].std() > 1e-6:
            raise InputError(
                f"{name} is {labels[0, axis]:g} in all {len(clips)} training clips",
                hint="a model of emotion needs clips of different emotion",
            )


def require_test_songs(corpus: Corpus, part: splits.Fold) -> None:
    """Refuse a fold whose test clips are all of one song: no interval could be given.

    Raises:
        InputError: says which fold.
    """
    if np.unique(corpus.songs[part.test]).size < 2:
        raise InputError(
            f"fold {part.number} holds one test song, too few for an interval",
            where=corpus.path,
            hint="prepare the corpus with more songs, or fewer --folds",
        )


def clips_hash(corpus: Corpus, rows: NDArray[np.intp]) -> str:
    """A hash that names a set of clips of a corpus."""
    ids = "\n".join(sorted(corpus.clips["clip_id"].to_numpy(dtype=str)[rows].tolist()))
    return hashlib.sha256(f"{corpus.hash}\n{ids}".encode()).hexdigest()[:16]


def _whole(out: Path) -> bool:
    """Whether a finished run lies in ``out``; one that was damaged is filed anew from its last checkpoint."""
    try:
        runs.load(out)
    except (StorageError, MismatchError):
        return False
    return (out / "result.json").exists()
