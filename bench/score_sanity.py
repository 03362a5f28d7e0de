"""Whether the Quality Score can be fooled: held-out and degraded real music under four scores.

    python bench/score_sanity.py CORPUS            (made by ``affetti prepare … --keep-audio``)

One clip a song; half of the songs are the reference, the other half is scored: unchanged, degraded step by step, and as
raw material for cheats. The Quality Score is compared with the study's published formula and, on the default features,
the Fréchet distance as a multiple of what held-out music scores (FAD) and the kernel distance (KAD). Families marked as
seen were used while the score was designed, the others in this table alone.
"""

# ruff: noqa: D103 - the name of a family says what it does

from __future__ import annotations

import argparse
import io
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from scipy import ndimage, signal

from affetti.corpus import Corpus
from affetti.embedders.base import Standardiser
from affetti.embedders.statistics import embed_statistics
from affetti.metrics import frechet, kernel_distance, quality_score
from affetti.signal.inversion import nnls
from affetti.signal.mel import MelSpectrogram
from affetti.signal.phase import griffin_lim

Mels = NDArray[np.float32]
Waves = NDArray[np.float32]
Rng = np.random.Generator


@dataclass(frozen=True)
class Real:
    """Clips to be spoilt: waveforms ``[N, T]``, their log-mels ``[N, M, F]``, and what makes these."""

    waves: Waves
    mels: Mels
    to_mel: MelSpectrogram

    def log_mels(self, waves: Waves) -> Mels:
        """Log-mels of waveforms."""
        with torch.inference_mode():
            return np.stack([self.to_mel(torch.from_numpy(np.ascontiguousarray(w))).numpy() for w in waves])


@dataclass(frozen=True)
class Family:
    """A way to spoil music, at strengths from weak to strong; a cheat has one strength."""

    name: str
    seen: bool
    strengths: tuple[float, ...]
    spoil: Callable[[Real, float, Rng], Mels]


def seen(name: str, *strengths: float) -> Callable[[Callable[[Real, float, Rng], Mels]], Family]:
    """A family that the score was designed on."""
    return lambda spoil: Family(name, True, strengths or (1.0,), spoil)


def unseen(name: str, *strengths: float) -> Callable[[Callable[[Real, float, Rng], Mels]], Family]:
    """A family kept for the table."""
    return lambda spoil: Family(name, False, strengths or (1.0,), spoil)


def floored(mels: NDArray[np.floating]) -> Mels:
    """80 dB under each clip's maximum, as the front-end leaves it."""
    return np.maximum(mels, mels.max(axis=(1, 2), keepdims=True) - 80).astype(np.float32)


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


@unseen("MP3, minus kbit/s", -64, -48, -32, -24, -16, -8)
def mp3(real: Real, strength: float, _: Rng) -> Mels:
    rate = real.to_mel.front.sample_rate
    return real.log_mels(np.stack([coded(wave, rate, int(-strength * 1000)) for wave in real.waves]))


@unseen("Griffin-Lim round trip, minus iterations", -64, -16, -4, -1, 0)
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


@unseen("few kinds of clips, share that is a copy", 0.25, 0.5, 0.75, 0.9, 0.99)
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


# --- cheats ----------------------------------------------------------------------------------------------------------


@seen("one frame for the whole clip")
def held(real: Real, _: float, rng: Rng) -> Mels:
    frame = real.mels[np.arange(len(real.mels)), :, rng.integers(real.mels.shape[2], size=len(real.mels))]
    return np.repeat(frame[:, :, None], real.mels.shape[2], axis=2)


@seen("a heavy blur")
def blurred(real: Real, _: float, __: Rng) -> Mels:
    return np.asarray(ndimage.gaussian_filter(real.mels, (0, 4, 12)), np.float32)


@seen("frames in random order")
def shuffled(real: Real, _: float, rng: Rng) -> Mels:
    return np.stack([clip[:, rng.permutation(clip.shape[1])] for clip in real.mels])


@seen("one clip repeated")
def one_clip(real: Real, _: float, rng: Rng) -> Mels:
    return np.repeat(real.mels[rng.integers(len(real.mels))][None], len(real.mels), axis=0)


@seen("noise of the right profile, spread and smoothness")
def matched_noise(real: Real, _: float, rng: Rng) -> Mels:
    mean = real.mels.mean(axis=2, keepdims=True)
    spread = np.maximum(real.mels.std(axis=2, keepdims=True), 1e-6)
    z = (real.mels - mean) / spread
    memory = float((z[:, :, 1:] * z[:, :, :-1]).mean())
    noise = signal.lfilter([np.sqrt(1 - memory**2)], [1.0, -memory], rng.normal(size=z.shape), axis=2)
    return (noise * spread + mean).astype(np.float32)


@seen("played backwards")
def backwards(real: Real, _: float, __: Rng) -> Mels:
    return real.mels[:, :, ::-1]


@unseen("its two-dimensional spectrum with random phases")
def surrogate(real: Real, _: float, rng: Rng) -> Mels:
    spectrum = np.fft.rfft2(real.mels)
    phases = np.angle(np.fft.rfft2(rng.normal(size=real.mels.shape)))
    phases[:, 0, 0] = np.angle(spectrum[:, 0, 0])
    return np.fft.irfft2(np.abs(spectrum) * np.exp(1j * phases), s=real.mels.shape[1:]).astype(np.float32)


@unseen("each band's own course, bands out of step")
def out_of_step(real: Real, _: float, rng: Rng) -> Mels:
    shift = rng.integers(real.mels.shape[2], size=real.mels.shape[:2])
    frame = (np.arange(real.mels.shape[2])[None, None] + shift[:, :, None]) % real.mels.shape[2]
    return np.take_along_axis(real.mels, frame, axis=2)


@unseen("half a second repeated")
def looped(real: Real, _: float, __: Rng) -> Mels:
    front = real.to_mel.front
    length = max(2, round(0.5 * front.sample_rate / front.hop_length))
    return real.mels[:, :, np.arange(real.mels.shape[2]) % length]


@unseen("the mean of three clips, in dB")
def averaged(real: Real, _: float, rng: Rng) -> Mels:
    drawn = [real.mels[rng.permutation(len(real.mels))] for _ in range(3)]
    return np.asarray(np.mean(drawn, axis=0, dtype=np.float32))


@unseen("eight principal components of all clips")
def components(real: Real, _: float, __: Rng) -> Mels:
    flat = real.mels.reshape(len(real.mels), -1)
    mean = flat.mean(axis=0)
    axes = np.linalg.svd(flat - mean, full_matrices=False)[2]
    return ((flat - mean) @ axes[:8].T @ axes[:8] + mean).reshape(real.mels.shape).astype(np.float32)


@unseen("bands upside down")
def flipped(real: Real, _: float, __: Rng) -> Mels:
    return real.mels[:, ::-1]


@unseen("four levels of loudness and nothing between")
def quantised(real: Real, _: float, __: Rng) -> Mels:
    levels = np.quantile(real.mels, (0.125, 0.375, 0.625, 0.875), axis=(1, 2))
    nearest = np.abs(real.mels[None] - levels[:, :, None, None]).argmin(axis=0)
    return np.take_along_axis(levels.T, nearest.reshape(len(real.mels), -1), axis=1).reshape(real.mels.shape)


@unseen("each frame of another clip")
def mosaic(real: Real, _: float, rng: Rng) -> Mels:
    clip = rng.integers(len(real.mels), size=(len(real.mels), real.mels.shape[2]))
    return real.mels[clip, :, np.arange(real.mels.shape[2])[None]].transpose(0, 2, 1)


@unseen("blocks of half a second in random order")
def blocks(real: Real, _: float, rng: Rng) -> Mels:
    front = real.to_mel.front
    length = max(2, round(0.5 * front.sample_rate / front.hop_length))
    parts = np.array_split(np.arange(real.mels.shape[2]), real.mels.shape[2] // length)
    return np.stack([clip[:, np.concatenate([parts[i] for i in rng.permutation(len(parts))])] for clip in real.mels])


CHEATS = [held, blurred, shuffled, one_clip, matched_noise, backwards]
CHEATS += [surrogate, out_of_step, looped, averaged, components, flipped, quantised, mosaic, blocks]
DEGRADATIONS = [blur_time, mel_noise, gaps]
DEGRADATIONS += [blur_bands, white_noise, low_pass, mp3, round_trip, clipping, echo, few_kinds]


@dataclass(frozen=True)
class Scorer:
    """The reference and what held-out music scores against it."""

    reference: Mels
    held_out: Mels

    def __call__(self, mels: Mels) -> tuple[float, tuple[float, float], float, float, float]:
        """Our score and its interval, the published one, and the distances over those of held-out music."""
        ours = quality_score(self.reference, mels)
        x, real = embed_statistics(self.reference), embed_statistics(self.held_out)
        scale = Standardiser.fit(x)
        made = scale(embed_statistics(mels))
        distance = frechet(scale(x), made).value / abs(frechet(scale(x), scale(real)).value)
        kernel = kernel_distance(scale(x), made)
        return ours.score, ours.ci, ours.published.score, distance, kernel


def read(corpus: Corpus, limit: int, seed: int) -> tuple[Mels, Real]:
    """Log-mels of half of the songs, and the other half to be spoilt; one clip a song."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(corpus))
    _, first = np.unique(corpus.songs[rows], return_index=True)
    rows = rng.permutation(rows[first])[: 2 * limit]
    half = len(rows) // 2
    names = corpus.clips["clip_id"].to_numpy(dtype=str)[rows[half : 2 * half]]
    sounds = [soundfile.read(corpus.path / "audio" / f"{name}.flac", dtype="float32")[0] for name in names]
    waves = np.stack(sounds).astype(np.float32)
    real = Real(waves, corpus.mel[rows[half : 2 * half]].astype(np.float32), MelSpectrogram(corpus.front_end))
    return corpus.mel[rows[:half]].astype(np.float32), real


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--songs", type=int, default=10_000, help="songs a side, at most")
    parser.add_argument("--seed", type=int, default=0)
    flags = parser.parse_args()
    torch.set_num_threads(1)
    reference, real = read(Corpus.open(flags.corpus), flags.songs, flags.seed)
    score = Scorer(reference, real.mels)
    print(f"{flags.corpus}: {len(reference)} songs against {len(real.mels)}\n")
    print("| what | seen | strength | affetti [95 %] | published | Fréchet × real | kernel |")
    print("|---|---|---|---|---|---|---|")
    failures: list[str] = []

    def row(what: str, seen: bool | None, strength: str, mels: Mels) -> float:
        ours, ci, published, distance, kernel = score(mels)
        known = "" if seen is None else "yes" if seen else "no"
        line = f"{ours:.1f} [{ci[0]:.0f}, {ci[1]:.0f}] | {published:.0f} | {distance:.1f} | {kernel:.3f}"
        print(f"| {what} | {known} | {strength} | {line} |", flush=True)
        return ours

    if row("held-out real music", None, "", real.mels) < 90:
        failures.append("held-out real music scores under 90")
    failures += [
        f"{cheat.name} scores 50 or more"
        for cheat in CHEATS
        if row(cheat.name, cheat.seen, "", cheat.spoil(real, 1.0, np.random.default_rng(1))) >= 50
    ]
    for family in DEGRADATIONS:
        scores = [
            row(family.name, family.seen, f"{strength:g}", family.spoil(real, strength, np.random.default_rng(1)))
            for strength in family.strengths
        ]
        rises = [b - a for a, b in itertools.pairwise(scores) if a > 5]
        if rises and max(rises) > 2:
            failures.append(f"{family.name} rises by {max(rises):.1f}")
    print("\n" + ("; ".join(failures) if failures else "Every condition holds."))


if __name__ == "__main__":
    main()
