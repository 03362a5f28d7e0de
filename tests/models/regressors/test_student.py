from __future__ import annotations

import pytest
import torch
from tests.material import mels
from torch.utils.flop_counter import FlopCounterMode

from affetti.errors import UsageError
from affetti.models.regressors.mobilevit import InvertedResidual
from affetti.models.regressors.student import Student, StudentConfig


@pytest.fixture
def model() -> Student:
    torch.manual_seed(0)
    model = Student((64, 128), StudentConfig(8))
    model.fit_statistics(mels(20, (64, 128)), torch.rand(20, 2))
    return model.eval()


def test_it_predicts_two_numbers_on_the_plane(model: Student) -> None:
    emotion, half = model.predict(mels(5, (64, 128)) * 3)
    assert emotion.shape == half.shape == (5, 2)
    assert (emotion.abs() <= 1).all()
    assert half.isnan().all(), "not calibrated yet"
    model.half_width.copy_(torch.tensor([0.2, 0.3]))
    torch.testing.assert_close(model.predict(mels(5, (64, 128)))[1], torch.tensor([[0.2, 0.3]]).expand(5, 2))


def test_the_result_of_a_clip_does_not_depend_on_its_batch(model: Student) -> None:
    x = mels(6, (64, 128))
    whole = model.predict(x)[0]
    torch.testing.assert_close(model.predict(x[3:4])[0], whole[3:4])
    assert torch.equal(model.predict(x)[0], whole), "dropout is off"


def test_it_accepts_clips_of_any_length(model: Student) -> None:
    assert model.predict(mels(2, (64, 300)))[0].shape == (2, 2)


@pytest.mark.parametrize("shape", [(64, 128), (128, 1292), (70, 33), (16, 16)])
def test_it_fits_any_front_end(shape: tuple[int, int]) -> None:
    assert Student(shape, StudentConfig(4)).eval()(mels(2, shape)).shape == (2, 2)


@pytest.mark.parametrize("setting", [{"width": -1}, {"depth": -1}, {"dropout": 1.0}, {"dropout": -0.1}])
def test_invalid_settings_are_refused_with_the_reason(setting: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="is invalid"):
        Student((64, 128), StudentConfig(**setting))  # type: ignore[arg-type]


def test_sizes_follow_the_front_end_and_stay_below_the_studys() -> None:
    small, full = Student((64, 128)), Student((128, 1292))
    assert (small.config.width, full.config.width, full.config.depth) == (16, 48, 3)
    assert sum(value.numel() for value in small.parameters()) < 300_000
    assert sum(value.numel() for value in full.parameters()) <= 8_600_000


def test_a_prediction_has_the_heads_features_and_the_attention(model: Student) -> None:
    x = model.normalise(mels(3, (64, 128)))
    prediction = model.predict_normalised(x)
    torch.testing.assert_close(model.head(prediction.features), prediction.logits)
    torch.testing.assert_close(torch.tanh(prediction.logits), model.emotion_of_normalised(x))
    assert prediction.map.shape == (3, 4, 4)
    assert (prediction.map >= 0).all()


@pytest.mark.parametrize(("shape", "most"), [((64, 128), 9e6), ((128, 1292), 1.2e9)])
def test_a_clip_costs_few_multiplications(shape: tuple[int, int], most: float) -> None:
    """ViT-B/16 at 224 × 224 takes 17.6e9."""
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        Student(shape).eval()(torch.zeros(1, *shape))
    assert counter.get_total_flops() / 2 < most


def test_most_blocks_are_on_the_small_grids() -> None:
    def blocks(depth: int) -> list[int]:
        model = Student((128, 64), StudentConfig(4, depth))
        return [sum(isinstance(block, InvertedResidual) for block in stage) for stage in model.stages]  # type: ignore[union-attr]

    assert [blocks(depth) for depth in (1, 2, 3, 4)] == [[1, 1, 1], [1, 1, 2], [1, 2, 3], [2, 3, 4]]
