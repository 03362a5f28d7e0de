"""Monitor a generator while it is trained: measure its clips against songs that it is not trained on.

A few times a run the averaged model makes clips for the conditions of validation clips. In the default features
(:func:`affetti.signal.statistics.mel_statistics`, standardised by the training clips) these are compared with those
clips. Logged beside the loss:

- ``coverage``: share of validation clips with a generated one near by (Naeem et al. 2020, k = 5). The best model by
  this is the one that is saved: losses of generators say little, and those of a GAN nothing.
- ``diversity``: among clips of similar labels, as a share of real clips'
  (:mod:`affetti.metrics.diversity_within_labels`).
- ``valence_slope``, ``arousal_slope``: slope of what ridge regression, fitted to the training clips, predicts from the
  generated clips against their conditions, as a share of its slope on the validation clips against their labels.
- ``distance_to_train``: median distance to the nearest training clip, over that of validation clips.
- ``silent``: share of clips 40 dB under the quietest training clip.

An alarm is a value out of its range; it is printed, and written to ``result.json``. With patience, training ends after
so many evaluations without better coverage.

When not to use: as the evaluation of a finished generator. It is of few clips; ``affetti score`` is for that.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from affetti import metrics
from affetti.errors import UsageError
from affetti.metrics.diversity_within_labels import label_diversity
from affetti.models.base import Generator
from affetti.models.regressors.baseline import Baseline
from affetti.models.sampling import Sampler
from affetti.presets import FrontEnd
from affetti.rows import evenly_spaced
from affetti.signal.statistics import mel_statistics
from affetti.training.clips import Clips
from affetti.training.objectives.base import Objective

if TYPE_CHECKING:
    from lightning_fabric import Fabric

MAX_CLIPS = 96
"""Clips generated for an evaluation."""
MIN_CLIPS = 24
"""Validation clips that an evaluation needs."""
MAX_TRAINING_CLIPS = 1_000
"""Training clips among which the nearest is searched for."""
COVERAGE_TOLERANCE = 0.02
"""Coverage within this of the best is as good: of such models the latest is kept."""
SILENCE_DB = 40.0
"""A clip this many dB under the quietest training clip is silent."""
ALARMS: dict[str, tuple[Callable[[float], bool], str]] = {
    "diversity": (lambda value: value < 0.4, "collapse: within-label diversity is {:.2f} of real clips'"),
    "silent": (lambda value: value > 0.1, "silence: {:.0%} of clips are silent"),
    "distance_to_train": (
        lambda value: value < 0.5,
        "copying: clips lie {:.2f} times as far from training clips as real",
    ),
}


@dataclass(frozen=True)
class GeneratorMonitor:
    """Measures a generator against the validation clips; made once a training, by :meth:`of`."""

    conditions: Tensor
    """Conditions ``[n, K]`` of the validation clips, for which clips are generated."""
    songs: NDArray[np.str_]
    """Song of each ``[n]``."""
    centre: Tensor
    """Mean of the features over training clips ``[D]``."""
    scale: Tensor
    """Their standard deviation ``[D]``."""
    real: NDArray[np.float64]
    """Features of the validation clips ``[n, D]``."""
    train: NDArray[np.float64]
    """Features of training clips."""
    nearest: float
    """Median distance of validation clips to their nearest training clip."""
    quietest: float
    """Maximum of the quietest training clip, dB."""
    regressor: Baseline
    """Ridge regression, fitted to the training clips."""
    slopes: NDArray[np.float64]
    """Its slopes on the validation clips, valence and arousal ``[2]``."""
    front_end: FrontEnd
    """Of the clips."""

    @classmethod
    def of(
        cls,
        clips: Clips,
        validation: Clips,
        songs: NDArray[np.str_],
        regressor: Baseline,
        front_end: FrontEnd,
    ) -> GeneratorMonitor | None:
        """The monitor of a training.

        Args:
            clips: log-mels and conditions of training clips.
            validation: log-mels and conditions of clips of validation songs.
            songs: song of each clip of the corpus.
            regressor: fitted to the training clips.
            front_end: of the clips.

        Returns:
            The monitor; None where there are fewer than :data:`MIN_CLIPS` validation clips, or 10 songs.
        """
        rows = validation.rows[evenly_spaced(len(validation), MAX_CLIPS)]
        if len(rows) < MIN_CLIPS or np.unique(songs[rows]).size < 10:
            return None
        chosen = clips.rows[evenly_spaced(len(clips), MAX_TRAINING_CLIPS)]
        train_mel, _ = clips.take(chosen)
        real_mel, conditions = validation.take(rows)
        features = mel_statistics(train_mel)
        centre, scale = features.mean(dim=0), features.std(dim=0).clamp_min(1e-6)
        train = ((features - centre) / scale).double().numpy()
        real = ((mel_statistics(real_mel) - centre) / scale).double().numpy()
        slopes = _slopes(regressor(real_mel), conditions)
        nearest = float(np.median(_nearest_distance(real, train)))
        quietest = float(train_mel.amax(dim=(1, 2)).min())
        return cls(conditions, songs[rows], centre, scale, real, train, nearest, quietest, regressor, slopes, front_end)

    @torch.no_grad()
    def evaluate(self, model: Generator) -> dict[str, float]:
        """Measure ``model`` by clips generated as ``affetti generate`` does; see the module for the keys."""
        mel = Sampler(model, self.front_end, sampling=model.draft_sampling)(self.conditions).mel
        fake = ((mel_statistics(mel) - self.centre) / self.scale).double().numpy()
        if not np.isfinite(fake).all():
            return {"coverage": float("nan")}  # the loop ends a run whose numbers are not
        emotions = self.conditions[:, :2]
        neighbours = metrics.precision_recall_density_coverage(self.real, fake)
        slopes = _slopes(self.regressor(mel), self.conditions) / self.slopes
        return {
            "coverage": neighbours["coverage"],
            "precision": neighbours["precision"],
            "diversity": label_diversity(self.real, fake, emotions, emotions, (self.songs, None)),
            "valence_slope": float(slopes[0]),
            "arousal_slope": float(slopes[1]),
            "distance_to_train": float(np.median(_nearest_distance(fake, self.train))) / max(self.nearest, 1e-9),
            "silent": float((mel.amax(dim=(1, 2)) < self.quietest - SILENCE_DB).double().mean()),
        }


@dataclass(frozen=True)
class Monitoring:
    """How a generator is monitored while it is trained."""

    monitor: GeneratorMonitor
    evaluations: int = 4
    """In a whole training."""
    patience: int = 0
    """Evaluations without better coverage after which training ends; 0: it takes all its steps."""


class _BestCoverage(nn.Module):
    """The best coverage so far and the number of evaluations since, saved in checkpoints."""

    best: Tensor
    since: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("best", torch.tensor(-1.0))
        self.register_buffer("since", torch.tensor(0))


class MonitoredObjective(Objective):
    """An objective whose averaged model is evaluated a few times; :attr:`result` is the best by coverage."""

    def __init__(
        self,
        objective: Objective,
        monitor: GeneratorMonitor,
        steps: int,
        evaluations: int,
        patience: int,
        validation: Clips | None = None,
    ) -> None:
        self.objective, self.monitor, self.patience, self.validation = objective, monitor, patience, validation
        self.every = max(1, steps // max(1, evaluations))
        self.memory, self.best = _BestCoverage(), copy.deepcopy(objective.modules["average"])
        self.modules = {**objective.modules, "best": self.best, "memory": self.memory}
        self.optimizers = objective.optimizers

    @property
    def finished(self) -> bool:
        """Whether coverage has not risen for as many evaluations as patience allows."""
        return 0 < self.patience <= int(self.memory.since)

    @property
    def result(self) -> nn.Module:
        """The model to be used."""
        return self.best if float(self.memory.best) >= 0 else self.objective.modules["average"]

    def setup(self, fabric: Fabric) -> None:
        """Put modules and optimizers in the hands of Fabric."""
        self.objective.setup(fabric)
        fabric.to_device(self.best)
        self.device = fabric.device

    def step(self, fabric: Fabric, mel: Tensor, labels: Tensor, step: int) -> dict[str, float]:
        """One update, and an evaluation where it is due."""
        logged = self.objective.step(fabric, mel, labels, step)
        if (step + 1) % self.every == 0:
            average = self.objective.modules["average"].eval()
            if not isinstance(average, Generator):
                raise UsageError("only a generator can be monitored", where="MODEL", hint="leave the monitor out")
            # In full precision, as it will be used; the first device's, for all must stop together.
            with torch.autocast(fabric.device.type, enabled=False):
                measured = fabric.broadcast(self.monitor.evaluate(average) | self._held_out_loss())
            logged |= measured
            if measured["coverage"] >= float(self.memory.best) - COVERAGE_TOLERANCE:
                self.best.load_state_dict(average.state_dict())
                self.memory.since.zero_()
            else:
                self.memory.since += 1
            self.memory.best.fill_(max(float(self.memory.best), measured["coverage"]))
        return logged

    def _held_out_loss(self) -> dict[str, float]:
        """The held-out loss of objectives that have one, over up to four times :data:`MAX_CLIPS` validation clips."""
        if self.validation is None:
            return {}
        spread = evenly_spaced(len(self.validation), 4 * MAX_CLIPS)
        parts = np.array_split(self.validation.rows[spread], -(-len(spread) // 32))
        losses: list[float] = []
        for rows in parts:
            loss = self.objective.held_out_loss(*(part.to(self.device) for part in self.validation.take(rows)))
            if loss is None:
                return {}
            losses.append(loss)
        return {"held_out_loss": float(np.average(losses, weights=[len(rows) for rows in parts]))}


def alarms(lines: list[dict[str, float]]) -> list[str]:
    """What the last evaluation of a run measured out of range, a sentence each.

    Args:
        lines: the log of the run, ``metrics.jsonl``.
    """
    evaluations = [line for line in lines if "coverage" in line]
    if not evaluations:
        return []
    last = evaluations[-1]
    raised = [(text, last[name]) for name, (is_bad, text) in ALARMS.items() if name in last and is_bad(last[name])]
    return [f"step {last['step']}: {text.format(value)}" for text, value in raised]


def _slopes(prediction: Tensor, conditions: Tensor) -> NDArray[np.float64]:
    """Slopes ``[2]`` of predicted valence and arousal against those of the conditions."""
    predicted, requested = prediction.double().numpy(), conditions[:, :2].double().numpy()
    return np.array([metrics.slope(predicted[:, axis], requested[:, axis]) for axis in (0, 1)])


def _nearest_distance(rows: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    return torch.cdist(torch.from_numpy(rows), torch.from_numpy(others)).min(dim=1).values.numpy()
