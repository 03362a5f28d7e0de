from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from tests.material import LEAN, stir
from torch import Tensor

from affetti.inference import long_form
from affetti.inference.long_form import (
    Return,
    Windows,
    cross_fade,
    denoise_together,
    fading_windows,
    joint_song,
    latent_windows,
    song_noise,
    vocode,
)
from affetti.models.base import SamplingParameter, VelocityGenerator
from affetti.models.generators.flow import Flow, FlowConfig
from affetti.models.generators.gan import Gan, GanConfig
from affetti.models.noise import noise
from affetti.presets import FRONT_ENDS
from affetti.training import run as runs

FRAMES = 128


class ConstantVelocity(VelocityGenerator):
    """Its velocity is the condition's valence everywhere, so that what a song becomes is known."""

    @property
    def sampling_parameters(self) -> tuple[SamplingParameter, ...]:
        return (SamplingParameter("steps", 3.0, "steps"),)

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        return 1, 1, 8

    @property
    def frames_per_column(self) -> int:
        return 1

    def fit_statistics(self, clips: Tensor, conditions: Tensor) -> dict[str, float]:
        raise NotImplementedError

    def sample(self, condition: Tensor, seed: int, index: Any = None, sampling: Any = None) -> Tensor:
        raise NotImplementedError

    def velocity(self, x: Tensor, t: float, condition: Tensor, sampling: Mapping[str, float]) -> Tensor:
        assert 0 < t <= 1
        assert not sampling
        return condition[:, 0, None, None, None].expand_as(x)

    def decode(self, latent: Tensor) -> Tensor:
        return latent[:, 0]


def tiny_flow(shape: tuple[int, int] = (64, FRAMES)) -> Flow:
    torch.manual_seed(0)
    model = Flow(shape, FlowConfig(components=8, widths=(16, 32), embedding=32, steps=4))
    rng = torch.Generator().manual_seed(0)
    model.fit_statistics(torch.randn(6, *shape, generator=rng) * 10 - 40, torch.rand(6, 2, generator=rng))
    stir(model.net)
    return model.eval()


@pytest.mark.parametrize(("length", "size", "overlap"), [(8, 8, 4), (9, 8, 4), (100, 16, 8), (77, 16, 1), (65, 13, 3)])
def test_windows_cover_a_song_and_their_weights_add_up_to_one(length: int, size: int, overlap: int) -> None:
    windows = Windows.cover(length, size, overlap)
    assert windows.starts[0] == 0
    assert windows.starts[-1] + size == length
    steps = np.diff(windows.starts)
    assert (steps <= size - overlap).all()
    assert (steps > 0).all()
    total = torch.zeros(length)
    for start, weight in zip(windows.starts, windows.weights(size - 1), strict=True):
        total[start : start + size] += weight
    torch.testing.assert_close(total, torch.ones(length))


def test_velocities_are_averaged_where_windows_overlap() -> None:
    model, windows = ConstantVelocity(), Windows(12, 8, (0, 4))
    conditions = torch.tensor([[1.0, 0.0], [-3.0, 0.0]])
    first = torch.zeros(1, 1, 12)
    field = denoise_together(model, conditions, windows, first, {}, batch_size=1)
    # Two Hann windows that overlap by a half add up to 1: in columns 4 to 7 the first one's falls as cos².
    share = torch.cos(torch.pi * (torch.arange(4) + 0.5) / 8) ** 2
    expected = -torch.cat([torch.full((4,), 1.0), share * 1 + (1 - share) * -3, torch.full((4,), -3.0)])
    torch.testing.assert_close(field[0, 0], expected)


def test_a_song_of_one_window_is_the_ordinary_clip() -> None:
    model, condition = tiny_flow(), torch.tensor([[0.4, -0.2]])
    clip = model.sample(condition, 5, torch.tensor([3]))[0]
    assert torch.equal(joint_song(model, condition, FRAMES, FRAMES, 5, 3, {}), clip)


def test_a_song_of_one_window_by_a_gan_is_the_ordinary_clip() -> None:
    torch.manual_seed(0)
    model = Gan((64, FRAMES), GanConfig(**LEAN["gan"]))
    model.fit_statistics(torch.randn(6, 64, FRAMES) * 10 - 40, torch.rand(6, 2))
    model.eval()
    condition = torch.tensor([[0.4, -0.2]])
    clip = model.sample(condition, 5, torch.tensor([3]))[0]
    song = cross_fade(model, condition, fading_windows(FRAMES, FRAMES), 5, 3, {})
    torch.testing.assert_close(song, clip, atol=1e-3, rtol=0)
    windows = fading_windows(300, FRAMES)
    whole = cross_fade(model, condition.expand(len(windows.starts), -1), windows, 5, 3, {}, batch_size=2)
    assert whole.shape == (64, 300)
    # Before the first cross-fade the song is its first window; further windows are other clips.
    torch.testing.assert_close(whole[:, : windows.starts[1]], clip[:, : windows.starts[1]], atol=1e-3, rtol=0)
    assert (whole[:, -FRAMES:] - clip).abs().mean() > 0.1


def test_independent_sounds_fade_at_constant_power() -> None:
    rng = torch.Generator().manual_seed(0)
    size = 40_000
    model: Any = SimpleNamespace(
        makes_sound=True, sample=lambda rows, *_: torch.randn(len(rows), size, generator=rng) * 0.1
    )
    windows = Windows.cover(3 * size, size, size // 4)
    sound = cross_fade(model, torch.zeros(len(windows.starts), 2), windows, 0, 0, {}, batch_size=2)
    level = sound.reshape(-1, 2_000).square().mean(dim=1).sqrt()
    assert level.min() > 0.09
    assert level.max() < 0.11


def test_a_section_that_returns_has_the_noise_of_its_first_occurrence_and_a_fifth_of_its_own() -> None:
    shape, returns = (8, 16, 16), (Return(64, 16, 40), Return(120, 16, 16))
    own, mixed = song_noise(3, 1, shape, 130), song_noise(3, 1, shape, 130, returns)
    assert torch.equal(mixed[..., :64], own[..., :64])
    assert torch.equal(mixed[..., 104:120], own[..., 104:120])
    again, first = mixed[..., 64:104], own[..., 16:56]
    torch.testing.assert_close(again, 0.8**0.5 * first + 0.2**0.5 * own[..., 64:104])
    assert again.std().item() == pytest.approx(1.0, abs=0.03)
    correlation = torch.corrcoef(torch.stack([again.flatten(), first.flatten()]))[0, 1].item()
    assert correlation == pytest.approx(0.8**0.5, abs=0.02)
    # The last return is cut off by the end of the song.
    torch.testing.assert_close(mixed[..., 120:], 0.8**0.5 * own[..., 16:26] + 0.2**0.5 * own[..., 120:])


def test_returns_make_sections_of_a_song_alike() -> None:
    model = tiny_flow()
    windows = latent_windows(model, 6 * FRAMES, FRAMES)
    conditions = torch.zeros(len(windows.starts), 2)
    columns = windows.length // 2
    plain, returning = (
        joint_song(model, conditions, 6 * FRAMES, FRAMES, 0, 0, {}, returns=its)
        for its in ((), (Return(columns, 0, columns),))
    )
    half = columns * model.frames_per_column

    def apart(song: torch.Tensor) -> float:
        return (song[:, half : 2 * half] - song[:, :half]).square().mean().item()

    assert apart(returning) < 0.6 * apart(plain)


def test_noise_depends_on_seed_song_and_place_alone() -> None:
    shape = (3, 4, 16)
    long, short = song_noise(1, 2, shape, 100), song_noise(1, 2, shape, 40)
    assert torch.equal(long[..., :40], short)
    assert torch.equal(short[..., :16], noise(1, torch.tensor([2]), shape)[0])
    assert not torch.equal(song_noise(1, 3, shape, 40), short)
    assert not torch.equal(song_noise(2, 2, shape, 40), short)
    assert not torch.equal(long[..., 16:32], long[..., :16])
    assert float(long.std()) == pytest.approx(1, abs=0.05)


def test_batches_of_any_size_make_the_same_song() -> None:
    model = tiny_flow()
    windows = latent_windows(model, 400, FRAMES)
    conditions = torch.linspace(-0.5, 0.5, len(windows.starts))[:, None].expand(-1, 2)
    whole = joint_song(model, conditions, 400, FRAMES, 0, 0, {})
    one_by_one = joint_song(model, conditions, 400, FRAMES, 0, 0, {}, batch_size=1)
    assert whole.shape == (64, 400)
    torch.testing.assert_close(whole, one_by_one, atol=0.05, rtol=0)
    assert torch.equal(whole, joint_song(model, conditions, 400, FRAMES, 0, 0, {}))


def test_frames_that_no_column_fills_are_padding_and_do_not_show() -> None:
    model = tiny_flow((64, 100))  # 12.5 columns of eight frames
    windows = latent_windows(model, 250, 100)
    song = joint_song(model, torch.zeros(len(windows.starts), 2), 250, 100, 0, 0, {})
    assert song.shape == (64, 250)
    assert torch.isfinite(song).all()
    clip = joint_song(model, torch.zeros(1, 2), 100, 100, 0, 0, {})
    assert torch.equal(clip, model.sample(torch.zeros(1, 2), 0)[0])


def test_neighbouring_frames_differ_no_more_at_borders_than_elsewhere(run_of: Callable[[str], Path]) -> None:
    trained = runs.load(run_of("flow"))
    model: Any = trained.generator
    fields, frames = trained.fields, 1_000
    windows = latent_windows(model, frames, FRAMES)
    conditions = fields.complete(torch.zeros(len(windows.starts), 2))
    flux = torch.stack(
        [joint_song(model, conditions, frames, FRAMES, 0, song, {}).diff(dim=1).abs().mean(dim=0) for song in range(3)]
    ).mean(dim=0)
    starts = {model.frames_per_column * start for start in windows.starts[1:]}
    # Between patches the log-mel jumps anyway: borders are compared with other edges of patches.
    edges = range(model.frames_per_column, frames - 1, model.frames_per_column)
    at_borders = np.mean([float(flux[edge - 1]) for edge in edges if edge in starts])
    elsewhere = np.mean([float(flux[edge - 1]) for edge in edges if edge not in starts])
    assert at_borders == pytest.approx(elsewhere, rel=0.15)


def test_long_log_mels_are_turned_into_sound_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    front = FRONT_ENDS["tiny"]

    class Ones:
        """A vocoder whose sound is 1 throughout."""

        def __init__(self) -> None:
            self.front = front

        def __call__(self, log_mel: torch.Tensor) -> torch.Tensor:
            return torch.ones(front.hop_length * (log_mel.shape[1] - 1))

    monkeypatch.setattr(long_form, "VOCODED_SECONDS", 10.0)
    sound = vocode(torch.zeros(64, 700), Ones())
    assert len(sound) == front.hop_length * 699
    assert sound.min() > 0.99
    assert sound.max() < 1.42  # equal sounds add to √2 in the middle of a fade at constant power


def test_progress_of_a_song_grows_to_its_end() -> None:
    model, steps = ConstantVelocity(), list[tuple[str, int, int]]()
    windows = latent_windows(model, 20, 8)
    joint_song(model, torch.zeros(len(windows.starts), 2), 20, 8, 0, 0, {}, progress=lambda *it: steps.append(it))
    assert [stage for stage, _, _ in steps] == ["denoise"] * len(steps)
    done = [done for _, done, _ in steps]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0, 3)
