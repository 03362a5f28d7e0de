"""The sampler: clips as a corpus holds them, the same in any batch."""

from __future__ import annotations

from typing import ClassVar

import pytest
import torch
from torch import Tensor

from affetti import presets
from affetti.models.base import Generator, SamplingParameter
from affetti.models.generators.flow import Flow, FlowConfig
from affetti.models.noise import noise
from affetti.models.sampling import Sampler
from affetti.signal.mel import MelSpectrogram

FRONT = presets.mel_front_end("tiny")


class Noise(Generator):
    """Noise of 40 dB deviation around the condition's valence."""

    calls: ClassVar[list[int]] = []

    @property
    def sampling_parameters(self) -> tuple[SamplingParameter, ...]:
        return ()

    def fit_statistics(self, clips: Tensor, conditions: Tensor) -> dict[str, float]:  # noqa: ARG002 - the protocol
        return {}

    def sample(self, condition: Tensor, seed: int, index: Tensor | None = None, sampling: object = None) -> Tensor:  # noqa: ARG002
        assert index is not None
        self.calls.append(len(index))
        return condition[:, :1, None] + 40 * noise(seed, index, FRONT.shape)


class Hiss(Noise):
    makes_sound = True

    def sample(self, condition: Tensor, seed: int, index: Tensor | None = None, sampling: object = None) -> Tensor:  # noqa: ARG002
        assert index is not None
        return 0.1 * noise(seed, index, (FRONT.samples,))


@pytest.fixture
def conditions() -> Tensor:
    return torch.linspace(-1, 1, 10).unsqueeze(1).repeat(1, 2)


def test_no_level_lies_farther_under_a_clips_maximum_than_the_front_end_allows(conditions: Tensor) -> None:
    samples = Sampler(Noise(), FRONT, seed=3)(conditions)
    raw = conditions[:, :1, None] + 40 * noise(3, torch.arange(10), FRONT.shape)
    depth = (samples.mel.amax(dim=(1, 2), keepdim=True) - samples.mel).amax(dim=(1, 2))
    torch.testing.assert_close(depth, torch.full((10,), FRONT.top_db))
    floored = raw < raw.amax(dim=(1, 2), keepdim=True) - FRONT.top_db
    assert bool(floored.any())
    assert torch.equal(samples.mel[~floored], raw[~floored])
    assert samples.waveform is None


def test_batches_hold_at_most_the_batch_size_and_do_not_change_the_clips(conditions: Tensor) -> None:
    Noise.calls.clear()
    small = Sampler(Noise(), FRONT, seed=3, batch_size=4)(conditions)
    assert Noise.calls == [4, 4, 2]
    assert torch.equal(small.mel, Sampler(Noise(), FRONT, seed=3)(conditions).mel)
    assert small.index.tolist() == list(range(10))
    part = list(Sampler(Noise(), FRONT, seed=3, batch_size=4).batches(conditions, 5, 8))
    assert [samples.index.tolist() for samples in part] == [[5, 6, 7]]
    assert torch.equal(part[0].mel, small.mel[5:8])


def test_sound_is_analysed_by_the_front_end_and_kept(conditions: Tensor) -> None:
    samples = Sampler(Hiss(), FRONT, seed=1)(conditions)
    assert samples.waveform is not None
    assert torch.equal(samples.mel, MelSpectrogram(FRONT)(samples.waveform))


def test_sampling_parameters_reach_the_model(conditions: Tensor) -> None:
    torch.manual_seed(0)
    model = Flow(FRONT.shape, FlowConfig(widths=(8,), steps=2)).eval()
    one = Sampler(model, FRONT, sampling={"steps": 1})(conditions[:2]).mel
    raw = model.sample(conditions[:2], 0, sampling={"steps": 1})
    assert torch.equal(one, torch.maximum(raw, raw.amax(dim=(1, 2), keepdim=True) - FRONT.top_db))
