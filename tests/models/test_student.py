from __future__ import annotations

import pytest
import torch
from tests.material import mels

from affetti.errors import UsageError
from affetti.models.student import Student, StudentConfig


@pytest.fixture
def model() -> Student:
    torch.manual_seed(0)
    model = Student((64, 128), StudentConfig(8))
    model.fit_statistics(mels(20, (64, 128)), torch.rand(20, 2))
    return model.eval()


def test_it_reads_two_numbers_on_the_plane(model: Student) -> None:
    emotion, half = model.predict(mels(5, (64, 128)) * 3)
    assert emotion.shape == half.shape == (5, 2)
    assert (emotion.abs() <= 1).all()
    assert half.isnan().all(), "not calibrated yet"
    model.half_width.copy_(torch.tensor([0.2, 0.3]))
    torch.testing.assert_close(model.predict(mels(5, (64, 128)))[1], torch.tensor([[0.2, 0.3]]).expand(5, 2))


def test_a_clip_is_read_alike_in_any_company(model: Student) -> None:
    x = mels(6, (64, 128))
    whole = model.predict(x)[0]
    torch.testing.assert_close(model.predict(x[3:4])[0], whole[3:4])
    assert torch.equal(model.predict(x)[0], whole), "dropout is off"


def test_it_reads_clips_of_any_length(model: Student) -> None:
    assert model.predict(mels(2, (64, 300)))[0].shape == (2, 2)


@pytest.mark.parametrize("shape", [(64, 128), (128, 1292), (70, 33), (16, 16)])
def test_it_fits_any_front_end(shape: tuple[int, int]) -> None:
    assert Student(shape, StudentConfig(4)).eval()(mels(2, shape)).shape == (2, 2)


@pytest.mark.parametrize("setting", [{"width": 0}, {"dropout": 1.0}, {"dropout": -0.1}])
def test_settings_that_make_no_sense_are_refused(setting: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="does not do"):
        Student((64, 128), StudentConfig(**setting))  # type: ignore[arg-type]
