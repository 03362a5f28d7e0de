"""``affetti train``: a generator or a regressor on one fold of a corpus."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from affetti.api.plan import Plan, describe_cost
from affetti.config import unstructure
from affetti.corpus import Corpus
from affetti.corpus.window_labels import LabelUnit
from affetti.embedders.base import Embedder, embed_rows, require_input, require_unseen
from affetti.embedders.cache import embed
from affetti.embedders.clip_set import ClipSet, corpus_clips
from affetti.embedders.descriptors import HANDCRAFTED, HARMONY
from affetti.embedders.registry import AUTO, JOINT, make_embedders
from affetti.embedders.statistics import STATISTICS
from affetti.errors import UsageError
from affetti.progress import Progress, silent
from affetti.signal.descriptors import HARMONY_NAMES
from affetti.training.alignment import alignment_seconds
from affetti.training.conditions import FieldChoice
from affetti.training.cost import measure_training
from affetti.training.device import Hardware, Precision
from affetti.training.feature_choice import validation_ccc
from affetti.training.objectives.base import ObjectiveOptions
from affetti.training.registry import FAMILIES, family, make
from affetti.training.result import ClipCounts, TrainResult
from affetti.training.text_embedders import HASHED
from affetti.training.train import TrainSettings, prepare_run, train_run

NO_WEIGHTS = "none"
"""In place of a run to start from: random weights."""
PROBE_CLIPS = 8
"""Clips that a plan embeds."""


@dataclass(frozen=True, kw_only=True)
class TrainPlan(Plan):
    """A model that would be trained."""

    verb: ClassVar[str | None] = "train"

    n: ClipCounts
    steps: int


_Features = tuple[dict[str, Any], NDArray[np.float64] | None, dict[str, float] | None]


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
    init: str | Path | None = None,
    align: str | Path | None = None,
    beta: float | None = None,
    features: str | None = None,
    text: str = HASHED,
    inputs: str | None = None,
    fields: str | Sequence[str] | None = None,
    without: str | Sequence[str] | None = None,
    augment: str | None = None,
    patience: int | None = None,
    labels: LabelUnit = "song",
    device: str = "cpu",
    precision: Precision = "32",
    devices: int = 1,
    nodes: int = 1,
    tensorboard: bool = False,
    progress: Progress = silent,
) -> TrainResult:
    """Train a model of :data:`affetti.training.registry.FAMILIES`; see :func:`affetti.training.train.train_run`.

    A student may learn from the run ``teacher``. Any model but a baseline may start from the weights of the run
    ``init`` (:mod:`affetti.training.start`): ``shipped`` are those that ship with affetti, ``none`` (default) random
    ones. A baseline predicts from ``features``, named as for
    :func:`score`; those without weights may be joined by ``+``. By default (``auto``) it is the one of ``statistics``,
    ``harmony``, ``handcrafted`` and ``statistics`` joined by either that predicts validation songs best, if the corpus
    holds audio, and ``statistics`` if it does not.
    Networks that predict emotion are trained with the augmentations ``augment``, joined by ``+``: by default
    SpecAugment; ``none`` leaves them out, and with them a student's early stopping. A regressor predicts from
    ``inputs``: ``mel``, or ``mel,lyrics`` (also ``genre``, ``instruments``), by late fusion. Lyrics are embedded by
    ``text``, see :mod:`affetti.training.text_embedders`. A generator is conditioned on emotion and all fields that its
    training clips can teach, or on ``fields`` alone, or not on those of ``without`` (names, or texts with commas).
    With ``labels="window"`` each clip has a label of its own from ratings over time, see
    :mod:`affetti.corpus.window_labels`. With ``align`` a flow is not trained from the start: that run is
    fine-tuned to prefer real clips to its own (:mod:`affetti.training.alignment`), with the weight ``beta`` of staying
    as it is, which validation songs choose by default.
    """
    choice = FieldChoice.parse(fields, without)
    opened = Corpus.open(corpus, labels)
    given = settings or {}
    settings, embedding, scores = _embedded(model, opened, fold, given, features, partial(embed, progress=progress))
    chosen = TrainSettings(
        steps=steps,
        batch_size=batch_size,
        checkpoint_every=checkpoint_every,
        seed=seed,
        model=settings,
        text=text,
        inputs=inputs,
        fields=choice.only,
        without=choice.without,
        teacher=None if teacher is None else Path(teacher),
        init=None if init in (None, NO_WEIGHTS) else Path(init),
        align=None if align is None else Path(align),
        beta=beta,
        augment=augment,
        patience=patience,
        device=device,
        precision=precision,
        devices=devices,
        nodes=nodes,
        tensorboard=tensorboard,
    )
    return train_run(model, opened, fold, Path(out), chosen, embedding=embedding, feature_ccc=scores, progress=progress)


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
    init: str | Path | None = None,
    align: str | Path | None = None,
    beta: float | None = None,
    features: str | None = None,
    text: str = HASHED,
    inputs: str | None = None,
    fields: str | Sequence[str] | None = None,
    without: str | Sequence[str] | None = None,
    augment: str | None = None,
    patience: int | None = None,
    labels: LabelUnit = "song",
    device: str = "cpu",
    precision: Precision = "32",
    devices: int = 1,
    nodes: int = 1,
    tensorboard: bool = False,
    progress: Progress = silent,
) -> TrainPlan:
    """Plan a training run, with the arguments of :func:`run`: a few steps are taken in memory.

    Teacher, features, device and all else that :func:`run` would refuse is refused here.
    """
    choice = FieldChoice.parse(fields, without)
    opened = Corpus.open(corpus, labels)
    probe = _EmbeddingProbe()
    settings, embedding, _ = _embedded(model, opened, fold, settings or {}, features, probe)
    chosen = TrainSettings(
        steps=steps,
        batch_size=batch_size,
        checkpoint_every=checkpoint_every,
        seed=seed,
        model=settings,
        text=text,
        inputs=inputs,
        fields=choice.only,
        without=choice.without,
        teacher=None if teacher is None else Path(teacher),
        init=None if init in (None, NO_WEIGHTS) else Path(init),
        align=None if align is None else Path(align),
        beta=beta,
        augment=augment,
        patience=patience,
        device=device,
        precision=precision,
        devices=devices,
        nodes=nodes,
        tensorboard=tensorboard,
    )
    prepared = prepare_run(model, opened, fold, chosen, embedding)
    loop, part, made = prepared.loop, prepared.part, prepared.model
    parameters = sum(value.numel() for value in made.parameters())
    hardware = Hardware(device, precision)
    if prepared.reference is not None:
        seconds = alignment_seconds(prepared.reference, prepared.clips, loop, beta, hardware)
    else:
        untrained = partial(make, model, opened.front_end.shape, unstructure(made.config), prepared.fields)
        options = ObjectiveOptions(teacher=prepared.teacher)
        cost = measure_training(model, untrained, prepared.clips, loop.batch_size, hardware, options)
        seconds = probe.seconds + cost.seconds(loop.steps)
    closed_form = prepared.family.objective_name is None
    how = "in closed form" if closed_form else f"for {loop.steps} steps of {loop.batch_size}"
    size = 4 * 9 * parameters  # float32: weights, and two checkpoints of weights, average and two moments
    return TrainPlan(
        n=ClipCounts(len(part.train), len(part.validation), len(part.test)),
        steps=loop.steps,
        bytes=size,
        seconds=round(seconds, 1),
        plan=f"would train {model} {how} on {len(part.train)} clips of {corpus} and write "
        + describe_cost(size, seconds, Path(out)),
    )


@dataclass
class _EmbeddingProbe:
    """Embeds a few clips, whose vectors stand for those of all, and estimates the seconds that all would take."""

    seconds: float = 0.0

    def __call__(self, clips: ClipSet, embedder: Embedder) -> NDArray[np.float64]:
        require_input(embedder, clips)
        began, n = time.perf_counter(), min(PROBE_CLIPS, len(clips))
        vectors = embed_rows(embedder, clips, range(n)).astype(np.float64)
        self.seconds = (time.perf_counter() - began) * len(clips) / n
        return np.resize(vectors, (len(clips), vectors.shape[1]))


def _embedded(
    model: str,
    corpus: Corpus,
    fold: int,
    settings: dict[str, Any],
    features: str | None,
    embed: Callable[[ClipSet, Embedder], NDArray[np.float64]],
) -> _Features:
    """Settings of a baseline that predicts from an embedding, the embedding of each clip and how the choice was made.

    Raises:
        UsageError: the model takes log-mels alone, or there are no such features.
        InputError, MismatchError: they cannot be had of this corpus, or were trained on its test songs.
    """
    from_embeddings = family(model).predicts_from_embeddings
    if features is not None and not from_embeddings:
        others = " or ".join(kind for kind, other in FAMILIES.items() if other.predicts_from_embeddings)
        raise UsageError(
            f"a {model} is trained on log-mels alone", where="--features", hint=f"leave it out, or train a {others}"
        )
    if not from_embeddings:
        return settings, None, None
    name = features or settings.get("features", AUTO)
    clips = corpus_clips(corpus)
    plain = {key: value for key, value in settings.items() if key not in ("features", "version", "dimension")}
    if name == AUTO:
        return _chosen(clips, corpus, fold, plain, embed)
    if name == STATISTICS.name:
        return plain, None, None
    embedders = make_embedders(name)
    for embedder in embedders:
        require_unseen(embedder, corpus.songs[corpus.fold(fold).test])
    values = np.concatenate([embed(clips, embedder) for embedder in embedders], axis=1)
    return _with_features(plain, name, values.shape[1]), values, None


def _chosen(
    clips: ClipSet,
    corpus: Corpus,
    fold: int,
    settings: dict[str, Any],
    embed: Callable[[ClipSet, Embedder], NDArray[np.float64]],
) -> _Features:
    """The features that predict validation songs best, where the corpus has sound and the fold validation songs."""
    part = corpus.fold(fold)
    has_sound = clips.files is not None and all(file.is_file() for file in clips.files)
    if not (has_sound and len(part.validation)):
        return settings, None, None
    vectors = {name: embed(clips, make_embedders(name)[0]) for name in (STATISTICS.name, HANDCRAFTED.name)}
    # The first numbers of `handcrafted` are those of `harmony`.
    vectors[HARMONY.name] = vectors[HANDCRAFTED.name][:, : len(HARMONY_NAMES)]
    for name in (HARMONY.name, HANDCRAFTED.name):
        vectors[JOINT.join((STATISTICS.name, name))] = np.concatenate([vectors[STATISTICS.name], vectors[name]], axis=1)
    scores = validation_ccc(vectors, corpus.labels, part, settings)
    best = max(scores, key=scores.__getitem__)
    if best == STATISTICS.name:
        return settings, None, scores
    return _with_features(settings, best, vectors[best].shape[1]), vectors[best], scores


def _with_features(settings: dict[str, Any], name: str, dimension: int) -> dict[str, Any]:
    version = JOINT.join(embedder.version for embedder in make_embedders(name))
    return {**settings, "features": name, "version": version, "dimension": dimension}
