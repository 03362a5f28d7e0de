"""``affetti train``: a generator or a regressor on one fold of a corpus."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from affetti.api.plan import Plan, describe_cost
from affetti.config import unstructure
from affetti.corpus import Corpus
from affetti.embedders.base import require_unseen
from affetti.embedders.cache import embed as embed_clips
from affetti.embedders.clip_set import open_clip_set
from affetti.embedders.registry import make_embedder
from affetti.embedders.statistics import STATISTICS
from affetti.errors import UsageError
from affetti.models.generators.conditioning import Fields
from affetti.progress import Progress, silent
from affetti.training import fit as fitting
from affetti.training.cost import measure_training
from affetti.training.device import Hardware, Precision
from affetti.training.loop import LoopConfig
from affetti.training.registry import FAMILIES, family, make
from affetti.training.result import ClipCounts, TrainResult
from affetti.training.text_embedders import HASHED
from affetti.training.train import TrainSettings, resolve_augmentations, train_run


@dataclass(frozen=True, kw_only=True)
class TrainPlan(Plan):
    """A model that would be trained."""

    verb: ClassVar[str | None] = "train"

    n: ClipCounts
    steps: int


def run(
    model: str,
    corpus: str | Path,
    out: str | Path,
    *,
    fold: int = 0,
    steps: int | None = None,
    batch_size: int | None = None,
    checkpoint_every: int = 500,
    seed: int = 0,
    settings: dict[str, Any] | None = None,
    teacher: str | Path | None = None,
    features: str | None = None,
    text: str = HASHED,
    augment: str | None = None,
    patience: int | None = None,
    device: str = "cpu",
    precision: Precision = "32",
    devices: int = 1,
    tensorboard: bool = False,
    progress: Progress = silent,
) -> TrainResult:
    """Train a model of :data:`affetti.training.registry.FAMILIES`; see :func:`affetti.training.train.train_run`.

    A student may learn from the run ``teacher``; a baseline may predict from ``features``, named as for :func:`score`.
    Networks that predict emotion are trained with the augmentations ``augment``, joined by ``+``: by default
    SpecAugment; ``none`` leaves them out, and with them a student's early stopping. A generator's lyrics are embedded
    by ``text``, see :mod:`affetti.training.text_embedders`.
    """
    opened = Corpus.open(corpus)
    settings, embedding = _embedded(model, opened, fold, settings or {}, features, progress)
    return train_run(
        model,
        opened,
        fold,
        Path(out),
        TrainSettings(
            steps=steps,
            batch_size=batch_size,
            checkpoint_every=checkpoint_every,
            seed=seed,
            model=settings,
            text=text,
            teacher=None if teacher is None else Path(teacher),
            augment=augment,
            patience=patience,
            device=device,
            precision=precision,
            devices=devices,
            tensorboard=tensorboard,
        ),
        embedding=embedding,
        progress=progress,
    )


def plan(
    model: str,
    corpus: str | Path,
    out: str | Path,
    *,
    fold: int = 0,
    steps: int | None = None,
    batch_size: int | None = None,
    checkpoint_every: int = 500,
    seed: int = 0,
    settings: dict[str, Any] | None = None,
    teacher: str | Path | None = None,
    features: str | None = None,
    text: str = HASHED,
    augment: str | None = None,
    patience: int | None = None,
    device: str = "cpu",
    precision: Precision = "32",
    devices: int = 1,
    tensorboard: bool = False,
    progress: Progress = silent,
) -> TrainPlan:
    """Plan a training run, with the arguments of :func:`run`: a few steps are taken in memory."""
    opened = Corpus.open(corpus)
    part, preset = opened.fold(fold), opened.meta["preset"]
    chosen = family(model)
    budget = chosen.budget(preset)
    n_steps = budget.steps if steps is None else steps
    batch = max(2, min(budget.batch_size, len(part.train))) if batch_size is None else batch_size
    LoopConfig(n_steps, batch, seed)  # refuses what the loop could not run
    resolve_augmentations(model, augment)
    clips, fields = fitting.labelled_clips(opened, part.train), Fields()
    if chosen.generates:
        clips, fields = fitting.training_clips(opened, part.train, text)
    made = make(model, opened.front_end.shape, chosen.settings_at(preset) | (settings or {}), fields)
    clips = chosen.training_clips(clips, opened, made)
    parameters = sum(value.numel() for value in made.parameters())
    fitting.require_enough(clips, batch, model)
    untrained = partial(make, model, opened.front_end.shape, unstructure(made.config), fields)
    seconds = measure_training(model, untrained, clips, batch, Hardware(device, precision)).seconds(n_steps)
    how = "in closed form" if chosen.objective_name is None else f"for {n_steps} steps of {batch}"
    size = 4 * 9 * parameters  # float32: weights, and two checkpoints of weights, average and two moments
    return TrainPlan(
        n=ClipCounts(len(part.train), len(part.validation), len(part.test)),
        steps=n_steps,
        bytes=size,
        seconds=round(seconds, 1),
        plan=f"would train {model} {how} on {len(part.train)} clips of {corpus} and write "
        + describe_cost(size, seconds, Path(out)),
    )


def _embedded(
    model: str, corpus: Corpus, fold: int, settings: dict[str, Any], features: str | None, progress: Progress
) -> tuple[dict[str, Any], NDArray[np.float64] | None]:
    """Settings of a baseline that predicts from an embedding, and the embedding of each clip; else what was given."""
    name = features or settings.get("features", STATISTICS.name)
    from_embeddings = family(model).predicts_from_embeddings
    if features is not None and not from_embeddings:
        others = " or ".join(kind for kind, other in FAMILIES.items() if other.predicts_from_embeddings)
        raise UsageError(
            f"a {model} is trained on log-mels alone", where="--features", hint=f"leave it out, or train a {others}"
        )
    if not from_embeddings or name == STATISTICS.name:
        return settings, None
    embedder = make_embedder(name)
    require_unseen(embedder, corpus.songs[corpus.fold(fold).test])
    values = embed_clips(open_clip_set(corpus.path, progress=progress), embedder, progress=progress)
    return {**settings, "features": name, "version": embedder.version, "dimension": values.shape[1]}, values
