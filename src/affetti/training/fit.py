"""Train a model in memory, and prepare the clips that it is trained on.

:func:`affetti.training.train.train_run` trains on a fold of a corpus and saves the run.
"""

from __future__ import annotations

import copy
import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from affetti.corpus import Corpus, splits
from affetti.emotion import AXES
from affetti.errors import InputError, UsageError
from affetti.models.base import Generator
from affetti.models.generators.conditioning import Fields
from affetti.models.regressors.base import NeuralRegressor
from affetti.models.regressors.baseline import Baseline
from affetti.progress import Progress, silent
from affetti.training.clips import Clips
from affetti.training.closed_form import fit_baseline
from affetti.training.conditions import ALL_FIELDS, FieldChoice, conditions, fields_of
from affetti.training.device import Hardware
from affetti.training.loop import History, LoopConfig, train
from affetti.training.monitor import GeneratorMonitor, MonitoredObjective, Monitoring
from affetti.training.objectives.base import ObjectiveOptions
from affetti.training.registry import family
from affetti.training.text_embedders import text_embedder


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
        KeyboardInterrupt: the process was interrupted; with ``run`` a checkpoint has been saved.
    """
    chosen = family(kind)
    if chosen.closed_form is not None:
        chosen.closed_form(model, clips)
        return History(), model
    if chosen.objective is None:
        raise UsageError(f"a {kind} has no way of training", where="MODEL", hint="give its family an objective")
    if not isinstance(model, Generator | NeuralRegressor):
        raise UsageError(f"a {kind} is not trained step by step", where="MODEL", hint="give its family a closed form")
    model.train()  # one that was trained before is in evaluation mode
    if isinstance(model, NeuralRegressor):
        model.requires_grad_(True)  # and early stopping gives back weights that are kept, not trained
    if options.preference is None:  # an aligned model keeps its statistics
        _fit_statistics(model, clips, pretrained=options.pretrained)
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


def _fit_statistics(model: Generator | NeuralRegressor, clips: Clips, *, pretrained: bool) -> None:
    """Fit what is not learnt by gradient; of a model that has another run's weights all but its learnt bases."""
    if pretrained and isinstance(model, NeuralRegressor):
        NeuralRegressor.fit_statistics(model, *clips.sample())  # the normaliser alone: a ViT would fetch other weights
        return
    bases = model.learnt_bases if pretrained and isinstance(model, Generator) else ()
    kept = {name: copy.deepcopy(model.get_submodule(name).state_dict()) for name in bases}
    model.fit_statistics(*clips.sample())
    for name, state in kept.items():
        model.get_submodule(name).load_state_dict(state)


def labelled_clips(corpus: Corpus, rows: NDArray[np.intp]) -> Clips:
    """The clips ``rows`` of a corpus: log-mels in dB, labelled with valence and arousal."""
    return Clips(corpus.mel, corpus.labels, rows)


def training_clips(
    corpus: Corpus, rows: NDArray[np.intp], text: str, choice: FieldChoice = ALL_FIELDS
) -> tuple[Clips, Fields]:
    """The clips ``rows`` of a corpus with their conditions, for a generator.

    Args:
        corpus: log-mels and columns.
        rows: the training clips.
        text: name of the embedder of lyrics.
        choice: of the fields that ``rows`` can teach.

    Returns:
        Clips whose labels are conditions ``[N, K]``, and the chosen fields that ``rows`` can teach, which these hold.
    """
    embed = text_embedder(text)
    fields = choice.apply(fields_of(corpus.clips.iloc[rows], embed))
    return Clips(corpus.mel, conditions(corpus.clips, fields, embed), rows), fields


def generator_monitor(corpus: Corpus, clips: Clips, validation: Clips) -> GeneratorMonitor | None:
    """What evaluates a generator while it is trained.

    Args:
        corpus: songs and front-end of the clips.
        clips: log-mels and conditions of the training clips; ridge regression, fitted to these, predicts the emotion of
            generated clips.
        validation: log-mels and conditions of clips of validation songs.

    Returns:
        The monitor; None where there are too few validation clips.
    """
    regressor = Baseline(corpus.front_end.shape)
    fit_baseline(regressor, Clips(clips.mel, clips.labels[:, :2], clips.rows))
    return GeneratorMonitor.of(clips, validation, corpus.songs, regressor, corpus.front_end)


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
        raise InputError(
            f"{len(clips)} training clips are too few", hint="use a corpus of more songs: 4 clips are the least"
        )
    labels = clips.labels[clips.rows]
    for axis, name in enumerate(AXES):
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
