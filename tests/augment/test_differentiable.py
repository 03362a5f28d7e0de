from __future__ import annotations

import pytest
import torch
from tests.material import mels

from affetti.augment.differentiable import MAX_BAND_SHARE, MAX_SHIFT_BANDS, MAX_TILT_DB, MAX_TIME_SHARE, diff_augment

ONE = torch.ones(64, 1)
"""One dB is 1 in every band."""


def test_without_strength_clips_are_as_they_were() -> None:
    x = mels(3, (32, 48))
    assert diff_augment(x, 0.0, torch.ones(32, 1)) is x


def test_the_faintest_strength_only_rolls() -> None:
    torch.manual_seed(0)
    x = torch.arange(40.0).expand(200, 16, 40).clone()
    augmented = diff_augment(x, 1e-9, torch.ones(16, 1))
    starts = augmented[:, 0, 0].long()
    assert torch.equal(augmented, torch.stack([x[0].roll(-int(s), dims=1) for s in starts]))
    assert len(set(starts.tolist())) > 30, "every item on its own"


def test_one_span_of_time_and_one_of_bands_are_masked() -> None:
    torch.manual_seed(3)
    augmented = diff_augment(torch.full((300, 64, 128), 100.0), 1.0, ONE)
    frames, bands = (augmented != 0).any(dim=1), (augmented != 0).any(dim=2)
    for kept, share in ((frames, MAX_TIME_SHARE), (bands, MAX_BAND_SHARE)):
        gone = (~kept).float().mean(dim=1)
        assert 0.8 * share < float(gone.max()) <= share
        assert float(gone.mean()) == pytest.approx(share / 2, rel=0.2)
        # Rolling comes before cutting: what is cut is one stretch.
        assert int((kept.int().diff(dim=1) < 0).sum(dim=1).max()) <= 1


def test_the_tilt_is_three_decibel_at_most_and_moves_no_level() -> None:
    torch.manual_seed(4)
    decibel = torch.linspace(0.05, 0.2, 64)[:, None]
    augmented = diff_augment(torch.zeros(500, 64, 8), 1.0, decibel) / decibel
    at = augmented.abs().amax(dim=2)  # [B, M]
    assert 0.95 * MAX_TILT_DB / 2 < float(at[:, 0].max()) <= MAX_TILT_DB / 2
    kept = augmented[:, :, 0][(augmented != 0).all(dim=2).all(dim=1)]
    torch.testing.assert_close(kept.mean(dim=1), torch.zeros(len(kept)), rtol=0, atol=1e-5)
    assert float((kept[:, 0] + kept[:, -1]).abs().max()) < 1e-5


def test_pitch_moves_by_two_bands_at_most() -> None:
    torch.manual_seed(5)
    x = torch.zeros(400, 64, 32)
    x[:, 30] = 100.0
    augmented = diff_augment(x, 1.0, ONE)
    rows = {int(item.sum(dim=1).argmax()) for item in augmented if float(item.max()) > 50}
    assert rows == set(range(30 - MAX_SHIFT_BANDS, 31 + MAX_SHIFT_BANDS))


def test_tempo_stays() -> None:
    torch.manual_seed(6)
    x = torch.zeros(100, 64, 120)
    x[:, :, ::12] = 50.0
    for item in diff_augment(x, 1.0, ONE):
        envelope = item.sum(dim=0) - item.sum(dim=0).mean()
        power = torch.fft.rfft(envelope, 240).abs().square()
        autocorrelation = torch.fft.irfft(power)[6:60]
        assert (int(autocorrelation.argmax()) + 6) % 12 == 0
        assert autocorrelation[12 - 6] > 0.7 * autocorrelation.max()


def test_gradients_pass_to_what_was_kept() -> None:
    torch.manual_seed(7)
    x = mels(8, (64, 128)).requires_grad_()
    augmented = diff_augment(x, 1.0, ONE)
    augmented.sum().backward()
    assert x.grad is not None
    # Each place is seen as often as it was copied: once but at the edges, never where it was cut.
    assert set(x.grad.flatten().tolist()) <= {0.0, 1.0, 2.0, 3.0}
    assert float((x.grad == 1).float().mean()) > 0.6
