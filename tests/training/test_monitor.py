from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from affetti.corpus import Corpus
from affetti.errors import TrainingError
from affetti.models.base import Generator, SamplingParameter
from affetti.rows import evenly_spaced
from affetti.training.clips import Clips
from affetti.training.fit import generator_monitor
from affetti.training.loop import LoopConfig, train
from affetti.training.monitor import MAX_CLIPS, GeneratorMonitor, MonitoredObjective, alarms
from affetti.training.objectives.base import Objective


class Player(Generator):
    """A "generator" that plays given clips, by their labels."""

    mel: Tensor

    @property
    def sampling_parameters(self) -> tuple[SamplingParameter, ...]:
        return ()

    def __init__(self, clips: Clips, rows: np.ndarray, loud: float = 0.0) -> None:
        super().__init__()
        mel, self.labels = clips.take(rows)
        self.weight = nn.Parameter(torch.zeros(1))
        self.register_buffer("mel", mel + loud)

    def fit_statistics(self, clips: Tensor, conditions: Tensor) -> dict[str, float]:  # noqa: ARG002 - the protocol
        return {}

    def sample(self, condition: Tensor, seed: int, index: Tensor | None = None, sampling: object = None) -> Tensor:  # noqa: ARG002
        nearest = torch.cdist(condition[:, :2], self.labels[:, :2]).argsort(dim=1)
        return self.mel[nearest[:, 0]] + 0 * self.weight


@pytest.fixture(scope="module")
def clips(corpus: Corpus) -> Clips:
    return Clips(corpus.mel, corpus.labels, corpus.fold(0).train)


@pytest.fixture(scope="module")
def held(corpus: Corpus) -> Clips:
    return Clips(corpus.mel, corpus.labels, corpus.fold(0).test)


@pytest.fixture(scope="module")
def monitor(corpus: Corpus, clips: Clips, held: Clips) -> GeneratorMonitor:
    result = generator_monitor(corpus, clips, held)
    assert result is not None
    return result


def test_the_clips_themselves_are_as_good_as_real(monitor: GeneratorMonitor, held: Clips) -> None:
    rows = held.rows[evenly_spaced(len(held), MAX_CLIPS)]
    seen = monitor.evaluate(Player(held, rows))
    assert seen["coverage"] == seen["precision"] == 1
    assert 0.7 < seen["diversity"] <= 1.05, "clips of one song count as neighbours where songs are not known"
    assert seen["valence_slope"] == pytest.approx(1, abs=0.02)
    assert seen["arousal_slope"] == pytest.approx(1, abs=0.02)
    assert seen["silent"] == 0
    assert seen["distance_to_train"] == pytest.approx(1, abs=0.02)


def test_copies_collapse_and_silence_are_seen(monitor: GeneratorMonitor, clips: Clips) -> None:
    assert monitor.evaluate(Player(clips, clips.rows))["distance_to_train"] == pytest.approx(0, abs=1e-6)
    one = monitor.evaluate(Player(clips, clips.rows[:3] * 0 + clips.rows[0]))
    assert one["diversity"] == pytest.approx(0, abs=1e-6)
    assert one["arousal_slope"] == pytest.approx(0, abs=1e-6)
    assert monitor.evaluate(Player(clips, clips.rows, loud=-90.0))["silent"] == 1


def test_clips_are_measured_with_the_floor_that_generated_corpora_have(monitor: GeneratorMonitor, held: Clips) -> None:
    player = Player(held, held.rows[evenly_spaced(len(held), MAX_CLIPS)])
    floored = monitor.evaluate(player)
    top = player.mel.amax(dim=(1, 2), keepdim=True)
    player.mel[player.mel <= top - monitor.front_end.top_db + 0.1] -= 60  # below what any clip of a corpus holds
    assert monitor.evaluate(player) == pytest.approx(floored, abs=1e-2)


def test_alarms_name_values_out_of_range() -> None:
    fine = {"step": 10, "coverage": 0.6, "diversity": 0.8, "silent": 0.0, "distance_to_train": 1.0}
    assert alarms([fine, {"step": 12, "loss": 0.1}]) == []
    assert alarms([fine, fine | {"step": 20, "diversity": 0.31}]) == [
        "step 20: collapse: within-label diversity is 0.31 of real clips'"
    ]
    assert len(alarms([fine | {"silent": 0.5, "distance_to_train": 0.2}])) == 2
    assert alarms([]) == []


def test_too_few_validation_clips_are_not_evaluated(corpus: Corpus, clips: Clips, held: Clips) -> None:
    assert generator_monitor(corpus, clips, Clips(held.mel, held.labels, held.rows[:10])) is None


class Counter(Generator):
    """Weights that count steps; it samples nothing."""

    @property
    def sampling_parameters(self) -> tuple[SamplingParameter, ...]:
        return ()

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight

    def fit_statistics(self, clips: Tensor, conditions: Tensor) -> dict[str, float]:  # noqa: ARG002 - the protocol
        return {}

    def sample(self, condition: Tensor, seed: int, index: Tensor | None = None, sampling: object = None) -> Tensor:
        raise NotImplementedError


class Course(Objective):
    """An objective whose "model" counts its steps, and whose monitor gets a planned coverage from it."""

    def __init__(self) -> None:
        self.model = Counter()
        self.modules: dict[str, nn.Module] = {"model": self.model, "average": copy.deepcopy(self.model)}
        self.optimizers: dict[str, torch.optim.Optimizer] = {"model": torch.optim.SGD(self.model.parameters(), 1.0)}

    def setup(self, fabric: Any) -> None: ...

    def step(self, fabric: Any, mel: Tensor, labels: Tensor, step: int) -> dict[str, float]:  # noqa: ARG002
        with torch.no_grad():
            for module in self.modules.values():
                module.get_parameter("weight").add_(1)
        return {"loss": 1.0}


class Plan:
    def __init__(self, *coverage: float) -> None:
        self.coverage = coverage

    def evaluate(self, model: Counter) -> dict[str, float]:
        return {"coverage": self.coverage[int(model.weight.item()) // 2 - 1]}


def course(
    run: Path | None, *coverage: float, patience: int = 0, steps: int = 12
) -> tuple[MonitoredObjective, list[Any]]:
    data = Clips(np.zeros((4, 2, 3)), np.zeros((4, 2)), np.arange(4))
    watched = MonitoredObjective(Course(), Plan(*coverage), 12, 6, patience)  # type: ignore[arg-type]
    history = train(watched, data, LoopConfig(steps, 2, checkpoint_every=1), run=run)
    return watched, history.lines


def test_the_best_by_coverage_is_kept_and_of_equals_the_latest() -> None:
    watched, _ = course(None, 0.1, 0.6, 0.3, 0.595, 0.2, 0.1)
    assert watched.result.get_parameter("weight").item() == 8
    assert course(None, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)[0].result.get_parameter("weight").item() == 12


def test_patience_ends_a_run_that_no_longer_gains() -> None:
    watched, lines = course(None, 0.1, 0.6, 0.3, 0.2, 0.9, 0.9, patience=2)
    assert lines[-1]["step"] == 8
    assert watched.result.get_parameter("weight").item() == 4


def test_a_resumed_run_remembers_the_best(tmp_path: Path) -> None:
    plan = (0.1, 0.6, 0.3, 0.2, 0.1, 0.1)
    course(tmp_path, *plan, steps=7)
    resumed, lines = course(tmp_path, *plan)
    assert resumed.result.get_parameter("weight").item() == 4
    assert [line["coverage"] for line in lines if "coverage" in line] == list(plan)


def test_a_model_with_nan_outputs_ends_the_run() -> None:
    with pytest.raises(TrainingError, match="not a number at step 3"):
        course(None, 0.1, float("nan"))


def test_a_run_that_stopped_early_does_not_resume(tmp_path: Path) -> None:
    plan = (0.1, 0.6, 0.3, 0.2, 0.9, 0.9)
    ended, lines = course(tmp_path, *plan, patience=2)
    again, kept = course(tmp_path, *plan, patience=2)
    assert kept == lines
    assert torch.equal(again.result.get_parameter("weight"), ended.result.get_parameter("weight"))


def test_the_held_out_loss_is_the_mean_over_clips_however_many_are_taken_at_once(corpus: Corpus) -> None:
    sizes: list[int] = []

    class Lossy(Course):
        def held_out_loss(self, mel: Tensor, labels: Tensor) -> float:
            sizes.append(len(mel))
            assert len(labels) == len(mel)
            return float(mel.mean())

    held = Clips(corpus.mel, corpus.labels, np.arange(75))
    watched = MonitoredObjective(Lossy(), Plan(0.5), 12, 6, 0, held)  # type: ignore[arg-type]
    watched.device = torch.device("cpu")
    result = watched._held_out_loss()["held_out_loss"]
    assert result == pytest.approx(float(corpus.mel[:75].astype(np.float64).mean()), rel=1e-4)
    assert sum(sizes) == 75
    assert max(sizes) <= 32
