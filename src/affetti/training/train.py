"""Train a model on one fold of a corpus and save it as a run.

Only the fold's training clips are used; generators are monitored, and regressors stopped and calibrated, on its
validation songs. Called again with the same settings it resumes from the last checkpoint, or returns the finished run.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from affetti import config as configuration
from affetti.corpus import Corpus, splits
from affetti.errors import MismatchError, StorageError, UsageError
from affetti.models.base import Generator, Regressor
from affetti.models.generators.conditioning import Fields
from affetti.models.regressors.base import NeuralRegressor
from affetti.models.regressors.baseline import Baseline
from affetti.models.regressors.late_fusion import LateFusion
from affetti.output_lock import releases_outputs
from affetti.progress import Progress, silent
from affetti.provenance import versions
from affetti.random import child_seed
from affetti.storage import read_json, remove_partial, reserve_output, write_text
from affetti.training import run as runs
from affetti.training.alignment import align, choose_fields, load_reference, require_beta, resolve_text, untrained_model
from affetti.training.clips import Clips
from affetti.training.conditions import FieldChoice
from affetti.training.device import Hardware, Precision
from affetti.training.evaluation import evaluate_regressor, predict, with_evaluation
from affetti.training.fit import clips_hash, fit, generator_monitor, require_enough, require_test_songs, training_clips
from affetti.training.late_fusion import evaluate_fusion, sound_features
from affetti.training.loop import History, LoopConfig
from affetti.training.mel_inverse import fitted_inverse
from affetti.training.model_card import model_card
from affetti.training.monitor import Monitoring, alarms
from affetti.training.objectives.base import ObjectiveOptions
from affetti.training.registry import Budget, Family, family
from affetti.training.result import Alignment, ClipCounts, FusionReport, SongCounts, TrainResult
from affetti.training.run_meta import RunMeta, TrainingCorpus
from affetti.training.side_inputs import SOUND, SideInputs, corpus_inputs, resolve_inputs
from affetti.training.signal_augmentation import NONE, augmented, resolve_augmentations
from affetti.training.start import Start, load_start, take_weights
from affetti.training.teacher import load_teacher
from affetti.training.tensorboard import require_tensorboard
from affetti.training.text_embedders import HASHED, text_embedder

MAY_DIFFER = frozenset({"corpus", "teacher", "init", "align", "device", "checkpoint_every"})
"""Settings that do not change a run: corpus and runs may have moved, and where steps are computed is no matter."""


@dataclass(frozen=True)
class TrainSettings:
    """How a run is trained; None takes the default of the family at the preset of the corpus."""

    steps: int | None = None
    """Updates, ≥ 1."""
    batch_size: int | None = None
    """Clips a batch, ≥ 2."""
    checkpoint_every: int = 500
    """Steps between checkpoints, ≥ 1."""
    seed: int = 0
    """Of weights, batches and noise, ≥ 0."""
    model: dict[str, Any] = field(default_factory=dict[str, Any])
    """Settings of the model that differ from the defaults of its family."""
    text: str = HASHED
    """Embedder of lyrics, see :mod:`affetti.training.text_embedders`."""
    teacher: Path | None = None
    """Run of the regressor that a student learns from."""
    init: Path | None = None
    """Run whose weights training begins with instead of random ones, see :mod:`affetti.training.start`; ``shipped``:
    those that ship with affetti. Its settings are the model's, but for those that :attr:`model` gives."""
    fields: tuple[str, ...] | None = None
    """Fields that a generator is conditioned on besides emotion; None: all that its training clips can teach."""
    without: tuple[str, ...] = ()
    """Fields that a generator is not conditioned on, of all those."""
    align: Path | None = None
    """Run of the generator that is aligned, see :mod:`affetti.training.alignment`; None: one is trained from the start.
    Its settings and its embedder of lyrics are that run's, and it takes half of its steps unless :attr:`steps` says."""
    beta: float | None = None
    """β of the alignment, > 0; None: validation songs choose it."""
    augment: str | None = None
    """Augmentations of a regressor that is trained step by step, joined by ``+``; None: those of
    :data:`affetti.training.signal_augmentation.RECIPE`; ``none``: none, and a student takes all its steps."""
    patience: int | None = None
    """Evaluations of a generator without better coverage after which its training ends; 0: never."""
    device: str = "cpu"
    """``cpu``, ``cuda``, ``mps`` or ``auto``."""
    precision: Precision = "32"
    devices: int = 1
    """How many of each node work on each batch, see :class:`affetti.training.device.Hardware`."""
    nodes: int = 1
    tensorboard: bool = False
    """Whether to log for TensorBoard too."""
    inputs: str | None = None
    """What a regressor predicts from, such as ``mel,lyrics`` (:mod:`affetti.training.side_inputs`); None: ``mel``."""


@dataclass(frozen=True)
class PreparedRun:
    """All that a run is made of, checked, before anything is written."""

    kind: str
    family: Family
    corpus: Corpus
    part: splits.Fold
    data: NDArray[np.floating]
    """What a regressor predicts from: log-mels ``[N, M, F]``, or embeddings ``[N, D]``."""
    clips: Clips
    fields: Fields
    model: Generator | Regressor
    loop: LoopConfig
    hardware: Hardware
    teacher: NeuralRegressor | None
    augmentations: tuple[str, ...]
    """Of a regressor, see :mod:`affetti.training.signal_augmentation`."""
    settings: dict[str, Any]
    """``config.json``."""
    side: SideInputs | None = None
    """Inputs of a regressor besides sound."""
    reference: runs.TrainedModel | None = None
    """What is aligned."""
    start: Start | None = None
    """The run whose weights the model has."""


@releases_outputs
def train_run(
    kind: str,
    corpus: Corpus,
    fold: int,
    out: Path,
    settings: TrainSettings = TrainSettings(),
    *,
    embedding: NDArray[np.float64] | None = None,
    feature_ccc: dict[str, float] | None = None,
    progress: Progress = silent,
) -> TrainResult:
    """Train a model of family ``kind`` on fold ``fold`` of ``corpus`` and save it in the run folder ``out``.

    A generator is trained on every field that the training clips can teach, see :mod:`affetti.training.conditions`.

    Args:
        kind: one of :data:`affetti.training.registry.FAMILIES`.
        corpus: the clips.
        fold: number of the fold; its test clips are not seen in training.
        out: a new or empty folder, or that of this very run, which is then resumed or returned.
        settings: how it is trained.
        embedding: one vector a clip ``[N, D]`` that a baseline predicts from instead of the log-mels.
        feature_ccc: what the features were chosen by, for the result.
        progress: called with the steps taken.

    Returns:
        What was written to ``result.json``.

    Raises:
        UsageError: the model or a setting is unknown.
        InputError: the fold has too few clips.
        MismatchError: the teacher, or the run to start from, was trained on test songs, or takes another front-end; the
            generator to be aligned was trained on other clips.
        StorageError: the folder holds another run.
        TrainingError: the loss is not a number.
    """
    prepared = prepare_run(kind, corpus, fold, settings, embedding)
    main = prepared.hardware.join(out / "config.json")
    if reserve_output(out, prepared.settings, MAY_DIFFER) and _is_complete(out):
        return TrainResult.open(out)
    if main:
        remove_partial(out)
    history, model, alignment = _fit(prepared, settings.patience, out, progress)
    initial = None if prepared.start is None else prepared.start.weights
    result = _evaluate(prepared, history, model)
    result = replace(result, feature_ccc=feature_ccc, alignment=alignment, initial_weights=initial)
    fusion = None
    if prepared.side is not None:
        fusion, report = _fuse(prepared, prepared.side, model)
        result = replace(result, fusion=report)
    if main:
        _save(prepared, model, result, out, fusion)
    return result


def prepare_run(
    kind: str, corpus: Corpus, fold: int, settings: TrainSettings, embedding: NDArray[np.float64] | None = None
) -> PreparedRun:
    """The clips, an untrained model and the settings resolved, with the arguments of :func:`train_run`.

    Raises:
        AffettiError: what :func:`train_run` says, but for what depends on its folder.
    """
    chosen = family(kind)
    part = corpus.fold(fold)
    preset = corpus.meta["preset"]
    budget = chosen.budget(preset)
    require_beta(settings.beta, aligned=settings.align is not None)
    reference = None if settings.align is None else load_reference(kind, settings.align, corpus, part)
    start = None if settings.init is None else load_start(kind, settings.init, corpus, part)
    if reference is not None and start is not None:
        raise UsageError("--align with --init", where="--init", hint="leave one out: a run is aligned as it is")
    loop = _loop(settings, budget, len(part.train), reference)
    if settings.tensorboard:
        require_tensorboard()
    hardware = Hardware(settings.device, settings.precision, settings.devices, settings.nodes)
    loop = replace(loop, batch_size=hardware.batch_size(settings.batch_size, loop.batch_size))
    torch.manual_seed(child_seed("weights", settings.seed))
    data = corpus.mel if embedding is None else embedding
    choice = choose_fields(kind, FieldChoice(settings.fields, settings.without), reference)
    clips, fields = Clips(data, corpus.labels, part.train), Fields()
    text = settings.text if reference is None else resolve_text(reference, settings.text)
    if chosen.generates:
        clips, fields = training_clips(corpus, part.train, text, choice)
    set_by = {} if start is None else start.meta.config
    model = untrained_model(kind, corpus, set_by | settings.model, fields, reference)
    taken = None if start is None else take_weights(model, start, text)
    clips = chosen.training_clips(clips, corpus, model)
    teacher, weights = None, None
    if settings.teacher is not None:
        teacher = load_teacher(kind, settings.teacher, corpus, corpus.songs[part.test].tolist())
        weights = read_json(settings.teacher / "model.json")["weights_sha256"]
    require_enough(clips, loop.batch_size, kind)
    if not chosen.generates:
        require_test_songs(corpus, part)
    signals = resolve_augmentations(kind, settings.augment)
    names = resolve_inputs(kind, settings.inputs)
    side = corpus_inputs(corpus, part, names, text_embedder(settings.text)) if names else None
    saved = {
        "verb": "train",
        "model": kind,
        "corpus": str(corpus.path),
        "corpus_hash": corpus.hash,
        "fold": fold,
        "steps": loop.steps,
        "batch_size": loop.batch_size,
        "checkpoint_every": settings.checkpoint_every,
        "seed": settings.seed,
        "device": settings.device,
        "precision": settings.precision,
        "devices": settings.devices,
        "settings": configuration.unstructure(model.config),
        "text": text,
        "fields": None if settings.fields is None else ",".join(("emotion", *settings.fields)),
        "without": ",".join(settings.without) or None,
        "patience": settings.patience,
        "augment": ("+".join(signals) or NONE) if chosen.augmentable else None,
        "teacher": None if settings.teacher is None else str(settings.teacher),
        "teacher_weights": weights,
        "labels": corpus.label_unit,
        "init": None if settings.init is None else str(settings.init),
        "init_weights": None if taken is None else taken.run.meta.weights_sha256,
        **({"inputs": ",".join((SOUND, *names))} if names else {}),
        "align": None if settings.align is None else str(settings.align),
        **({"nodes": settings.nodes} if settings.nodes > 1 else {}),
        "align_weights": None if reference is None else reference.meta.weights_sha256,
        "beta": settings.beta,
    }
    given = (kind, chosen, corpus, part, data, clips, fields, model, loop, hardware, teacher)
    return PreparedRun(*given, signals, saved, side, reference, taken)


def _loop(settings: TrainSettings, budget: Budget, n_clips: int, reference: runs.TrainedModel | None) -> LoopConfig:
    """How long and how; a model is aligned for half of its own steps."""
    steps = budget.steps if reference is None else max(1, (reference.meta.steps or budget.steps) // 2)
    return LoopConfig(
        steps if settings.steps is None else settings.steps,
        max(2, min(budget.batch_size, n_clips)) if settings.batch_size is None else settings.batch_size,
        settings.seed,
        settings.checkpoint_every,
        tensorboard=settings.tensorboard,
    )


def _fit(
    prepared: PreparedRun, patience: int | None, out: Path, progress: Progress
) -> tuple[History, nn.Module, Alignment | None]:
    """The log, the trained model and, where one was aligned, how."""
    kind, corpus, part, clips = prepared.kind, prepared.corpus, prepared.part, prepared.clips
    budget = prepared.family.budget(corpus.meta["preset"])
    validation, monitoring = None, None
    if len(part.validation):
        validation = Clips(prepared.data, clips.labels, part.validation)
    if prepared.family.generates and validation is not None:
        monitor = generator_monitor(corpus, Clips(corpus.mel, clips.labels, part.train), validation)
        if monitor is not None:
            monitoring = Monitoring(monitor, budget.evaluations, budget.patience if patience is None else patience)
    options = ObjectiveOptions(validation=validation, teacher=prepared.teacher, pretrained=prepared.start is not None)
    if prepared.family.augmentable:
        clips, options = augmented(clips, prepared.augmentations, corpus.front_end, options)
    if prepared.reference is not None:
        aligned = align(
            prepared.reference,
            clips,
            prepared.loop,
            prepared.settings["beta"],
            run=out,
            options=options,
            monitoring=monitoring,
            hardware=prepared.hardware,
            progress=progress,
        )
        return aligned.history, aligned.model, aligned.alignment
    history, model = fit(
        kind,
        prepared.model,
        clips,
        prepared.loop,
        options,
        monitoring=monitoring,
        run=out,
        hardware=prepared.hardware,
        progress=progress,
    )
    return history, model, None


def _evaluate(prepared: PreparedRun, history: History, model: nn.Module) -> TrainResult:
    """What is to be said of the trained model; a regressor is calibrated and tested."""
    corpus, part = prepared.corpus, prepared.part
    last = history.lines[-1] if history.lines else {}
    result = TrainResult(
        model=prepared.kind,
        fold=part.number,
        n=ClipCounts(len(part.train), len(part.validation), len(part.test)),
        songs=SongCounts(int(np.unique(corpus.songs[part.train]).size)),
        steps=int(last.get("step", prepared.loop.steps)),
        seed=prepared.loop.seed,
        seconds=round(last.get("seconds", 0.0), 2),
        loss=last.get("loss"),
        parameters=sum(value.numel() for value in model.parameters()),
        corpus_hash=corpus.hash,
        versions=versions(),
        labels=corpus.label_unit,
        features=model.config.features if isinstance(model, Baseline) else None,
        alarms=tuple(alarms(history.lines)) if prepared.family.generates else None,
    )
    if not isinstance(model, Regressor):
        return result
    return with_evaluation(result, evaluate_regressor(model, prepared.data, corpus, part, prepared.loop.seed))


def _fuse(prepared: PreparedRun, side: SideInputs, model: nn.Module) -> tuple[LateFusion, FusionReport]:
    """What the other inputs add to the trained regressor."""
    part = prepared.part
    held_out, test = (predict(model, prepared.data, rows) for rows in (part.validation, part.test))
    features = sound_features(prepared.data, part.train)
    return evaluate_fusion(side, features, prepared.corpus, part, (held_out, test), prepared.loop.seed)


def _save(prepared: PreparedRun, model: nn.Module, result: TrainResult, out: Path, fusion: LateFusion | None) -> None:
    """File the model, its card and the result; the result last, for it says that the rest is whole."""
    corpus, part, start = prepared.corpus, prepared.part, prepared.start
    before, earlier = prepared.reference, () if prepared.reference is None else prepared.reference.meta.pretrained_on
    if start is not None:
        before, earlier = start.run, start.run.meta.sources
    meta = RunMeta(
        kind=prepared.kind,
        config=prepared.settings["settings"],
        fields=prepared.fields if prepared.side is None else prepared.side.fields,
        text=prepared.settings["text"],
        front_end=corpus.front_end,
        preset=corpus.meta["preset"],
        corpus=TrainingCorpus(**{field.name: corpus.meta.get(field.name) for field in fields(TrainingCorpus)}),
        fold=part.number,
        training_clips_hash=clips_hash(corpus, part.train),
        songs=tuple(sorted(set(corpus.songs[part.train].tolist()) | (set() if before is None else before.songs))),
        seed=prepared.loop.seed,
        steps=prepared.loop.steps,
        inputs=() if prepared.side is None else prepared.side.names,
        interval_level=None if result.calibration is None else result.calibration.coverage,
        labels=corpus.label_unit,
        aligned_from=prepared.settings["align_weights"],
        initial_weights=prepared.settings["init_weights"],
        pretrained_on=earlier,
    )
    runs.save(
        out,
        model,
        prepared.clips.labels[part.train],
        meta,
        fitted_inverse(corpus, part.train) if prepared.family.generates else None,
        fusion,
    )
    write_text(out / "MODEL_CARD.md", model_card(corpus, result))
    result.save(out)


def _is_complete(out: Path) -> bool:
    """Whether a finished run lies in ``out``; one that was damaged is saved again from its last checkpoint."""
    try:
        runs.load(out)
    except (StorageError, MismatchError):
        return False
    return (out / "result.json").exists()
