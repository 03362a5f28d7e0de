from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.material import mels

from affetti.models.regressors.vit import ViT, ViTConfig
from affetti.training.clips import Clips
from affetti.training.loop import LoopConfig, make_fabric, train
from affetti.training.objectives.early_stopping import PATIENCE
from affetti.training.objectives.fine_tuning import FineTuningObjective, unfreeze
from affetti.training.objectives.regression import weighted_squared_error

SHAPE = (16, 32)


def vit(**settings: Any) -> ViT:
    torch.manual_seed(0)
    return ViT(SHAPE, replace(ViTConfig(width=8, layers=8, heads=2, patch=8), **settings))


def clips(count: int = 24) -> Clips:
    mel = mels(count, SHAPE)
    labels = torch.stack([(mel.mean(dim=(1, 2)) + 40) / 4, torch.linspace(-0.5, 0.5, count)], dim=1).clamp(-1, 1)
    return Clips(mel.numpy(), labels.double().numpy(), np.arange(count))


@pytest.mark.parametrize(("share", "learning"), [(0.0, 0), (0.16, 0), (0.17, 4), (0.29, 4), (0.3, 6), (1.0, 6)])
def test_a_pretrained_backbone_is_unfrozen_gradually(share: float, learning: int) -> None:
    model = vit()
    unfreeze(model, share)
    free = [all(value.requires_grad for value in block.parameters()) for block in model.blocks]
    assert free == [False] * (8 - learning) + [True] * learning
    assert not any(value.requires_grad for value in model.backbone.embeddings.parameters())  # type: ignore[union-attr]
    assert all(value.requires_grad for value in model.head.parameters())


def test_the_first_steps_move_the_head_alone_and_at_ten_times_the_rate() -> None:
    model = vit(pretrained="a/b", stride=8)
    made, fabric = FineTuningObjective(model, 12), make_fabric("cpu")
    made.setup(fabric)
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    data = clips()
    made.step(fabric, *data.take(data.rows), step=0)
    moved = {name for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    assert moved
    assert all(name.startswith("head.") for name in moved)
    made.step(fabric, *data.take(data.rows), step=2)
    moved = {name for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    assert any(name.startswith("backbone.layers.4") for name in moved)
    assert not any(name.startswith(("backbone.layers.3", "backbone.embeddings")) for name in moved)
    slow, fast = made.optimizer.param_groups
    assert slow["lr"] == pytest.approx(fast["lr"] / 10)


def test_random_weights_all_learn_at_one_rate() -> None:
    model = vit(layers=2)
    made, fabric = FineTuningObjective(model, 12), make_fabric("cpu")
    made.setup(fabric)
    before = [value.detach().clone() for value in model.parameters()]
    data = clips()
    for step in range(3):
        made.step(fabric, *data.take(data.rows), step=step)
    still = [n for (n, v), old in zip(model.named_parameters(), before, strict=True) if torch.equal(v, old)]
    assert all(name.endswith("k_proj.bias") for name in still), "softmax knows no shift"
    assert made.optimizer.param_groups[0]["lr"] == made.optimizer.param_groups[1]["lr"]


def test_training_ends_when_validation_no_longer_gains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = clips()
    made = FineTuningObjective(vit(layers=1), 60, validation=data)
    scores = iter([0.1, 0.5, *[0.4] * 100])
    monkeypatch.setattr(made, "evaluate", lambda _held: next(scores))
    history = train(made, data, LoopConfig(60, 8), run=tmp_path)
    assert history.lines[-1]["step"] == (2 + PATIENCE) * made.every
    assert made.finished
    assert list((tmp_path / "checkpoints").glob(f"step-{(2 + PATIENCE) * made.every:08d}*"))
    assert made.result is made.best.kept
    # Called again it is still finished, and takes no step that changes the result.
    again = FineTuningObjective(vit(layers=1), 60, validation=data)
    monkeypatch.setattr(again, "evaluate", lambda _held: 0.0)
    train(again, data, LoopConfig(60, 8), run=tmp_path)
    assert torch.equal(again.result.state_dict()["head.0.bias"], made.result.state_dict()["head.0.bias"])


def test_the_studys_loss_weighs_valence_more() -> None:
    target = torch.zeros(4, 2)
    assert float(weighted_squared_error(torch.tensor([[1.0, 0.0]]).expand(4, 2), target)) == pytest.approx(0.6)
    assert float(weighted_squared_error(torch.tensor([[0.0, 1.0]]).expand(4, 2), target)) == pytest.approx(0.4)
    assert FineTuningObjective(vit(layers=1, loss="mse"), 10).measure is weighted_squared_error
