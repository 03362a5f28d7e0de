from __future__ import annotations

import json
import math
import os
import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from affetti.errors import StorageError, TrainingError, UsageError
from affetti.training.clips import Clips
from affetti.training.loop import LoopConfig, stoppable, train
from affetti.training.objectives.base import Objective


def clips(count: int = 10) -> Clips:
    mel = np.arange(2 * count, dtype=np.float16)[:, None, None] * np.ones((1, 2, 3), np.float16)
    return Clips(mel, np.linspace(-1, 1, 4 * count).reshape(-1, 2), np.arange(count, 2 * count))


class Line(Objective):
    """A line fitted to noise; at ``at`` something happens to it."""

    def __init__(self, at: int | None = None, event: Any = None) -> None:
        torch.manual_seed(0)
        self.model = nn.Linear(1, 2)
        self.modules: dict[str, nn.Module] = {"model": self.model}
        self.optimizers: dict[str, torch.optim.Optimizer] = {"model": torch.optim.Adam(self.model.parameters(), 0.1)}
        self.at, self.event, self.seen = at, event, []

    def setup(self, fabric: Any) -> None: ...

    def step(self, fabric: Any, mel: Tensor, labels: Tensor, step: int) -> dict[str, float]:  # noqa: ARG002 - the protocol
        self.seen.append((step, mel[:, 0, 0].tolist()))
        x = mel.mean(dim=(1, 2)).unsqueeze(1) / 20 + 0.1 * torch.randn(len(mel), 1)
        loss = (self.model(x) - labels).square().mean()
        self.optimizers["model"].zero_grad()
        loss.backward()
        self.optimizers["model"].step()
        logged = {"loss": float(loss.detach())}
        if step == self.at:
            return self.event(self) or logged
        return logged


def lines(run: Path) -> list[dict[str, float]]:
    result = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in result]


def raise_it(_line: Line) -> None:
    raise RuntimeError("power cut")


def test_an_epoch_shows_every_clip_once() -> None:
    data = clips()
    seen = torch.cat([data.batch(4, 0, step)[0][:, 0, 0] for step in range(5)])  # 20 = two epochs
    for epoch in seen.split(10):
        assert sorted(epoch.tolist()) == list(range(10, 20)), "rows of this set alone"
    assert not torch.equal(seen[:10], seen[10:])
    again, labels = data.batch(4, 0, 3)
    assert torch.equal(again[:, 0, 0], seen[12:16])
    np.testing.assert_allclose(labels, data.labels[again[:, 0, 0].int()], atol=1e-6)
    assert not torch.equal(data.batch(10, 1, 0)[0], data.batch(10, 0, 0)[0])


def test_a_batch_larger_than_the_set_takes_several_epochs() -> None:
    values, counts = np.unique(clips().batch(25, 0, 0)[0][:, 0, 0], return_counts=True)
    assert len(values) == 10
    assert set(counts) == {2, 3}


def test_a_sample_is_spread_evenly_and_bounded() -> None:
    data = Clips(np.arange(1000.0)[:, None, None] * np.ones((1, 2, 5)), np.zeros((1000, 2)), np.arange(1000))
    assert len(data.sample()[0]) == 1000
    taken = data.sample(limit=1_000)[0][:, 0, 0]
    assert len(taken) == 100
    assert taken[0] == 0
    assert taken[-1] == 999
    assert taken.diff().min() >= 10
    assert len(data.sample(limit=10)[0]) == 64, "never so few that nothing can be learnt of them"
    assert len(data.sample(limit=10)[1]) == 1000, "of labels all"


@pytest.mark.parametrize("steps", [20, 79, 80, 81, 1000])
def test_a_run_logs_at_least_twenty_lines_with_every_step_in_one(tmp_path: Path, steps: int) -> None:
    reported: list[tuple[int, int]] = []
    history = train(
        Line(),
        clips(),
        LoopConfig(steps, 4),
        run=tmp_path,
        progress=lambda _, done, total: reported.append((done, total)),
    )
    result = lines(tmp_path)
    assert 20 <= len(result) <= 80
    assert [line["step"] for line in result] == sorted({line["step"] for line in result})
    assert result[-1]["step"] == steps
    assert reported[0] == (0, steps)
    assert reported[-1] == (steps, steps)
    assert len(history.lines) == len(result)
    assert history.seconds > 0


def test_a_line_holds_the_mean_since_the_line_before(tmp_path: Path) -> None:
    losses: list[float] = []

    class Told(Line):
        def step(self, fabric: Any, mel: Tensor, labels: Tensor, step: int) -> dict[str, float]:
            logged = super().step(fabric, mel, labels, step)
            losses.append(logged["loss"])
            return logged

    train(Told(), clips(), LoopConfig(100, 4), run=tmp_path)
    result = lines(tmp_path)
    assert result[0]["step"] == 2
    assert result[7]["loss"] == np.mean(losses[14:16])


@pytest.mark.parametrize("at", [0, 1, 6, 7, 8, 50, 118, 119])
def test_a_run_cut_at_any_step_equals_the_unbroken_one(tmp_path: Path, at: int) -> None:
    config = LoopConfig(120, 4, checkpoint_every=7)
    whole = Line()
    train(whole, clips(), config, run=tmp_path / "whole")
    with pytest.raises(RuntimeError, match="power cut"):
        train(Line(at, raise_it), clips(), config, run=tmp_path / "cut")
    resumed = Line()
    train(resumed, clips(), config, run=tmp_path / "cut")
    assert resumed.seen[0][0] == at // 7 * 7
    assert torch.equal(resumed.model.weight, whole.model.weight)
    assert lines(tmp_path / "cut") == lines(tmp_path / "whole")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("at", [0, 4, 37, 119])
def test_a_signal_saves_a_checkpoint_after_the_current_step(tmp_path: Path, number: int, at: int) -> None:
    config = LoopConfig(120, 4)
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        train(Line(at, lambda _: os.kill(os.getpid(), number)), clips(), config, run=tmp_path / "cut")
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers
    assert [path.name for path in (tmp_path / "cut/checkpoints").iterdir()] == [f"step-{at + 1:08d}.safetensors"]
    resumed, whole = Line(), Line()
    train(resumed, clips(), config, run=tmp_path / "cut")
    train(whole, clips(), config, run=tmp_path / "whole")
    assert len(resumed.seen) == 119 - at
    assert torch.equal(resumed.model.weight, whole.model.weight)
    assert lines(tmp_path / "cut") == lines(tmp_path / "whole")


def test_a_second_signal_ends_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), stoppable() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.is_set()
        os.kill(os.getpid(), signal.SIGINT)
        pytest.fail("went on")


def test_training_works_outside_the_main_thread() -> None:
    line = Line()
    thread = threading.Thread(target=train, args=(line, clips(), LoopConfig(3, 4)))
    thread.start()
    thread.join()
    assert len(line.seen) == 3


def test_a_log_line_cut_short_is_logged_again(tmp_path: Path) -> None:
    config = LoopConfig(40, 4, checkpoint_every=10)
    train(Line(), clips(), config, run=tmp_path / "whole")
    with pytest.raises(RuntimeError):
        train(Line(25, raise_it), clips(), config, run=tmp_path / "cut")
    log = tmp_path / "cut/metrics.jsonl"
    text = log.read_text()
    assert len(text.splitlines()) == 25, "five of them of work that is lost"
    log.write_text(text[:-20])
    train(Line(), clips(), config, run=tmp_path / "cut")
    assert lines(tmp_path / "cut") == lines(tmp_path / "whole")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_a_number_names_the_step_and_the_last_good_weights(tmp_path: Path, value: float) -> None:
    config = LoopConfig(40, 4, checkpoint_every=10)
    with pytest.raises(TrainingError) as caught:
        train(Line(25, lambda _: {"loss": value}), clips(), config, run=tmp_path)
    assert "step 25" in str(caught.value)
    assert str(tmp_path / "checkpoints/step-00000020.safetensors") in str(caught.value)
    assert (tmp_path / "checkpoints/step-00000020.safetensors").exists()
    with pytest.raises(TrainingError, match=r"step 5.*no checkpoint had been saved"):
        train(Line(5, lambda _: {"loss": value}), clips(), config)


def test_weights_that_are_not_numbers_are_never_saved(tmp_path: Path) -> None:
    def spoil(line: Line) -> None:
        with torch.no_grad():
            line.model.weight[0] = math.nan

    with pytest.raises(TrainingError, match=r"weights of the model .* step 39.*step-00000030"):
        train(Line(39, spoil), clips(), LoopConfig(40, 4, checkpoint_every=10), run=tmp_path)
    assert max(path.name for path in (tmp_path / "checkpoints").iterdir()) == "step-00000030.safetensors"


def test_a_log_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("in the way")
    with pytest.raises(StorageError, match="cannot be written"):
        train(Line(), clips(), LoopConfig(3, 4), run=tmp_path / "run")


@pytest.mark.parametrize(
    ("setting", "flag"),
    [
        ({"steps": 0}, "--steps"),
        ({"steps": -5}, "--steps"),
        ({"batch_size": 1}, "--batch-size"),
        ({"seed": -1}, "--seed"),
        ({"checkpoint_every": 0}, "--checkpoint-every"),
    ],
)
def test_a_loop_that_could_not_run_is_refused(setting: dict[str, Any], flag: str) -> None:
    with pytest.raises(UsageError, match=f"{flag}: .* is too small"):
        LoopConfig(**setting)
