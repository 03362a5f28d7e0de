"""Align a trained generator: fine-tune it to prefer real clips to its own, on the clips that it was trained on.

For each training clip the generator makes one of its own for the same condition; then it is trained on these pairs by
:mod:`affetti.training.objectives.preference`, once with each β, and the one whose clips cover those of validation songs
best is kept (:mod:`affetti.training.monitor`).

When not to use: to make a generator follow its conditions better; the loss knows no emotion but that of the pair.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from affetti.config import unstructure
from affetti.corpus import Corpus, splits
from affetti.errors import MismatchError, UsageError
from affetti.models.base import Generator, Regressor
from affetti.models.generators.conditioning import Fields
from affetti.models.sampling import Sampler
from affetti.progress import Progress, silent
from affetti.random import child_seed
from affetti.storage import read_text, write_text
from affetti.training import run as runs
from affetti.training.clips import Clips
from affetti.training.conditions import ALL_FIELDS, FieldChoice
from affetti.training.cost import measure_training, seconds_of
from affetti.training.device import Hardware, choose_device
from affetti.training.fit import clips_hash, fit
from affetti.training.loop import History, LoopConfig
from affetti.training.monitor import COVERAGE_TOLERANCE, Monitoring
from affetti.training.objectives.base import ObjectiveOptions
from affetti.training.own_clips import CLIPS_PER_FILE, PairedClips, sample_own_clips
from affetti.training.registry import FAMILIES, family, make
from affetti.training.result import Alignment
from affetti.training.text_embedders import HASHED

if TYPE_CHECKING:
    from affetti.models.generators.flow import Flow
    from affetti.training.objectives.preference import Preference

BETAS = (200.0, 1_000.0, 5_000.0)
"""The values of β among which validation songs choose."""
DEFAULT_BETA = 1_000.0
"""β where there are too few validation songs to choose by."""
PROBE_CLIPS = 4
"""Clips that are made to estimate what all take."""


@dataclass(frozen=True)
class AlignedFit:
    """A generator that was aligned."""

    history: History
    model: nn.Module
    alignment: Alignment


def load_reference(kind: str, path: Path, corpus: Corpus, part: splits.Fold) -> runs.TrainedModel:
    """The run ``path``, to be aligned on the training clips of ``part``.

    Raises:
        UsageError: models of family ``kind`` cannot be aligned, or the run is of another.
        MismatchError: it takes another front-end, or was trained on other clips.
        StorageError: there is no finished run.
    """
    if not family(kind).learns_preference:
        others = " or ".join(name for name, other in FAMILIES.items() if other.learns_preference)
        raise UsageError(f"a {kind} cannot be aligned", where="--align", hint=f"leave it out, or train a {others}")
    trained = runs.load(path, flag="--align")
    if trained.kind != kind:
        raise UsageError(f"a run of {trained.kind}, not of {kind}", where=path, hint=f"give --align a run of {kind}")
    if trained.meta.aligned_from is not None:
        raise UsageError("is aligned already", where=path, hint="give --align the run that it was aligned from")
    corpus.require_front_end(trained.front_end, path)
    if trained.meta.training_clips_hash != clips_hash(corpus, part.train):
        raise MismatchError(
            f"was trained on fold {trained.meta.fold} of {trained.meta.corpus.source or 'a corpus'}, "
            f"other clips than fold {part.number}'s training clips of {corpus.path}",
            where=path,
            hint="give a run of this corpus and --fold",
        )
    if trained.meta.labels != corpus.label_unit:
        hint = f"give --labels {trained.meta.labels}"
        raise MismatchError(f"was trained on labels of the {trained.meta.labels}", where=path, hint=hint)
    return trained


def align(
    reference: runs.TrainedModel,
    clips: Clips,
    loop: LoopConfig,
    beta: float | None = None,
    *,
    run: Path,
    options: ObjectiveOptions = ObjectiveOptions(),
    monitoring: Monitoring | None = None,
    hardware: Hardware = Hardware(),
    progress: Progress = silent,
) -> AlignedFit:
    """Align ``reference`` and log, checkpoint and resume in the folder ``run``.

    Args:
        reference: the trained generator.
        clips: its training clips with their conditions.
        loop: steps for each β, batch size and seed.
        beta: β; None: it is chosen among :data:`BETAS` by ``monitoring``.
        run: the run folder.
        options: what else the objective may use.
        monitoring: evaluates on validation songs; without it β is :data:`DEFAULT_BETA`.
        hardware: device and precision.
        progress: called with clips made and steps taken.

    Raises:
        UsageError: β is no positive number.
        TrainingError: the loss is not a number.
    """
    model, device = _flow(reference), choose_device(hardware.device)
    sampler = Sampler(model.to(device), reference.front_end, seed=child_seed("own clips", loop.seed) % 2**31)
    own = sample_own_clips(sampler, torch.from_numpy(clips.labels[clips.rows]).float(), run / "own-clips", progress)
    model.cpu()
    pairs = PairedClips(clips.mel, clips.labels, clips.rows, own)
    coverage_before = None if monitoring is None else monitoring.monitor.evaluate(model)["coverage"]
    betas = BETAS if beta is None and monitoring is not None else (DEFAULT_BETA if beta is None else beta,)
    fitted: dict[float, tuple[History, nn.Module]] = {}
    for each in betas:
        fitted[each] = fit(
            reference.kind,
            copy.deepcopy(model),
            pairs,
            loop,
            replace(options, preference=_preference(model, each)),
            monitoring=monitoring,
            run=run / f"beta-{each:g}" if len(betas) > 1 else run,
            hardware=hardware,
            progress=_labelled(progress, each),
        )
    coverage = {each: _coverage(history) for each, (history, _) in fitted.items()}
    chosen = choose_beta(coverage)
    if len(betas) > 1:
        write_text(run / "metrics.jsonl", read_text(run / f"beta-{chosen:g}" / "metrics.jsonl"))
    history, aligned = fitted[chosen]
    return AlignedFit(
        history,
        aligned,
        Alignment(
            run=str(reference.path),
            beta=chosen,
            coverage={f"{each:g}": value for each, value in coverage.items() if value is not None},
            coverage_before=coverage_before,
            seconds=round(sum(lines[-1]["seconds"] for lines in (it.lines for it, _ in fitted.values()) if lines), 2),
        ),
    )


def alignment_seconds(
    reference: runs.TrainedModel, clips: Clips, loop: LoopConfig, beta: float | None, hardware: Hardware = Hardware()
) -> float:
    """Seconds that :func:`align` would take with validation songs, from a few clips and updates in memory."""
    model, device = _flow(reference), choose_device(hardware.device)
    rows = clips.rows[:CLIPS_PER_FILE]
    stand_ins = PairedClips(clips.mel, clips.labels, rows, (np.asarray(clips.mel[rows], dtype=np.float16),))
    conditions = torch.from_numpy(clips.labels[rows[:PROBE_CLIPS]]).float()
    sampler = Sampler(model.to(device), reference.front_end)
    with torch.inference_mode():
        clip = seconds_of(lambda: sampler(conditions)) / len(conditions)
    model.cpu()
    cost = measure_training(
        reference.kind,
        lambda: copy.deepcopy(model),
        stand_ins,
        loop.batch_size,
        hardware,
        ObjectiveOptions(preference=_preference(model, DEFAULT_BETA)),
    )
    return clip * len(clips) + cost.seconds(loop.steps) * (len(BETAS) if beta is None else 1)


def choose_beta(coverage: Mapping[float, float | None]) -> float:
    """The largest β of those whose coverage is within a tolerance of the best: it changes the generator least.

    Args:
        coverage: by β; None where it was not measured.

    Example:
        >>> choose_beta({200.0: 0.60, 1000.0: 0.71, 5000.0: 0.70})
        5000.0
    """
    values = {each: -1.0 if value is None else value for each, value in coverage.items()}
    best = max(values.values())
    return max(each for each, value in values.items() if value >= best - COVERAGE_TOLERANCE)


def require_beta(beta: float | None, *, aligned: bool) -> None:
    """Refuse a β that is no positive number, or one without a run to align.

    Raises:
        UsageError: says which.
    """
    if beta is None:
        return
    if not aligned:
        raise UsageError(f"beta {beta:g} without a run to align", where="--beta", hint="give --align RUN too")
    if not 0 < beta < math.inf:
        raise UsageError(f"beta {beta:g}", where="--beta", hint="give a positive number, such as 1000")


def resolve_text(reference: runs.TrainedModel, text: str) -> str:
    """The embedder of lyrics of ``reference``.

    Raises:
        UsageError: ``text`` was requested and is another.
    """
    if text not in (HASHED, reference.meta.text):
        hint = f"leave it out: the run to be aligned has {reference.meta.text}"
        raise UsageError(f"{text!r} is another embedder of lyrics", where="--text", hint=hint)
    return reference.meta.text


def choose_fields(kind: str, choice: FieldChoice, reference: runs.TrainedModel | None) -> FieldChoice:
    """The condition fields of a model of family ``kind``: those chosen, else those of the run to be aligned, else all.

    Raises:
        UsageError: it is no generator, and fields were chosen.
    """
    if choice == ALL_FIELDS:
        return choice if reference is None else FieldChoice(tuple(reference.fields.columns)[1:])
    if not family(kind).generates:
        flag = "--without" if choice.without else "--fields"
        raise UsageError(f"a {kind} has no condition", where=flag, hint="leave it out, or train a generator")
    return choice


def untrained_model(
    kind: str, corpus: Corpus, settings: dict[str, Any], fields: Fields, reference: runs.TrainedModel | None
) -> Generator | Regressor:
    """A model for ``corpus`` with ``settings``, and else those of the run to be aligned, or of its family.

    Raises:
        UsageError: a setting is not that of the run to be aligned.
        MismatchError: the corpus teaches other condition fields than those of that run.
    """
    shape = corpus.front_end.shape
    if reference is None:
        return make(kind, shape, family(kind).settings_at(corpus.meta["preset"]) | settings, fields)
    model = make(kind, shape, reference.meta.config | settings, fields)
    config = unstructure(model.config)
    for name, value in unstructure(reference.model.config).items():
        if config[name] != value:
            hint = "leave it out: an aligned model has the settings of its run"
            raise UsageError(f"{name} is {value} in {reference.path}, not {config[name]}", where="--set", hint=hint)
    if fields != reference.fields:
        hint = "train the generator again on this corpus"
        raise MismatchError("its conditions have other fields than this corpus", where=reference.path, hint=hint)
    return model


def _preference(model: Flow, beta: float) -> Preference:
    from affetti.training.objectives.preference import Preference  # as in _flow

    return Preference(model, beta)


def _flow(reference: runs.TrainedModel) -> Flow:
    from affetti.models.generators.flow import Flow  # no other training loads a generator that it does not train

    if not isinstance(reference.model, Flow):
        raise UsageError(f"a {reference.kind} cannot be aligned", where=reference.path, hint="give a run of flow")
    return reference.model


def _coverage(history: History) -> float | None:
    """The best of a training."""
    return max((line["coverage"] for line in history.lines if "coverage" in line), default=None)


def _labelled(progress: Progress, beta: float) -> Progress:
    def labelled(stage: str, done: int, total: int) -> None:
        progress(f"{stage}, beta {beta:g}", done, total)

    return labelled
