"""Whether synthetic clips go with the emotion they were conditioned on, as a whole and by quadrant and genre.

A regressor that was trained on real clips alone predicts valence and arousal of the synthetic clips, and of real clips
it was not trained on; the second prediction is what the first can be at best. Without a regressor, the Fréchet joint
distance compares the joint distribution of features and conditions with that of real music.

By quadrant and genre sets are compared by the kernel distance: it has no bias in the number of songs, of which a
quadrant holds few, where Fréchet distances would be mostly bias.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from affetti import metrics
from affetti.corpus import Corpus, splits
from affetti.embedders.clip_set import ClipSet
from affetti.emotion import AXES, quadrant
from affetti.errors import InputError, MismatchError, UsageError
from affetti.execution.local import ranges
from affetti.random import child_seed
from affetti.rows import release_pages
from affetti.studies.scorecard.measurement import Measure
from affetti.studies.scorecard.result import (
    AxisConditioning,
    ByStratum,
    Conditioning,
    Estimate,
    GenreMeasures,
    JointDistance,
    QuadrantMeasures,
    RegressorSource,
    RelativeResponse,
    Response,
    Strata,
    StratumMeasure,
)
from affetti.training import evaluation
from affetti.training import fit as fitting
from affetti.training import run as runs
from affetti.training.clips import Clips
from affetti.training.loop import LoopConfig
from affetti.training.objectives.base import ObjectiveOptions
from affetti.training.registry import family
from affetti.training.signal_augmentation import RECIPE, augmented

BATCH_CLIPS = 128
"""Clips predicted at a time."""

Rows = NDArray[np.float64]


@dataclass(frozen=True)
class EmotionPredictions:
    """What a regressor predicts of synthetic clips and of real ones it was not trained on."""

    regressor: RegressorSource
    fake: Rows
    """Predicted valence and arousal of the synthetic clips ``[K, 2]``."""
    held_out: ClipSet
    """Real clips the regressor was not trained on."""
    real: Rows
    """Predicted valence and arousal of these ``[N, 2]``."""


def predict_emotions(
    real: ClipSet,
    reference: ClipSet,
    fake: ClipSet,
    fold: int | None,
    regressor: Path | None,
    seed: int,
    device: str = "cpu",
) -> EmotionPredictions | None:
    """Predict the emotions of both sides; ``None`` where no condition varies, or there is nothing to train on.

    Args:
        real: all real clips.
        reference: those that the synthetic clips are compared with.
        fake: the synthetic clips.
        fold: the fold of ``real`` whose training clips a regressor is trained on where none is given; default the
            first.
        regressor: its run folder.
        seed: of the training.
        device: where the regressor runs.

    Raises:
        UsageError: ``regressor`` is not a run of a regressor.
        MismatchError: it takes log-mels of another front-end.
    """
    if not conditions_vary(fake):
        return None
    if regressor is not None:
        trained = _open_regressor(regressor, fake, real)
        unseen = ~np.isin(reference.songs, sorted(trained.songs))
        held_out = reference if unseen.all() else reference.subset(np.flatnonzero(unseen))
        model, source = trained.model, RegressorSource(str(regressor), trained.kind)
    else:
        corpus = real.corpus
        if corpus is None or real.corpus_rows is None or real.labels is None:
            return None
        number = fold if fold is not None else splits.fold_numbers(corpus.clips)[0]
        part = real.fold(number)
        held_out = real.subset(part.test)
        model = train_regressor(corpus, _in_corpus(part, real.corpus_rows), seed)
        source = RegressorSource(None, "student", f"fold {number}'s training clips")
    network = _OnDevice(model, device)
    of_fake, of_real = (_predict(network, clips) for clips in (fake, held_out))
    return EmotionPredictions(source, of_fake, held_out, of_real)


def _in_corpus(part: splits.Fold, rows: NDArray[np.intp]) -> splits.Fold:
    """A fold of a set, whose clips are the given rows of its corpus, as rows of the corpus."""
    return splits.Fold(part.number, rows[part.train], rows[part.validation], rows[part.test])


def _open_regressor(path: Path, fake: ClipSet, real: ClipSet) -> runs.TrainedModel:
    trained = runs.load(path)
    if trained.kind not in runs.REGRESSORS:
        hint = f"give a run of {' or '.join(runs.REGRESSORS)}"
        raise UsageError(f"a {trained.kind} does not predict emotions", where=path, hint=hint)
    known = fake.front_end or real.front_end
    if fake.mel.shape[1:] != trained.front_end.shape or (known and known.hash != trained.front_end.hash):
        raise MismatchError(
            f"takes log-mels of front-end {trained.front_end.hash} {trained.front_end.shape}, "
            f"these are {known.hash if known else 'unknown'} {fake.mel.shape[1:]}",
            where=path,
            hint="use one --preset",
        )
    return trained


def _predict(network: nn.Module, clips: ClipSet) -> Rows:
    parts = [np.zeros((0, 2))]
    for start, stop in ranges(len(clips), BATCH_CLIPS):
        parts.append(evaluation.predict(network, clips.mel, np.arange(start, stop)))
        release_pages(clips.mel)
    return np.concatenate(parts)


class _OnDevice(nn.Module):
    """A regressor on some device, called from the CPU."""

    def __init__(self, model: nn.Module, device: str) -> None:
        super().__init__()
        self.model, self.device = model.to(device), device

    @torch.inference_mode()
    def forward(self, mel: Tensor) -> Tensor:
        return self.model(mel.to(self.device)).cpu()


def train_regressor(corpus: Corpus, part: splits.Fold, seed: int) -> Any:
    """A small regressor trained on a fold's training clips, as ``affetti train student`` trains it.

    Args:
        corpus: real clips.
        part: the fold; its validation clips stop the training.
        seed: of weights and batches.

    Raises:
        MismatchError: one of the training clips is synthetic.
    """
    budget = family("student").budget(corpus.meta["preset"])
    batch = min(budget.batch_size, max(2, len(part.train) // 2))
    splits.require_real(corpus.clips.iloc[part.train])
    torch.manual_seed(child_seed("weights", seed))
    model = runs.make("student", corpus.front_end.shape, {})
    validation = Clips(corpus.mel, corpus.labels, part.validation) if len(part.validation) else None
    clips, options = augmented(
        Clips(corpus.mel, corpus.labels, part.train), RECIPE, corpus.front_end, ObjectiveOptions(validation=validation)
    )
    _, trained = fitting.fit("student", model, clips, LoopConfig(budget.steps, batch, seed), options)
    return trained


def conditions_vary(fake: ClipSet) -> bool:
    """Whether synthetic clips were conditioned on different emotions."""
    return fake.labels is not None and not (np.ptp(fake.labels, axis=0) == 0).all()


def conditioning(fake: ClipSet, predictions: EmotionPredictions | None, seed: int) -> Conditioning | None:
    """How predictions of synthetic clips follow their condition, beside how those of real clips follow their labels."""
    if predictions is None or fake.labels is None:
        return None
    response = metrics.label_response(fake.labels, predictions.fake, fake.songs, seed)
    held_out = predictions.held_out
    if held_out.labels is None or len(np.unique(held_out.songs)) < 2:
        return Conditioning(*(_axis(response[axis], None, None) for axis in AXES))
    real = metrics.label_response(held_out.labels, predictions.real, held_out.songs, seed)
    relative = metrics.relative_to_real(response, real)
    return Conditioning(*(_axis(response[axis], real[axis], relative[axis]) for axis in AXES))


def _axis(
    response: dict[str, metrics.Result] | None,
    real: dict[str, metrics.Result] | None,
    relative: dict[str, float] | None,
) -> AxisConditioning:
    return AxisConditioning(
        **({} if response is None else _estimates(response)),
        real=None if real is None else Response(**_estimates(real)),
        relative=None if relative is None else RelativeResponse(**relative),
    )


def _estimates(results: dict[str, metrics.Result]) -> dict[str, Any]:
    return {name: Estimate(result.value, result.ci) for name, result in results.items()}


def joint_distance(reference: ClipSet, fake: ClipSet, x: Rows, y: Rows, seed: int) -> JointDistance:
    """The Fréchet joint distance of features and emotion, with the null of permuted conditions.

    Args:
        reference: real clips.
        fake: synthetic clips.
        x: embeddings of the real clips ``[N, D]``.
        y: embeddings of the synthetic clips ``[K, D]``.
        seed: of every resampling.
    """
    if reference.labels is None or fake.labels is None or not conditions_vary(fake):
        return JointDistance(reason="needs labels of real clips, and synthetic clips conditioned on different emotions")
    labels, songs = (reference.labels, fake.labels), (reference.songs, fake.songs)
    centre = x.mean(axis=0)
    try:
        result = metrics.frechet_joint_distance(x - centre, y - centre, labels, songs, seed=seed)
    except InputError as error:
        return JointDistance(reason=str(error))
    return JointDistance(
        Measure.of(result.joint),
        Measure.of(result.features),
        result.alpha,
        result.plain,
        result.null,
        result.p,
        result.permutations,
        result.seed,
    )


def strata(
    reference: ClipSet, fake: ClipSet, x: Rows, y: Rows, predictions: EmotionPredictions | None, seed: int
) -> Strata:
    """Kernel distance by quadrant and by genre, and by quadrant how far predictions lie from the condition.

    Args:
        reference: real clips.
        fake: synthetic clips.
        x: embeddings of the real clips ``[N, D]``.
        y: embeddings of the synthetic clips ``[K, D]``.
        predictions: the emotions of both sides, where they could be predicted.
        seed: of every resampling.
    """
    songs = (reference.songs, fake.songs)

    def kernel(rows: Sequence[NDArray[np.intp]], draw: int) -> metrics.Result:
        real, made = rows
        return metrics.kernel(x[real], y[made], (songs[0][real], songs[1][made]), draw)

    quadrants = QuadrantMeasures(reason="needs labels on both sides")
    if reference.labels is not None and fake.labels is not None:
        kernels, reason = _by_stratum(kernel, (quadrant(*reference.labels.T), quadrant(*fake.labels.T)), songs, seed)
        errors, other = _errors(fake, predictions, seed)
        quadrants = QuadrantMeasures(kernels, errors.get("valence"), errors.get("arousal"), reason or other)
    genres = GenreMeasures(reason="needs genres on both sides")
    of_real, of_fake = _known_genres(reference), _known_genres(fake)
    if of_real is not None and of_fake is not None:
        genres = GenreMeasures(*_by_stratum(kernel, (of_real, of_fake), songs, seed))
    return Strata(quadrants, genres)


def _by_stratum(
    measure: Any, strata: tuple[NDArray[np.str_], NDArray[np.str_]], songs: tuple[Any, Any], seed: int
) -> tuple[ByStratum | None, str | None]:
    """A measure by stratum, or the reason why there is none."""
    try:
        results = metrics.by_stratum(measure, strata, songs, seed=seed)
    except InputError as error:
        return None, str(error)
    return {
        name: StratumMeasure(
            None if stratum.result is None else Measure.of(stratum.result), stratum.reason, stratum.songs, stratum.drawn
        )
        for name, stratum in results.items()
    }, None


def _known_genres(clips: ClipSet) -> NDArray[np.str_] | None:
    return clips.genres if clips.genres is not None and (clips.genres != "").any() else None


def _errors(
    fake: ClipSet, predictions: EmotionPredictions | None, seed: int
) -> tuple[dict[str, ByStratum | None], str | None]:
    """By axis the mean absolute error in each quadrant of conditions; the floor is that of held-out real clips."""
    if predictions is None or fake.labels is None or predictions.held_out.labels is None:
        return {}, "needs predictions of the emotions of both sides"
    held_out, conditions, labels = predictions.held_out, fake.labels, predictions.held_out.labels
    quadrants = quadrant(*labels.T), quadrant(*conditions.T)
    errors: dict[str, ByStratum | None] = {}
    reason: str | None = None
    for axis in AXES:

        def error(rows: Sequence[NDArray[np.intp]], draw: int, axis: str = axis) -> metrics.Result:
            a, b = rows
            made = metrics.label_error(conditions[b], predictions.fake[b], fake.songs[b], draw)[axis]
            real = metrics.label_error(labels[a], predictions.real[a], held_out.songs[a], draw)[axis]
            return metrics.Result(made.value, made.ci, real.value, (len(a), len(b)), draw)

        errors[axis], failure = _by_stratum(error, quadrants, (held_out.songs, fake.songs), seed)
        reason = reason or failure
    return errors, reason
