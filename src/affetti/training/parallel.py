"""Several runs at once, each with a share of the cores of the executor that trains them.

On Ctrl-C each run saves a checkpoint and stops; the same call continues from there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from affetti.corpus import Corpus
from affetti.execution import Executor
from affetti.progress import Progress, silent
from affetti.training.result import TrainResult
from affetti.training.train import TrainSettings, train_run


@dataclass(frozen=True)
class RunSpec:
    """One run to be trained: the arguments of :func:`affetti.training.train.train_run`.

    It is a :class:`affetti.execution.base.Job`.
    """

    kind: str
    corpus: Path
    fold: int
    out: Path
    settings: TrainSettings = TrainSettings()
    label: str = ""
    """Added to the stages that ``progress`` receives, so that parallel runs of one kind have distinct stages."""

    @property
    def name(self) -> str:
        """What messages call the run."""
        return f"training {self.kind}"

    def __call__(self, progress: Progress) -> TrainResult:
        """Train the run and return its result; a finished run is not trained again."""

        def labelled(stage: str, done: int, total: int) -> None:
            progress(f"{stage} ({self.label})" if self.label else stage, done, total)

        corpus = Corpus.open(self.corpus)
        return train_run(self.kind, corpus, self.fold, self.out, self.settings, progress=labelled)


def train_runs(specs: Sequence[RunSpec], executor: Executor, progress: Progress = silent) -> list[TrainResult]:
    """Train all ``specs`` and return their results in order; finished runs are not trained again.

    Raises:
        AffettiError: what a run raised; the others file a checkpoint and stop.
        WorkerError: a process died.
        KeyboardInterrupt: interrupted; checkpoints have been saved.
    """
    counts, seen = Counter(spec.kind for spec in specs), Counter[str]()
    jobs: list[RunSpec] = []
    for spec in specs:
        seen[spec.kind] += 1
        several = counts[spec.kind] > 1
        jobs.append(replace(spec, label=f"{seen[spec.kind]} of {counts[spec.kind]}") if several else spec)
    return executor.run_jobs(jobs, progress)
