"""Real music made worse by degrees, and changes that do no harm: what ``score_sanity.py`` scores beside the cheats."""

# ruff: noqa: D103 - the name of a family says what it does

from __future__ import annotations

import io

import av
import librosa
import numpy as np
import soundfile
import soxr
import torch
from numpy.typing import NDArray
from scipy import ndimage, signal

from affetti.signal.inversion import nnls
from affetti.signal.mel import stft
from affetti.signal.phase import griffin_lim
from score_material import Mels, Real, Rng, floored, seen, unseen

# --- degradations ----------------------------------------------------------------------------------------------------


@seen("blur over time, frames", 0.5, 1, 2, 4, 8, 16)
def blur_time(real: Real, strength: float, _: Rng) -> Mels:
    return np.asarray(ndimage.gaussian_filter(real.mels, (0, 0, strength)), np.float32)


@seen("noise on the log-mel, dB", 1, 2, 4, 8, 16)
def mel_noise(real: Real, strength: float, rng: Rng) -> Mels:
    return floored(real.mels + strength * rng.normal(size=real.mels.shape))


@seen("gaps, share of the clip", 0.05, 0.1, 0.2, 0.4, 0.8)
def gaps(real: Real, strength: float, rng: Rng) -> Mels:
    mels = real.mels.copy()
    width = int(strength * mels.shape[2])
    for clip in mels:
        at = int(rng.integers(0, mels.shape[2] - width + 1))
        clip[:, at : at + width] = clip.max() - 80
    return mels


@unseen("blur over bands", 0.5, 1, 2, 4, 8)
def blur_bands(real: Real, strength: float, _: Rng) -> Mels:
    return np.asarray(ndimage.gaussian_filter(real.mels, (0, strength, 0)), np.float32)


@unseen("white noise, dB under the music", -60, -50, -40, -30, -20, -10, 0)
def white_noise(real: Real, strength: float, rng: Rng) -> Mels:
    level = np.sqrt((real.waves**2).mean(axis=1, keepdims=True)) * 10 ** (strength / 20)
    return real.log_mels((real.waves + level * rng.normal(size=real.waves.shape)).astype(np.float32))


@unseen("low-pass, minus Hz", -7000, -5000, -3500, -2000, -1000, -500)
def low_pass(real: Real, strength: float, _: Rng) -> Mels:
    sections = signal.butter(8, -strength, "low", fs=real.to_mel.front.sample_rate, output="sos")
    return real.log_mels(signal.sosfiltfilt(sections, real.waves, axis=1).astype(np.float32))


@seen("MP3, minus kbit/s", -64, -48, -32, -24, -16, -8)
def mp3(real: Real, strength: float, _: Rng) -> Mels:
    rate = real.to_mel.front.sample_rate
    return real.log_mels(np.stack([coded(wave, rate, int(-strength * 1000)) for wave in real.waves]))


@seen("Griffin-Lim round trip, minus iterations", -64, -16, -4, -1, 0)
def round_trip(real: Real, strength: float, _: Rng) -> Mels:
    front = real.to_mel.front
    count, hop = int(-strength), front.hop_length
    waves = [griffin_lim(nnls(torch.from_numpy(m), front), count, hop, start="random") for m in real.mels]
    length = min(len(wave) for wave in waves)
    return real.log_mels(np.stack([wave[:length].numpy() for wave in waves]))


@unseen("clipping, dB", 6, 12, 18, 24, 36)
def clipping(real: Real, strength: float, _: Rng) -> Mels:
    peak = np.abs(real.waves).max(axis=1, keepdims=True)
    return real.log_mels(peak * np.clip(real.waves / peak * 10 ** (strength / 20), -1, 1))


@unseen("echo, share of the level", 0.2, 0.4, 0.6, 0.8, 0.95)
def echo(real: Real, strength: float, _: Rng) -> Mels:
    delay = round(0.03 * real.to_mel.front.sample_rate)
    wet = signal.lfilter([1.0], [1.0, *[0.0] * (delay - 1), -strength], real.waves, axis=1)
    return real.log_mels(np.asarray(wet, np.float32))


@seen("few kinds of clips, share that is a copy", 0.25, 0.5, 0.75, 0.9, 0.99)
def few_kinds(real: Real, strength: float, rng: Rng) -> Mels:
    kinds = max(1, round(len(real.mels) * (1 - strength)))
    return real.mels[rng.permutation(len(real.mels))[:kinds]][rng.integers(kinds, size=len(real.mels))]


def coded(wave: NDArray[np.float32], rate: int, bits: int) -> NDArray[np.float32]:
    """A waveform through MP3 at ``bits`` per second, aligned by correlation."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp3") as out:
        stream = out.add_stream("libmp3lame", rate=rate, layout="mono")
        stream.bit_rate = bits
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(wave[None]), format="fltp", layout="mono")
        frame.sample_rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            out.mux(packet)
    file.seek(0)
    back = soundfile.read(file, dtype="float32")[0]
    delay = int(np.argmax(signal.correlate(back[: 4 * rate], wave[: 4 * rate], "full", "fft"))) - (4 * rate - 1)
    return np.pad(back[max(0, delay) :], (0, len(wave)))[: len(wave)].astype(np.float32)


# --- changes that do no harm -----------------------------------------------------------------------------------------


@seen("MP3 at 24 kbit/s")
def low_rate_mp3(real: Real, _: float, rng: Rng) -> Mels:
    return mp3.spoil(real, -24, rng)


@seen("slower by 5 %, phase vocoder")
def stretched(real: Real, _: float, __: Rng) -> Mels:
    length = real.waves.shape[1]
    return real.log_mels(np.stack([librosa.effects.time_stretch(wave, rate=1 / 1.05)[:length] for wave in real.waves]))


@seen("slower by 5 %, the log-mel drawn out")
def drawn_out(real: Real, _: float, __: Rng) -> Mels:
    return real.between_frames(np.arange(real.mels.shape[2]) / 1.05)


@seen("slower and lower by 5 %")
def varispeed(real: Real, _: float, __: Rng) -> Mels:
    rate, length = real.to_mel.front.sample_rate, real.waves.shape[1]
    return real.log_mels(np.stack([soxr.resample(wave, rate, 1.05 * rate)[:length] for wave in real.waves]))


@seen("noise of 1 dB on the log-mel")
def slight_noise(real: Real, _: float, rng: Rng) -> Mels:
    return floored(real.mels + rng.normal(size=real.mels.shape))


@seen("Griffin-Lim, 16 iterations from true magnitudes")
def true_magnitudes(real: Real, _: float, __: Rng) -> Mels:
    front, length = real.to_mel.front, real.waves.shape[1]
    out = np.zeros_like(real.waves)
    for wave, clip in zip(real.waves, out, strict=True):
        magnitude = stft(torch.from_numpy(wave), front).abs()
        back = griffin_lim(magnitude, 16, front.hop_length, start="random").numpy()[:length]
        clip[: len(back)] = back
    return real.log_mels(out)


@unseen("3 dB louder")
def louder(real: Real, _: float, __: Rng) -> Mels:
    return real.log_mels(real.waves * np.float32(10 ** (3 / 20)))


DEGRADATIONS = [blur_time, mel_noise, gaps]
DEGRADATIONS += [blur_bands, white_noise, low_pass, mp3, round_trip, clipping, echo, few_kinds]
HARMLESS = [low_rate_mp3, stretched, drawn_out, varispeed, slight_noise, true_magnitudes, louder]
