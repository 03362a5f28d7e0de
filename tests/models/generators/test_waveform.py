from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from affetti.errors import InputError, UsageError
from affetti.models.generators.conditioning import Fields
from affetti.models.generators.waveform import Waveform, WaveformConfig, cross_faded, n_windows

LEAN = WaveformConfig(width=8, discriminator_width=4, embedding=16, window=4096, fade_samples=512)


def fitted(samples: int, config: WaveformConfig = LEAN, fields: Fields = Fields()) -> Waveform:
    torch.manual_seed(0)
    model = Waveform((64, 128), config, fields)
    model.fit_statistics(0.2 * torch.randn(6, samples), torch.rand(6, fields.width))
    return model.eval()


def test_at_the_tiny_preset_two_windows_hold_a_clip() -> None:
    assert n_windows(130_095, WaveformConfig().window, WaveformConfig().fade_samples) == 2
    assert n_windows(661_500, WaveformConfig().window, WaveformConfig().fade_samples) == 11, "30 s"


@pytest.mark.parametrize(("samples", "windows"), [(4000, 1), (4096, 1), (4097, 2), (7680, 2), (7681, 3), (20_000, 6)])
def test_a_clip_is_as_long_as_those_of_the_training(samples: int, windows: int) -> None:
    assert n_windows(samples, 4096, 512) == windows
    assert fitted(samples).sample(torch.zeros(2, 2), 0).shape == (2, samples)


def test_windows_join_by_raised_cosines_that_add_to_one() -> None:
    ones = [torch.ones(1, 100) for _ in range(3)]
    torch.testing.assert_close(cross_faded(ones, 20), torch.ones(1, 260))
    result = cross_faded([torch.zeros(1, 100), torch.ones(1, 100)], 20)[0].numpy()
    np.testing.assert_allclose(result[80:100], 0.5 - 0.5 * np.cos(np.pi * (np.arange(20) + 0.5) / 20), atol=1e-6)
    assert (result[:80] == 0).all()
    assert (result[100:] == 1).all()


def test_consecutive_windows_have_noise_of_their_own() -> None:
    made = fitted(7680).sample(torch.zeros(1, 2), 0)[0]
    assert float((made[:3000] - made[3584:6584]).abs().max()) > 0.1 * float(made.abs().max())


def test_a_sample_is_the_same_in_any_batch_and_order() -> None:
    model, condition = fitted(5000), torch.rand(16, 2) * 2 - 1
    whole = model.sample(condition, 9)
    loud = whole.abs().max()
    for i in (0, 7, 15):
        alone = model.sample(condition[i : i + 1], 9, torch.tensor([i]))[0]
        assert (alone - whole[i]).abs().max() < 0.005 * loud, "0.05 dB"
    order = torch.randperm(16)
    assert (model.sample(condition[order], 9, order) - whole[order]).abs().max() < 0.005 * loud
    assert (model.sample(condition, 10) - whole).abs().max() > 0.01 * loud


def test_one_scale_for_all_clips() -> None:
    model = Waveform((64, 128), LEAN)
    quiet, loud = 0.01 * torch.randn(1, 5000), 0.2 * torch.randn(1, 5000)
    assert model.fit_statistics(torch.cat([quiet, loud]), torch.rand(2, 2))["scale"] == float(loud.abs().max())
    assert float(model.sample(torch.zeros(4, 2), 0).abs().max()) <= float(loud.abs().max())


def test_the_steps_of_repetition_leave_no_comb() -> None:
    # Of noise that is only repeated, a quarter of the samples' differences vanish; smoothed, none do.
    made = fitted(4096).generate(torch.randn(8, 100), torch.zeros(8, 2)).detach()
    change = made.diff(dim=1).square().mean(dim=0)[100:-103].reshape(-1, 4).mean(dim=0)
    assert float(change.max() / change.min()) < 2


def test_it_follows_other_conditions_by_other_sounds() -> None:
    fields = Fields(mode=True)
    model = fitted(4096, fields=fields)
    minor, major = (torch.tensor([[0.1, 0.2, mode]]) for mode in (-1.0, 1.0))
    assert not torch.equal(model.sample(minor, 0), model.sample(major, 0))
    with pytest.raises(InputError, match=r"condition 0 is \(2, 0\)"):
        model.sample(torch.tensor([[2.0, 0.0]]), 0)


@pytest.mark.parametrize(
    "setting",
    [
        *({"width": 12}, {"discriminator_width": 6}, {"window": 5000}, {"window": 1024}, {"fade_samples": 0}),
        *({"fade_samples": 70_000}, {"gamma": -1.0}, {"matching": -1.0}, {"penalty_every": 0}),
    ],
)
def test_invalid_settings_are_refused_with_the_reason(setting: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(setting))} .* is invalid"):
        Waveform((64, 128), WaveformConfig(**setting))
