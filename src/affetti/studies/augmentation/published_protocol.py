"""What the study's own protocol would have said: **not an honest evaluation**, run to show the difference.

That study trained its GAN on all real songs, generated clips for emotions drawn uniformly from the plane, shuffled real
and synthetic clips together and split the mixture 70 / 15 / 15 clip by clip. So test clips were partly synthetic,
labelled with the condition they were generated for; the generator had been trained on every real test song; and clips
of one song lay on both sides. Its baseline is real clips, split by clip alike. Here both are trained for the same 2U
updates and the same seeds, and ``mixed_on_real`` tests the mixture's regressor on the real part of its test clips
alone: what is left of the gain then has nothing to do with synthetic test clips.

When not to use: for any claim. It is kept out of the arms, and says ``"honest": false``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from affetti.corpus import Corpus
from affetti.execution import Executor, LocalExecutor
from affetti.models.base import require_generator
from affetti.models.sampling import Sampler
from affetti.output_lock import releases_outputs
from affetti.progress import Progress, silent
from affetti.random import child_seed
from affetti.results import BaseResult
from affetti.storage import atomic_write, read_json, reserve_output, write_json
from affetti.studies.augmentation.comparison import REFERENCE, choose_measure, weighted_concordance
from affetti.studies.augmentation.design import StudyDesign
from affetti.studies.augmentation.results import ArmResult, MixedTestSet, PublishedProtocol, SeedRange
from affetti.studies.augmentation.trials import STUDENT, concatenate
from affetti.training import fit as fitting
from affetti.training import run as runs
from affetti.training.clips import Clips
from affetti.training.device import Hardware
from affetti.training.evaluation import predict
from affetti.training.loop import LoopConfig
from affetti.training.registry import REFERENCE_GENERATOR, family, make

SPLIT = (0.70, 0.15)
"""Fractions of training and validation clips; the rest is tested on."""
BATCH_SIZE = 64
WHY_NOT_HONEST = (
    "test clips are partly synthetic and labelled with the condition they were generated for, the generator was "
    "trained on every real test song, and clips of one song lie on both sides"
)


@dataclass(frozen=True)
class MixedTestScores(BaseResult):
    """The saved result of a seed: CCC by what was trained on and tested."""

    real: float
    mixed: float
    mixed_on_real: float
    n: MixedTestSet


@dataclass(frozen=True)
class ProtocolTask:
    """Trains and tests the regressors of a range of seeds, by the published protocol. Idempotent."""

    corpus: Path
    mel: Path
    """Synthetic log-mels ``[K, M, F]``."""
    labels: Path
    """The conditions they were generated for ``[K, 2]``."""
    out: Path
    steps: int
    batch_size: int
    device: str = "cpu"

    def saved_in(self) -> Path:
        """The folder of the results."""
        return self.out

    def inputs(self) -> tuple[Path, ...]:
        """The corpus and the synthetic clips."""
        return (self.corpus, self.mel, self.labels)

    def path(self, seed: int) -> Path:
        """What says that a seed is done."""
        return self.out / f"seed-{seed}.json"

    def done(self, start: int, stop: int) -> bool:
        """Whether all seeds of the range have been saved."""
        return all(self.path(seed).exists() for seed in range(start, stop))

    def __call__(self, start: int, stop: int) -> None:
        """Train and test seeds ``start`` to ``stop``."""
        corpus = Corpus.open(self.corpus)
        real = Clips(corpus.mel, corpus.labels, np.arange(len(corpus)))
        labels = np.load(self.labels, allow_pickle=False)
        mixed = concatenate(real, Clips(np.load(self.mel, mmap_mode="r"), labels, np.arange(len(labels))))
        for seed in range(start, stop):
            model, test = self._train("real", corpus, real, seed)
            on_real_alone = _ccc(model, real, test)
            model, test = self._train("mixed", corpus, mixed, seed)
            scores = MixedTestScores(
                real=on_real_alone,
                mixed=_ccc(model, mixed, test),
                mixed_on_real=_ccc(model, mixed, test[test < len(real)]),
                n=MixedTestSet(test=len(test), synthetic=int((test >= len(real)).sum())),
            )
            write_json(self.path(seed), scores.to_dict())

    def _train(self, name: str, corpus: Corpus, clips: Clips, seed: int) -> tuple[torch.nn.Module, NDArray[np.intp]]:
        """A regressor trained on 70 % of the clips, and the rows that it is tested on."""
        order = np.random.default_rng(child_seed("published split", name, seed)).permutation(len(clips))
        train, _, test = np.split(order, [int(SPLIT[0] * len(order)), int(sum(SPLIT) * len(order))])
        torch.manual_seed(child_seed("weights", seed))
        model = make(STUDENT, corpus.front_end.shape, {})
        loop = LoopConfig(2 * self.steps, min(self.batch_size, len(train)), seed)
        part = Clips(clips.mel, clips.labels, train)
        _, trained = fitting.fit(STUDENT, model, part, loop, hardware=Hardware(self.device))
        return trained, test


def _ccc(model: torch.nn.Module, clips: Clips, rows: NDArray[np.intp]) -> float:
    prediction = predict(model, clips.mel, rows)[None]
    return float(weighted_concordance(prediction, clips.labels[rows], np.ones((1, len(rows)))).mean())


@releases_outputs
def published_protocol(
    design: StudyDesign,
    out: Path,
    arms: tuple[ArmResult, ...],
    *,
    executor: Executor | None = None,
    progress: Progress = silent,
) -> PublishedProtocol:
    """Rerun the study as published, beside the honest arms.

    Args:
        design: the study; its first generator is trained again, here on all songs.
        out: folder of its own.
        arms: rows of the honest study.
        executor: trains the regressors; this process by default.
        progress: called with stages and counts.

    Returns:
        CCC of both regressors, mean and range over seeds, and the gain beside that of the honest study. Where labels
        are quadrants ``honest_gain_ci`` is None: the study's own interval is of accuracy.
    """
    corpus, s = design.corpus, design.settings
    kind = next((spec.kind for spec in design.set_specs if spec.kind in runs.GENERATORS), REFERENCE_GENERATOR)
    number = max(1, round(s.ratio * len(corpus)))
    work = {"verb": "compare", "protocol": "published", "corpus_hash": corpus.hash, "generator": kind, "n": number}
    reserve_output(out, work | {"steps": design.steps, "batch_size": design.batch_size, "seed": s.seed})
    mel, labels = _generated(corpus, kind, number, out, s.seed, Hardware(s.device), progress)
    task = ProtocolTask(corpus.path, mel, labels, out, design.steps, design.batch_size, s.device)
    (executor or LocalExecutor()).map_ranges(task, s.seeds, 1, stage="published protocol", progress=progress)
    paths = [task.path(seed) for seed in range(s.seeds)]
    scores = [MixedTestScores.from_dict(read_json(path), path) for path in paths]
    real, mixed = (_over_seeds(values) for values in ([it.real for it in scores], [it.mixed for it in scores]))
    row = next((row for row in arms if row.name == kind), None)
    base = next(row for row in arms if row.name == REFERENCE)
    gain = mixed.value - real.value
    honest = None if row is None else row.ccc - base.ccc
    # Where labels are quadrants the study's own difference is of accuracy, and so is its interval.
    of_ccc = choose_measure(corpus.labels) == "ccc"
    return PublishedProtocol(
        honest=False,
        why=WHY_NOT_HONEST,
        generator=kind,
        seeds=s.seeds,
        test=scores[0].n,
        real=real,
        mixed=mixed,
        mixed_on_real=_over_seeds([score.mixed_on_real for score in scores]),
        gain=gain,
        honest_real=base.ccc,
        honest_gain=honest,
        honest_gain_ci=row.delta_ci if row is not None and of_ccc else None,
        difference=None if honest is None else gain - honest,
    )


def _over_seeds(values: list[float]) -> SeedRange:
    return SeedRange(value=float(np.mean(values)), range=(min(values), max(values)))


def _generated(
    corpus: Corpus, kind: str, n: int, out: Path, seed: int, hardware: Hardware, progress: Progress
) -> tuple[Path, Path]:
    """Log-mels and conditions of a generator that was trained on every real clip, test songs included."""
    mel, labels = out / "mel.npy", out / "labels.npy"
    if mel.exists() and labels.exists():
        return mel, labels
    preset = corpus.meta["preset"]
    budget, rows = family(kind).budget(preset), np.arange(len(corpus))
    torch.manual_seed(child_seed("weights", seed))
    model = make(kind, corpus.front_end.shape, family(kind).settings_at(preset))
    clips = Clips(corpus.mel, corpus.labels, rows)
    clips = family(kind).training_clips(clips, corpus, model)
    loop = LoopConfig(budget.steps, max(2, min(budget.batch_size, len(rows))), seed)
    _, trained = fitting.fit(kind, model, clips, loop, run=out / "generator", hardware=hardware, progress=progress)
    conditions = np.random.default_rng(child_seed("emotions", seed)).uniform(-1.0, 1.0, (n, 2))
    sampler = Sampler(require_generator(trained, kind), corpus.front_end, seed, batch_size=BATCH_SIZE)
    parts: list[NDArray[np.float16]] = []
    for samples in sampler.batches(torch.tensor(conditions, dtype=torch.float32)):
        parts.append(samples.mel.numpy().astype(np.float16))
        progress(f"generate {kind}", int(samples.index[-1]) + 1, n)
    with atomic_write(labels) as temporary, temporary.open("wb") as file:
        np.save(file, conditions)
    with atomic_write(mel) as temporary, temporary.open("wb") as file:
        np.save(file, np.concatenate(parts))
    return mel, labels
