from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.material import LEAN, mels, write_corpus

from affetti.corpus import Corpus
from affetti.errors import MismatchError, StorageError, UsageError
from affetti.models.regressors.base import Prediction
from affetti.models.regressors.student import Student, StudentConfig
from affetti.presets import FRONT_ENDS
from affetti.training.loop import make_fabric
from affetti.training.objectives.distillation import TEMPERATURE, WEIGHTS, DistilledObjective, distillation_losses
from affetti.training.objectives.regression import concordance_loss, mixup
from affetti.training.train import TrainSettings, train_run


def prediction(seed: int, features: int = 5, grid: tuple[int, int] = (3, 4)) -> Prediction:
    torch.manual_seed(seed)
    return Prediction(torch.randn(6, 2), torch.randn(6, features), torch.rand(6, *grid))


def test_similarity_to_itself_is_perfect() -> None:
    assert all(
        float(part) == pytest.approx(0, abs=1e-10)
        for part in distillation_losses(prediction(0), prediction(0)).values()
    )
    assert all(float(part) > 0.001 for part in distillation_losses(prediction(0), prediction(1)).values())


def test_teacher_and_student_may_differ_in_width_grid_and_scale() -> None:
    teacher = prediction(0)
    result = distillation_losses(prediction(1, 9, (8, 2)), teacher)
    assert set(result) == set(WEIGHTS)
    louder = Prediction(teacher.logits, 3 * teacher.features + 1, 5 * teacher.map)
    parts = distillation_losses(louder, teacher)
    assert float(parts["features"]) == pytest.approx(0, abs=1e-10)
    assert float(parts["attention"]) == pytest.approx(0, abs=1e-10)


def test_a_high_temperature_separates_saturated_responses() -> None:
    sure, surer = (Prediction(torch.full((6, 2), z), prediction(0).features, prediction(0).map) for z in (3.0, 6.0))
    assert float((torch.tanh(sure.logits) - torch.tanh(surer.logits)).square().mean()) < 1e-4
    expected = (TEMPERATURE * (torch.tanh(torch.tensor(0.5)) - torch.tanh(torch.tensor(1.0)))) ** 2
    assert float(distillation_losses(sure, surer)["responses"]) == pytest.approx(float(expected), rel=1e-5)


def test_the_weights_are_the_studys() -> None:
    assert WEIGHTS == {"responses": 0.3, "features": 0.4, "attention": 0.3}
    torch.manual_seed(0)
    made = DistilledObjective(Student((16, 32), StudentConfig(4)), 10, Student((16, 32), StudentConfig(8)))
    made.setup(make_fabric("cpu"))
    made.model.eval()
    x, labels = torch.randn(6, 16, 32), torch.rand(6, 2)
    with torch.no_grad():
        made.teacher_output = made.teacher.predict_normalised(x)
        mine = made.modules["model"].predict_normalised(x)  # type: ignore[operator]
        parts = distillation_losses(mine, made.teacher_output)
        expected = concordance_loss(torch.tanh(mine.logits), labels) + sum(WEIGHTS[n] * parts[n] for n in WEIGHTS)
        assert float(made.loss(x, labels)) == pytest.approx(float(expected), rel=1e-5)


def test_blends_keep_labels_and_clips_together() -> None:
    torch.manual_seed(0)
    labels = torch.rand(64, 2)
    mel = labels[:, :1, None].expand(64, 3, 4)
    mixed, reported = mixup(mel, labels)
    torch.testing.assert_close(mixed[:, 0, 0], reported[:, 0])
    kept = (reported == labels).all(dim=1).float().mean()
    assert 0.3 < kept < 0.7


def test_the_teacher_is_not_changed_and_the_student_learns_its_predictions() -> None:
    torch.manual_seed(0)
    teacher, mel = Student((16, 32), StudentConfig(8)), mels(32, (16, 32))
    teacher.normalise.fit(mel)
    with torch.no_grad():
        teacher.head[-1].weight *= 20  # type: ignore[operator]
    student = Student((16, 32), StudentConfig(8))
    student.normalise.fit(mel)
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    made, fabric = DistilledObjective(student, 60, teacher), make_fabric("cpu")
    made.setup(fabric)
    labels = teacher.eval()(mel).detach()
    losses = []
    for step in range(60):
        torch.manual_seed(step)
        losses.append(made.step(fabric, mel, labels, step)["loss"])
    assert sum(losses[-10:]) < 0.6 * sum(losses[:10])
    for name, value in teacher.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0, equal_nan=True)


def test_a_run_is_distilled_and_says_from_whom(tmp_path: Path, corpus: Corpus, run_of: Callable[[str], Path]) -> None:
    options: dict[str, Any] = {"steps": 12, "batch_size": 8, "model": LEAN["student"]}
    train_run("student", corpus, 0, tmp_path / "run", TrainSettings(teacher=run_of("vit"), **options))
    config = json.loads((tmp_path / "run/config.json").read_text())
    assert config["teacher"] == str(run_of("vit"))
    train_run("student", corpus, 0, tmp_path / "alone", TrainSettings(**options))
    one, other = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("run", "alone"))
    assert one != other


def test_invalid_teachers_are_refused(tmp_path: Path, corpus: Corpus, run_of: Callable[[str], Path]) -> None:
    with pytest.raises(MismatchError, match=r"was trained on \d+ of the test songs"):
        train_run("student", corpus, 1, tmp_path / "run", TrainSettings(teacher=run_of("vit"), steps=4, batch_size=8))
    with pytest.raises(UsageError, match="a baseline teaches no student"):
        train_run(
            "student", corpus, 0, tmp_path / "run", TrainSettings(teacher=run_of("baseline"), steps=4, batch_size=8)
        )
    other = write_corpus(tmp_path / "paper", songs=12, each=1, front=FRONT_ENDS["paper"], preset="paper")
    with pytest.raises(MismatchError, match="takes log-mels of front-end"):
        train_run("student", other, 0, tmp_path / "run", TrainSettings(teacher=run_of("vit"), steps=4, batch_size=2))
    assert not (tmp_path / "run").exists()


def test_another_teacher_in_the_same_place_is_another_run(
    tmp_path: Path, corpus: Corpus, run_of: Callable[[str], Path]
) -> None:
    options: dict[str, Any] = {"steps": 4, "batch_size": 8, "model": LEAN["student"]}
    shutil.copytree(run_of("vit"), tmp_path / "teacher")
    train_run("student", corpus, 0, tmp_path / "run", TrainSettings(teacher=tmp_path / "teacher", **options))
    (tmp_path / "teacher").rename(tmp_path / "moved")
    train_run("student", corpus, 0, tmp_path / "run", TrainSettings(teacher=tmp_path / "moved", **options))
    train_run("student", corpus, 0, tmp_path / "other", TrainSettings(**options))
    with pytest.raises(StorageError, match=r"holds other work \(teacher_weights was"):
        train_run("student", corpus, 0, tmp_path / "run", TrainSettings(teacher=tmp_path / "other", **options))
