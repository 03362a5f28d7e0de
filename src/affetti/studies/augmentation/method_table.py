"""The published study's hierarchy of augmentation methods, measured.

That study ranks methods by quality, information preserved and emotion accuracy, and calls diversity the reason why
the lowest quality helped most; its numbers carry no method. Here, for what each method adds to the training songs:

- quality: the Quality Score of those clips against real songs held out (100: as near as other real songs);
- emotion: ridge regression fitted to held-out real songs reads the clips; CCC and slope of its reading on their label,
  beside those of the real training clips themselves (row ``real``);
- diversity: within-label diversity (:mod:`affetti.metrics.diversity_within_labels`), 1 for real music;
- information: of signal methods, which change a clip, how much of the clip can be told from what it was turned into: r²
  of each mel statistic before and after, mean over statistics, in % (100: all of it). A generated clip has no original:
  ``None``;
- the difference on real test songs, from the table of arms: of CCC, or of accuracy where labels are quadrants.

The reader of emotion has heard test songs, never a training song; nothing it reads is trained on or chosen by.

When not to use: masks and blends are no music, and a score of likeness to music says so without saying that they do
harm. Held-out songs are few: look at the intervals.
"""

from __future__ import annotations

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
from affetti.rows import evenly_spaced
from affetti.signal.statistics import mel_statistics
from affetti.storage import read_json
from affetti.studies.augmentation.arms import BEST, Arm
from affetti.studies.augmentation.comparison import BASE, REFERENCE
from affetti.studies.augmentation.design import StudyDesign
from affetti.studies.augmentation.signal_augmentation import SPECAUGMENT, changes
from affetti.studies.augmentation.synthetic_sets import SyntheticSet
from affetti.training.clips import Clips
from affetti.training.closed_form import fit_baseline
from affetti.training.evaluation import predict

MAX_CLIPS = 512
"""Clips a side, evenly spread."""
PUBLISHED_CLAIMS: dict[str, dict[str, str]] = {
    BASE: {"quality": "100", "information": "100 %", "emotion": "100 %"},
    SPECAUGMENT: {"quality": "85–95", "information": "90 %", "emotion": "95 %"},
    "time-stretch": {"quality": "80–90", "information": "85 %", "emotion": "90 %"},
    "pitch-shift": {"quality": "75–85", "information": "80 %", "emotion": "85 %"},
    "mixup": {"quality": "70–80", "information": "75 %", "emotion": "80 %"},
    "gan": {"quality": "50–70", "information": "51 %", "emotion": "74 %"},
    "waveform": {"quality": "70–85", "information": "70 %", "emotion": "85 %"},
    "flow": {"quality": "65–80", "information": "55 %", "emotion": "80 %"},
}
"""What the published study states for each method."""
MethodClips = tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.str_]]
"""Log-mels ``[N, M, F]``, labels ``[N, 2]``, songs ``[N]``."""


def measure_methods(
    design: StudyDesign, sets: list[SyntheticSet], arms: list[dict[str, Any]], progress: Progress = silent
) -> list[dict[str, Any]]:
    """A row for each method, of the first fold.

    Returns:
        ``name``, ``quality`` and ``quality_ci``, ``information`` and ``information_ci`` in %, ``emotion`` (for each
        axis ``ccc`` and ``slope``), ``diversity``, ``delta`` and ``delta_ci``, ``n``, ``claimed``. What cannot be
        measured is None.
    """
    corpus, fold = design.corpus, design.folds[0]
    part = corpus.fold(fold)
    held = np.sort(np.concatenate([part.test, part.validation]))
    reader = Baseline(corpus.front_end.shape)
    fit_baseline(reader, Clips(corpus.mel, corpus.labels, held))
    real = _rows(corpus, _spread(part.test))
    compared = {row["name"]: row for row in arms}
    methods = [arm for arm in design.arms if _is_method(arm)]
    found: list[dict[str, Any]] = []
    for place, arm in enumerate(methods):
        progress("hierarchy", place, len(methods))
        material = _material(arm, design, sets)
        row = {"name": arm.name, **_measured(real, material, reader, design.settings.seed)}
        row |= _information(arm, design, material)
        told = compared.get(arm.name, {}) if arm.name != BASE else {}
        row |= {"delta": told.get("delta"), "delta_ci": told.get("delta_ci"), "n": len(material[0])}
        found.append(row | {"claimed": PUBLISHED_CLAIMS.get(arm.name)})
    progress("hierarchy", len(methods), len(methods))
    return found


def sampling_rows(rows: list[dict[str, Any]], dials: list[str]) -> list[dict[str, Any]]:
    """The rows whose generator had one of ``dials`` turned, with ``kind``, ``dial`` and ``value``, in order."""
    found: list[dict[str, Any]] = []
    for row in rows:
        kind, _, setting = row["name"].partition(":")
        dial, _, value = setting.partition("=")
        if dial in dials and "+" not in setting and "-" not in value:
            found.append(row | {"kind": kind, "dial": dial, "value": float(value.partition("@")[0])})
    return sorted(found, key=lambda row: (row["kind"], row["dial"], row["value"]))


def training_steps_rows(rows: list[dict[str, Any]], out: Path, design: StudyDesign) -> list[dict[str, Any]]:
    """The rows of generators trained for so many updates, with ``kind``, ``updates`` and ``seconds`` of training."""
    found: list[dict[str, Any]] = []
    for row in rows:
        kind, _, setting = row["name"].partition(":trained=")
        run = out / "runs" / f"{row['name'].replace(':', '-')}-f{design.folds[0]}" / "result.json"
        if setting.isdigit() and run.exists():
            found.append(row | {"kind": kind, "updates": int(setting), "seconds": read_json(run)["seconds"]})
    return sorted(found, key=lambda row: (row["kind"], row["updates"]))


def _is_method(arm: Arm) -> bool:
    """Arms that differ in their material: not its amount, its order or its place in training."""
    single = len(arm.signals) + (arm.synthetic is not None) <= 1
    return arm.name not in (REFERENCE, BEST) and single and arm.use == "added" and "@" not in arm.name


def _material(arm: Arm, design: StudyDesign, sets: list[SyntheticSet]) -> MethodClips:
    """The clips that a method adds, or turns the training clips into."""
    corpus, fold = design.corpus, design.folds[0]
    if arm.synthetic is not None:
        at = next(
            at for at in sets if at.spec == arm.synthetic and at.subset.fold == fold and at.subset.train_fraction == 1
        )
        made = Corpus.open(at.path)
        return _rows(made, _spread(np.arange(len(made))))
    mel, labels, songs = _rows(corpus, _spread(corpus.fold(fold).train))
    turned, asked = torch.from_numpy(mel), torch.from_numpy(labels).float()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(child_seed("hierarchy", design.settings.seed))
        for change in changes(arm.signals, corpus.front_end):
            turned, asked = change(turned, asked)
        if SPECAUGMENT in arm.signals:
            middle = turned.mean(dim=(0, 2), keepdim=True)
            turned = spec_augment(turned - middle) + middle
    return turned.numpy(), asked.double().numpy(), songs


def _measured(real: MethodClips, fake: MethodClips, reader: Baseline, seed: int) -> dict[str, Any]:
    found: dict[str, Any] = {"quality": None, "quality_ci": None, "published_quality": None, "diversity": None}
    try:
        score = metrics.quality_score(real[0], fake[0], real[2], fake[2], seed=seed)
        found |= {"quality": score.score, "quality_ci": list(score.ci), "published_quality": score.published.score}
    except InputError:
        pass  # too few songs: None says that it was not measured
    a, b = (mel_statistics(torch.from_numpy(side[0])).double().numpy() for side in (real, fake))
    centre, scale = a.mean(axis=0), a.std(axis=0).clip(1e-6)
    try:
        pair = (a - centre) / scale, (b - centre) / scale
        found["diversity"] = label_diversity(*pair, real[1], fake[1], (real[2], fake[2]))
    except InputError:
        pass
    reading = predict(reader, fake[0], np.arange(len(fake[0])))
    try:
        answer = metrics.label_response(fake[1], reading, fake[2], seed, resamples=200)
    except InputError:
        answer = {}
    found["emotion"] = {
        axis: {key: {"value": told[key].value, "ci": list(told[key].ci or ())} for key in ("ccc", "slope")}
        for axis, told in answer.items()
        if told is not None
    }
    return found


def _information(arm: Arm, design: StudyDesign, turned: MethodClips) -> dict[str, Any]:
    """What can be told of the clips from what the signals of ``arm`` turned them into, % of variance."""
    nothing = {"information": None, "information_ci": None}
    if not arm.signals or arm.synthetic is not None:
        return nothing
    original = _rows(design.corpus, _spread(design.corpus.fold(design.folds[0]).train))
    before, after = (mel_statistics(torch.from_numpy(side[0])).double().numpy() for side in (original, turned))
    varies = (before.std(axis=0) > 1e-6) & (after.std(axis=0) > 1e-6)
    pair = before[:, varies], after[:, varies]
    low, high = metrics.bootstrap_ci(_kept, *pair, groups=original[2], seed=design.settings.seed, resamples=200)
    return {"information": _kept(*pair), "information_ci": [low, high]}


def _kept(before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    """r² of each column of ``[N, D]`` before and after, mean over columns, %."""
    x, y = before - before.mean(axis=0), after - after.mean(axis=0)
    spread = (x**2).sum(axis=0) * (y**2).sum(axis=0)
    return 100 * float(((x * y).sum(axis=0) ** 2 / spread.clip(1e-30)).mean())


def _rows(corpus: Corpus, rows: NDArray[np.intp]) -> MethodClips:
    return np.asarray(corpus.mel[rows], dtype=np.float32), corpus.labels[rows], corpus.songs[rows]


def _spread(rows: NDArray[np.intp]) -> NDArray[np.intp]:
    return rows[evenly_spaced(len(rows), MAX_CLIPS)]
