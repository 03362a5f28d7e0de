"""Watch a generator while it trains: what its clips are like, on songs it is not trained on.

A few times a run the averaged model makes clips for the conditions of validation clips. In the default features
(:func:`affetti.signal.statistics.mel_statistics`, standardised by the training clips) these are compared with those
clips. Logged beside the loss:

- ``coverage``: share of validation clips with a generated one near by (Naeem et al. 2020, k = 5). The best model by
  this is the one that is filed: losses of generators say little, and those of a GAN nothing.
- ``diversity``: among clips of like label, as a share of real clips' (:mod:`affetti.metrics.diversity_within_labels`).
- ``valence_slope``, ``arousal_slope``: what ridge regression, trained on the same training clips, reads, against what
  was asked, as a share of the slope it shows on the validation clips.
- ``distance_to_train``: median distance to the nearest training clip, over that of validation clips.
- ``silent``: share of clips 40 dB under the quietest training clip.

An alarm is a value out of its range; it is told, and filed in ``result.json``. With patience, training ends after so
many looks without better coverage.

When not to use: as the verdict on a generator. It is made of few clips; ``affetti score`` is for that.
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
"""Clips made at a look."""
MIN_CLIPS = 24
"""Validation clips that a look needs."""
MAX_TRAINING_CLIPS = 1_000
"""Training clips among which copies are looked for."""
COVERAGE_TOLERANCE = 0.02
"""Coverage within this of the best is as good: of such models the latest is kept."""
SILENCE_DB = 40.0
"""dB under the quietest training clip: silent."""
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
    """What a look needs to know of the real clips."""

    wishes: Tensor
    """Conditions ``[n, K]`` of the validation clips."""
    songs: NDArray[np.str_]
    """Song of each."""
    centre: Tensor
    scale: Tensor
    real: NDArray[np.float64]
    """Features of the validation clips ``[n, D]``."""
    train: NDArray[np.float64]
    """Features of training clips."""
    nearest: float
    """Median distance of validation clips to their nearest training clip."""
    quietest: float
    """Maximum of the quietest training clip, dB."""
    reader: Baseline
    slopes: NDArray[np.float64]
    """The reader's slopes on the validation clips, valence and arousal."""
    front_end: FrontEnd
    """Of the clips."""

    @classmethod
    def of(
        cls,
        clips: Clips,
        held: Clips,
        songs: NDArray[np.str_],
        reader: Baseline,
        front_end: FrontEnd,
    ) -> GeneratorMonitor | None:
        """From training clips and validation clips (log-mels and conditions); None where these are too few."""
        rows = held.rows[evenly_spaced(len(held), MAX_CLIPS)]
        if len(rows) < MIN_CLIPS or np.unique(songs[rows]).size < 10:
            return None
        chosen = clips.rows[evenly_spaced(len(clips), MAX_TRAINING_CLIPS)]
        train_mel, _ = clips.take(chosen)
        real_mel, wishes = held.take(rows)
        features = mel_statistics(train_mel)
        centre, scale = features.mean(dim=0), features.std(dim=0).clamp_min(1e-6)
        train = ((features - centre) / scale).double().numpy()
        real = ((mel_statistics(real_mel) - centre) / scale).double().numpy()
        slopes = _slopes(reader(real_mel), wishes)
        nearest = float(np.median(_nearest_distance(real, train)))
        quietest = float(train_mel.amax(dim=(1, 2)).min())
        return cls(wishes, songs[rows], centre, scale, real, train, nearest, quietest, reader, slopes, front_end)

    @torch.no_grad()
    def evaluate(self, model: Generator) -> dict[str, float]:
        """Measure ``model``, by clips made as ``affetti generate`` makes them; see the module for the keys."""
        mel = Sampler(model, self.front_end, sampling=model.draft_sampling)(self.wishes).mel
        fake = ((mel_statistics(mel) - self.centre) / self.scale).double().numpy()
        if not np.isfinite(fake).all():
            return {"coverage": float("nan")}  # the loop ends a run whose numbers are not
        found = metrics.precision_recall_density_coverage(self.real, fake)
        slopes = _slopes(self.reader(mel), self.wishes) / self.slopes
        return {
            "coverage": found["coverage"],
            "precision": found["precision"],
            "diversity": label_diversity(self.real, fake, self.wishes[:, :2], self.wishes[:, :2], (self.songs, None)),
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
    """The best coverage so far and the looks since, kept in checkpoints."""

    best: Tensor
    since: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("best", torch.tensor(-1.0))
        self.register_buffer("since", torch.tensor(0))


class MonitoredObjective(Objective):
    """An objective whose averaged model is looked at a few times; :attr:`result` is the best by coverage."""

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
        """Whether patience is at an end."""
        return 0 < self.patience <= int(self.memory.since)

    @property
    def result(self) -> nn.Module:
        """The model to be used."""
        return self.best if float(self.memory.best) >= 0 else self.objective.modules["average"]

    def setup(self, fabric: Fabric) -> None:
        """Hand over to Fabric."""
        self.objective.setup(fabric)
        fabric.to_device(self.best)
        self.device = fabric.device

    def step(self, fabric: Fabric, mel: Tensor, labels: Tensor, step: int) -> dict[str, float]:
        """One update, and a look where it is time."""
        logged = self.objective.step(fabric, mel, labels, step)
        if (step + 1) % self.every == 0:
            average = self.objective.modules["average"].eval()
            if not isinstance(average, Generator):
                raise UsageError("only a generator can be monitored", where="MODEL", hint="leave the monitor out")
            # In full precision, as it will be used; the first device's, for all must stop together.
            with torch.autocast(fabric.device.type, enabled=False):
                seen = fabric.broadcast(self.monitor.evaluate(average) | self._held_out_loss())
            logged |= seen
            if seen["coverage"] >= float(self.memory.best) - COVERAGE_TOLERANCE:
                self.best.load_state_dict(average.state_dict())
                self.memory.since.zero_()
            else:
                self.memory.since += 1
            self.memory.best.fill_(max(float(self.memory.best), seen["coverage"]))
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
    """What the last look at a run found out of range."""
    looks = [line for line in lines if "coverage" in line]
    if not looks:
        return []
    last = looks[-1]
    found = [(told, last[name]) for name, (bad, told) in ALARMS.items() if name in last and bad(last[name])]
    return [f"step {last['step']}: {told.format(value)}" for told, value in found]


def _slopes(reading: Tensor, wishes: Tensor) -> NDArray[np.float64]:
    read, asked = reading.double().numpy(), wishes[:, :2].double().numpy()
    return np.array([metrics.slope(read[:, axis], asked[:, axis]) for axis in (0, 1)])


def _nearest_distance(rows: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    return torch.cdist(torch.from_numpy(rows), torch.from_numpy(others)).min(dim=1).values.numpy()
