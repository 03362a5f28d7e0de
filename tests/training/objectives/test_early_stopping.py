from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.material import mels

from affetti import metrics
from affetti.models.regressors.student import Student, StudentConfig
from affetti.training.clips import Clips
from affetti.training.loop import LoopConfig, train
from affetti.training.objectives.base import ObjectiveOptions
from affetti.training.objectives.distillation import DistilledObjective, student_objective
from affetti.training.objectives.early_stopping import PATIENCE, BestWeights, validation_concordance
from affetti.training.objectives.regression import RegressionObjective

SHAPE = (16, 32)


def student(seed: int = 0) -> Student:
    torch.manual_seed(seed)
    return Student(SHAPE, StudentConfig(4))


def clips(count: int = 24) -> Clips:
    mel = mels(count, SHAPE)
    labels = torch.stack([(mel.mean(dim=(1, 2)) + 40) / 4, torch.linspace(-0.5, 0.5, count)], dim=1).clamp(-1, 1)
    return Clips(mel.numpy(), labels.double().numpy(), np.arange(count))


def test_the_weights_of_the_highest_concordance_are_kept() -> None:
    model = student()
    best = BestWeights(model)
    name = "head.1.bias"
    best.update(model, 0.3)
    with torch.no_grad():
        model.get_parameter(name).add_(1)
    kept = best.kept.state_dict()[name].clone()
    best.update(model, 0.2)
    assert torch.equal(best.kept.state_dict()[name], kept)
    assert int(best.since) == 1
    best.update(model, 0.4)
    assert torch.equal(best.kept.state_dict()[name], kept + 1)
    assert (float(best.ccc), int(best.since)) == (pytest.approx(0.4), 0)


def test_validation_concordance_is_the_metric_on_the_rows_of_the_clips() -> None:
    data = clips()
    part = Clips(data.mel, data.labels, np.array([3, 1, 20, 7, 9, 11, 2]))
    model = student().eval()
    expected = metrics.concordance(model(data.take(part.rows)[0]).detach().double().numpy(), data.labels[part.rows])
    for batch_size in (2, 64):
        measured = validation_concordance(model, part, torch.device("cpu"), batch_size)
        assert measured == pytest.approx(expected, abs=1e-6)


def test_equal_predictions_of_equal_labels_count_as_minus_one() -> None:
    data = clips(4)
    model = student()
    with torch.no_grad():
        for value in model.head.parameters():
            value.zero_()
    flat = Clips(data.mel, np.zeros((4, 2)), data.rows)
    assert validation_concordance(model, flat, torch.device("cpu")) == -1.0


@pytest.mark.parametrize("taught", [False, True])
def test_a_student_stops_when_validation_no_longer_gains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taught: bool
) -> None:
    data = clips()
    made = student_objective(student(), 60, ObjectiveOptions(validation=data, teacher=student(1) if taught else None))
    assert isinstance(made, DistilledObjective if taught else RegressionObjective)
    scores = iter([0.1, 0.5, *[0.4] * 100])
    monkeypatch.setattr(made, "evaluate", lambda _clips: next(scores))
    history = train(made, data, LoopConfig(60, 8), run=tmp_path)
    assert history.lines[-1]["step"] == (2 + PATIENCE) * made.every
    assert made.result is made.best.kept


def test_without_early_stopping_a_student_takes_all_steps() -> None:
    data = clips()
    made = student_objective(student(), 6, ObjectiveOptions(validation=data, stop_early=False))
    train(made, data, LoopConfig(6, 8))
    assert not made.finished
    assert made.result is made.modules["average"]


def test_evaluation_does_not_change_what_is_learned() -> None:
    data, states = clips(), []
    for validation in (None, data):
        made = RegressionObjective(student(), 6, validation=validation)
        train(made, data, LoopConfig(6, 8, 3))
        states.append(list(made.average.parameters()))
    assert all(torch.equal(value, other) for value, other in zip(*states, strict=True))
