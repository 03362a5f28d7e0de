"""Emotions that a regressor trained on real clips only predicts of synthetic clips, and of held-out real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from affetti.corpus import Corpus, splits
from affetti.embedders.clip_set import ClipSet
from affetti.embedders.descriptors import HARMONY
from affetti.errors import MismatchError
from affetti.execution.local import ranges
from affetti.random import child_seed
from affetti.rows import release_pages
from affetti.studies.scorecard.harmony_valence import harmony_valence
from affetti.studies.scorecard.result import RegressorSource
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
    others: tuple[Rows | None, ...] = ()
    """The same of the clips of each other generator; ``None`` where no condition of theirs varies."""


def predict_emotions(
    real: ClipSet,
    reference: ClipSet,
    fake: ClipSet,
    fold: int | None,
    regressor: Path | None,
    seed: int,
    device: str = "cpu",
    others: Sequence[ClipSet] = (),
) -> EmotionPredictions | None:
    """Predict the emotions of both sides; ``None`` where no condition varies, or there is nothing to train on.

    Where no regressor is given and all sets have sound, valence may be predicted from harmony instead, see
    :func:`affetti.studies.scorecard.harmony_valence.harmony_valence`.

    Args:
        real: all real clips.
        reference: those that the synthetic clips are compared with.
        fake: the synthetic clips.
        fold: the fold of ``real`` whose training clips a regressor is trained on where none is given; default the
            first.
        regressor: its run folder.
        seed: of the training.
        device: where the regressor runs.
        others: clips of other generators, of which the same regressor predicts the emotions.

    Raises:
        UsageError: ``regressor`` is not a run of a regressor of log-mels.
        MismatchError: it takes log-mels of another front-end.
    """
    if not conditions_vary(fake):
        return None
    part: splits.Fold | None = None
    if regressor is not None:
        trained = open_regressor(regressor, fake, real)
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
    of_others = tuple(_predict(network, clips) if conditions_vary(clips) else None for clips in others)
    predictions = EmotionPredictions(source, of_fake, held_out, of_real, of_others)
    if part is None or not len(part.validation):
        return predictions
    return _with_harmony(predictions, real, part, _predict(network, real.subset(part.validation)), fake, others)


def _with_harmony(
    predictions: EmotionPredictions,
    real: ClipSet,
    part: splits.Fold,
    of_validation: Rows,
    fake: ClipSet,
    others: Sequence[ClipSet],
) -> EmotionPredictions:
    """The predictions with valence from harmony, where that is preferred."""
    from_harmony = harmony_valence(real, part, of_validation, (fake, *others))
    if from_harmony is None:
        return predictions
    of_real, (of_fake, *of_others) = from_harmony
    return EmotionPredictions(
        replace(predictions.regressor, valence=HARMONY.name),
        _with_valence(predictions.fake, of_fake),
        predictions.held_out,
        _with_valence(predictions.real, of_real),
        tuple(
            None if rows is None else _with_valence(rows, own)
            for rows, own in zip(predictions.others, of_others, strict=True)
        ),
    )


def _with_valence(predictions: Rows, valence: Rows) -> Rows:
    return np.column_stack([valence, predictions[:, 1]])


def _in_corpus(part: splits.Fold, rows: NDArray[np.intp]) -> splits.Fold:
    """A fold of a set, whose clips are the given rows of its corpus, as rows of the corpus."""
    return splits.Fold(part.number, rows[part.train], rows[part.validation], rows[part.test])


def open_regressor(path: Path, fake: ClipSet, real: ClipSet) -> runs.TrainedModel:
    """The run in ``path``, if it predicts emotions from the log-mels of these clips.

    Raises:
        UsageError: it is not a run of a regressor of log-mels.
        MismatchError: it takes log-mels of another front-end.
    """
    trained = runs.load(path)
    _ = trained.mel_regressor
    known = fake.front_end or real.front_end
    if fake.mel.shape[1:] != trained.front_end.shape or (known and known.hash != trained.front_end.hash):
        raise MismatchError(
            f"takes log-mels of front-end {trained.front_end.hash} {trained.front_end.shape}, "
            f"these are {known.hash if known else 'unknown'} {fake.mel.shape[1:]}",
            where=path,
            hint="use one --front-end",
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
