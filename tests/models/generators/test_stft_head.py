from __future__ import annotations

import math

import pytest
import torch

from affetti.models.generators.stft_head import StftHead
from affetti.presets import MelFrontEnd, front_end
from affetti.signal.fidelity import spectral_convergence
from affetti.signal.front_ends import spectrogram
from affetti.signal.inversion import MelInverse
from affetti.signal.mel import stft
from affetti.signal.phase import griffin_lim

FRONT = MelFrontEnd(sample_rate=8_000, n_fft=256, hop_length=128, n_mels=20, f_min=50.0, f_max=3_500.0, seconds=1.0)


def chords(count: int = 6, samples: int = 8_000) -> torch.Tensor:
    """Waveforms ``[count, samples]``: each three decaying partials that do not begin with the clip."""
    rng = torch.Generator().manual_seed(0)
    pitch = 150 + 1_500 * torch.rand(count, 3, 1, generator=rng)
    begin = 0.3 * torch.rand(count, 3, 1, generator=rng)
    time = torch.arange(samples) / 8_000 - begin
    notes = torch.where(time > 0, torch.exp(-4 * time) * torch.sin(2 * math.pi * pitch * time), 0.0)
    return 0.2 * notes.sum(dim=1)


def head(iterations: int = 16) -> StftHead:
    torch.manual_seed(0)
    made = StftHead(FRONT, width=32, blocks=2, iterations=iterations)
    made.fit_statistics(chords(), spectrogram(FRONT)(chords()))
    return made


def trained(waves: torch.Tensor, steps: int) -> StftHead:
    made, mels = head(), spectrogram(FRONT)(waves)
    optimizer = torch.optim.Adam(made.parameters(), 3e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        made.loss(mels, waves).backward()
        optimizer.step()
    return made.eval()


def test_a_magnitude_for_every_bin_and_frame_and_a_sound_of_whole_hops() -> None:
    mels = spectrogram(FRONT)(chords())
    assert head()(mels).shape == (6, 129, 63)
    assert head().synthesise(mels[0]).shape == (128 * 62,)
    assert head()(mels[:, :, :7]).shape == (6, 129, 7), "any number of frames"


def test_untrained_it_interpolates_between_the_bands() -> None:
    # Of noise with a flat spectrum every bin has the same level on average.
    noise = 0.1 * torch.randn(4, 16_000, generator=torch.Generator().manual_seed(1))
    made = StftHead(FRONT, width=8, blocks=1, iterations=0)
    levels = made(spectrogram(FRONT)(noise)).mean(dim=(0, 2))
    true = stft(noise, FRONT).abs().log().mean(dim=(0, 2))
    assert (levels - true)[4:110].abs().max() < 0.7


def test_one_clip_is_learnt_by_heart_and_sounds_closer_than_by_the_mel_inverse() -> None:
    waves = chords(1)
    made, mel, true = trained(waves, 300), spectrogram(FRONT)(waves)[0], stft(waves[0], FRONT).abs()
    inverse = MelInverse.fit(waves, FRONT, spectra=200)
    by_inverse = griffin_lim(inverse.magnitude(mel), 16, FRONT.hop_length)
    ours, theirs = (
        spectral_convergence(true, stft(torch.nn.functional.pad(wave, (0, 64)), FRONT).abs())
        for wave in (made.synthesise(mel), by_inverse)
    )
    assert ours < -12
    assert ours < theirs - 2, "dB"


def test_its_sound_has_the_log_mel_that_it_was_made_from() -> None:
    mel = spectrogram(FRONT)(chords())[2]
    again = spectrogram(FRONT)(head().synthesise(mel))
    assert (again - mel)[mel > mel.max() - 30].abs().median() < 2


def test_the_stft_of_a_sound_gives_the_sound_back() -> None:
    # The last step alone: of a magnitude with its own phases, overlapped frames are the waveform.
    wave, n_fft = chords()[0], FRONT.n_fft
    window = torch.hann_window(n_fft)
    again = torch.istft(stft(wave, FRONT), n_fft, FRONT.hop_length, window=window, length=len(wave))
    torch.testing.assert_close(again[: 128 * 62], wave[: 128 * 62], atol=1e-5, rtol=0)


def test_a_sound_does_not_depend_on_the_batch() -> None:
    made, mels = trained(chords(), 5), spectrogram(FRONT)(chords())
    whole = made(mels)
    for i in range(6):
        assert (made(mels[i : i + 1])[0] - whole[i]).abs().max() < 1e-3
    assert torch.equal(made.synthesise(mels[3]), made.synthesise(mels[3].clone()))


def test_louder_clips_have_louder_spectra() -> None:
    # By more than the network's input reaches, whose standard deviations are limited.
    made, mel = head(), spectrogram(FRONT)(chords())
    difference = made(mel + 6.0206) - made(mel)
    torch.testing.assert_close(difference, torch.full_like(difference, math.log(2)), atol=1e-3, rtol=0)


def test_silence_is_silent_and_gives_no_infinities() -> None:
    silence = torch.full((20, 30), -100.0)
    made = head().synthesise(silence)
    assert torch.isfinite(made).all()
    assert made.abs().max() < 1e-3
    loss = head().loss(silence[None], torch.zeros(1, 128 * 29))
    assert torch.isfinite(loss)


@pytest.mark.parametrize("preset", ["tiny", "paper", "full-band", "cqt-tiny"])
def test_it_takes_every_front_end(preset: str) -> None:
    front = front_end(preset)
    made = StftHead(front, width=8, blocks=1, iterations=1)
    sound = made.synthesise(torch.linspace(-60, -20, front.n_bands)[:, None].expand(-1, 6).contiguous())
    assert sound.shape == (5 * front.hop_length,)
    assert torch.isfinite(sound).all()
