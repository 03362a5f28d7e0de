"""The study's hierarchy of augmentation methods, measured.

That study ranks methods by quality, information preserved and emotion accuracy, and calls diversity the reason why
the lowest quality helped most; its numbers carry no method. Here, for what each method adds to the training songs:

- quality: the Quality Score of those clips against real songs held out (100: as near as other real songs);
- emotion: ridge regression fitted to held-out real songs predicts the emotion of the clips; CCC and slope of its
  predictions on their labels, beside those of the real training clips themselves (row ``real``);
- diversity: within-label diversity (:mod:`affetti.metrics.diversity_within_labels`), 1 for real music;
- information: for signal methods, which change a clip, how much of the clip can be predicted from the changed one: r²
  of each mel statistic before and after, mean over statistics, in % (100: all of it). A generated clip has no original:
  ``None``;
- delta: the difference on real test songs, from the table of arms: of CCC, or of accuracy where labels are quadrants.

The ridge regression is fitted to test songs, never to a training song; nothing is trained on or chosen by what it
predicts.

When not to use: masked and blended clips are not music, and a score of similarity to music says so without saying that
they do harm. Held-out songs are few: use the intervals.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from affetti import metrics
from affetti.augment.spectrogram import spec_augment
from affetti.corpus import Corpus
from affetti.errors import InputError
from affetti.metrics.diversity_within_labels import label_diversity
from affetti.models.regressors.baseline import Baseline
from affetti.progress import Progress, silent
from affetti.random import child_seed
from affetti.results import PointEstimate
from affetti.rows import evenly_spaced
from affetti.signal.statistics import mel_statistics
from affetti.storage import read_json
from affetti.studies.augmentation.arms import AGAIN, BEST, NULL, Arm
from affetti.studies.augmentation.comparison import REFERENCE
from affetti.studies.augmentation.design import StudyDesign
from affetti.studies.augmentation.results import (
    ArmResult,
    EmotionAgreement,
    MethodRow,
    SamplingRow,
    TrainingStepsRow,
)
from affetti.studies.augmentation.synthetic_sets import SyntheticSet
from affetti.training.clips import Clips
from affetti.training.closed_form import fit_baseline
from affetti.training.evaluation import predict
from affetti.training.registry import FAMILIES, PublishedClaim
from affetti.training.signal_augmentation import SPECAUGMENT, changes

MAX_CLIPS = 512
"""Clips a side, evenly spread."""
PUBLISHED_CLAIMS: dict[str, PublishedClaim] = {
    REFERENCE: PublishedClaim(quality="100", information="100 %", emotion="100 %"),
    SPECAUGMENT: PublishedClaim(quality="85–95", information="90 %", emotion="95 %"),
    "time-stretch": PublishedClaim(quality="80–90", information="85 %", emotion="90 %"),
    "pitch-shift": PublishedClaim(quality="75–85", information="80 %", emotion="85 %"),
    "mixup": PublishedClaim(quality="70–80", information="75 %", emotion="80 %"),
}
"""What the study states for each method that needs no generator; for others, their family says it."""
MethodClips = tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.str_]]
"""Log-mels ``[N, M, F]``, labels ``[N, 2]``, songs ``[N]``."""


def measure_methods(
    design: StudyDesign, sets: list[SyntheticSet], arms: tuple[ArmResult, ...], progress: Progress = silent
) -> tuple[MethodRow, ...]:
    """A row for each method, measured on the first fold.

    Args:
        design: the study.
        sets: its synthetic sets.
        arms: its compared arms, for ``delta``.
        progress: called with stages and counts.
    """
    corpus, fold = design.corpus, design.folds[0]
    part = corpus.fold(fold)
    held_out = np.sort(np.concatenate([part.test, part.validation]))
    regressor = Baseline(corpus.front_end.shape)
    fit_baseline(regressor, Clips(corpus.mel, corpus.labels, held_out))
    real = _rows(corpus, _spread(part.test))
    compared = {row.name: row for row in arms}
    methods = [arm for arm in design.arms if _is_method(arm)]
    methods[1:1] = [Arm(name, (name,)) for name in design.recipe]  # in every arm, and methods all the same
    rows: list[MethodRow] = []
    for number, arm in enumerate(methods):
        progress("hierarchy", number, len(methods))
        clips = _method_clips(arm, design, sets)
        row = _measure(arm.name, real, clips, regressor, design.settings.seed)
        information = _information(arm, design, clips)
        if information is not None:
            row = replace(row, information=information.value, information_ci=information.ci)
        difference = compared.get(arm.name) if arm.name != REFERENCE else None
        if difference is not None:
            row = replace(row, delta=difference.delta, delta_ci=difference.delta_ci)
        rows.append(row)
    progress("hierarchy", len(methods), len(methods))
    return tuple(rows)


def sampling_rows(rows: tuple[MethodRow, ...], parameters: list[str]) -> tuple[SamplingRow, ...]:
    """The rows whose generator was sampled with one of ``parameters`` set, by kind, parameter and value."""
    chosen: list[SamplingRow] = []
    for row in rows:
        kind, _, setting = row.name.partition(":")
        parameter, _, value = setting.partition("=")
        if parameter in parameters and "+" not in setting and "-" not in value:
            number = float(value.partition("@")[0])
            chosen.append(SamplingRow(**_parts(row), kind=kind, sampling=parameter, value=number))
    return tuple(sorted(chosen, key=lambda row: (row.kind, row.sampling, row.value)))


def training_steps_rows(rows: tuple[MethodRow, ...], out: Path, design: StudyDesign) -> tuple[TrainingStepsRow, ...]:
    """The rows whose generator was trained for a number of updates, with the seconds that it took, by kind and updates.

    Args:
        rows: of :func:`measure_methods`.
        out: folder of the study, which holds the runs of its generators.
        design: the study.
    """
    chosen: list[TrainingStepsRow] = []
    for row in rows:
        kind, _, setting = row.name.partition(":trained=")
        run = out / "runs" / f"{row.name.replace(':', '-')}-f{design.folds[0]}" / "result.json"
        if setting.isdigit() and run.exists():
            seconds = float(read_json(run)["seconds"])
            chosen.append(TrainingStepsRow(**_parts(row), kind=kind, updates=int(setting), seconds=seconds))
    return tuple(sorted(chosen, key=lambda row: (row.kind, row.updates)))


def _parts(row: MethodRow) -> dict[str, Any]:
    return {part.name: getattr(row, part.name) for part in fields(MethodRow)}


def _is_method(arm: Arm) -> bool:
    """Whether an arm differs from others in its clips, and not only in their number, labels or place in training."""
    single = len(arm.signals) + (arm.synthetic is not None) <= 1
    copies = arm.synthetic is not None and arm.synthetic.kind == NULL
    own = arm.use == "added" and not (arm.shuffled or arm.plain or copies)
    return arm.name not in (AGAIN, BEST) and single and own and "@" not in arm.name


def _method_clips(arm: Arm, design: StudyDesign, sets: list[SyntheticSet]) -> MethodClips:
    """The clips that a method adds, or turns the training clips into."""
    corpus, fold = design.corpus, design.folds[0]
    if arm.synthetic is not None:
        chosen = next(
            made
            for made in sets
            if made.spec == arm.synthetic
            and made.subset.fold == fold
            and made.subset.train_fraction == 1
            and not made.run
        )
        synthetic = Corpus.open(chosen.path)
        return _rows(synthetic, _spread(np.arange(len(synthetic))))
    mel, labels, songs = _rows(corpus, _spread(corpus.fold(fold).train))
    changed, changed_labels = torch.from_numpy(mel), torch.from_numpy(labels).float()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(child_seed("hierarchy", design.settings.seed))
        for change in changes(arm.signals, corpus.front_end):
            changed, changed_labels = change(changed, changed_labels)
        if SPECAUGMENT in arm.signals:
            middle = changed.mean(dim=(0, 2), keepdim=True)
            changed = spec_augment(changed - middle) + middle
    return changed.numpy(), changed_labels.double().numpy(), songs


def _published_claim(name: str) -> PublishedClaim | None:
    return FAMILIES[name].published_claim if name in FAMILIES else PUBLISHED_CLAIMS.get(name)


def _measure(name: str, real: MethodClips, fake: MethodClips, regressor: Baseline, seed: int) -> MethodRow:
    """Quality, diversity and emotion of the clips of a method; what there are too few songs for is None."""
    row = MethodRow(name=name, quality=None, n=len(fake[0]), claimed=_published_claim(name))
    with suppress(InputError):
        score = metrics.quality_score(real[0], fake[0], real[2], fake[2], seed=seed)
        row = replace(row, quality=score.score, quality_ci=score.ci, published_quality=score.published.score)
    a, b = (mel_statistics(torch.from_numpy(side[0])).double().numpy() for side in (real, fake))
    centre, scale = a.mean(axis=0), a.std(axis=0).clip(1e-6)
    with suppress(InputError):
        pair = (a - centre) / scale, (b - centre) / scale
        row = replace(row, diversity=label_diversity(*pair, real[1], fake[1], (real[2], fake[2])))
    prediction = predict(regressor, fake[0], np.arange(len(fake[0])))
    with suppress(InputError):
        response = metrics.label_response(fake[1], prediction, fake[2], seed, resamples=200)
        emotion = {
            axis: EmotionAgreement(ccc=_estimate(on_axis["ccc"]), slope=_estimate(on_axis["slope"]))
            for axis, on_axis in response.items()
            if on_axis is not None
        }
        row = replace(row, emotion=emotion)
    return row


def _estimate(measured: metrics.Result) -> PointEstimate:
    return PointEstimate(measured.value, measured.ci)


def _information(arm: Arm, design: StudyDesign, changed: MethodClips) -> PointEstimate | None:
    """How much of the clips can be predicted from the changed ones, %; None for clips that have no original."""
    if not arm.signals or arm.synthetic is not None:
        return None
    original = _rows(design.corpus, _spread(design.corpus.fold(design.folds[0]).train))
    before, after = (mel_statistics(torch.from_numpy(side[0])).double().numpy() for side in (original, changed))
    varies = (before.std(axis=0) > 1e-6) & (after.std(axis=0) > 1e-6)
    pair = before[:, varies], after[:, varies]
    low, high = metrics.bootstrap_ci(_explained, *pair, groups=original[2], seed=design.settings.seed, resamples=200)
    return PointEstimate(_explained(*pair), (low, high))


def _explained(before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    """r² of each column of ``[N, D]`` before and after, mean over columns, %."""
    x, y = before - before.mean(axis=0), after - after.mean(axis=0)
    spread = (x**2).sum(axis=0) * (y**2).sum(axis=0)
    return 100 * float(((x * y).sum(axis=0) ** 2 / spread.clip(1e-30)).mean())


def _rows(corpus: Corpus, rows: NDArray[np.intp]) -> MethodClips:
    return np.asarray(corpus.mel[rows], dtype=np.float32), corpus.labels[rows], corpus.songs[rows]


def _spread(rows: NDArray[np.intp]) -> NDArray[np.intp]:
    return rows[evenly_spaced(len(rows), MAX_CLIPS)]
