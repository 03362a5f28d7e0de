"""Clips that have much in common with real music and are none: what ``score_sanity.py`` tries on the Quality Score.

What is a property of sound (splices, mixtures) is made of waveforms and analysed again, so that no edge of the
front-end's floor gives it away.
"""

# ruff: noqa: D103 - the name of a family says what it does

from __future__ import annotations

from dataclasses import replace

import librosa
import numpy as np
from scipy import ndimage, signal
from scipy.cluster.vq import kmeans2

from affetti.signal.mel import hz_to_mel, mel_to_hz
from score_material import Mels, Real, Rng, floored, seen, unseen


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


@seen("its two-dimensional spectrum with random phases")
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
    return real.mels[:, :, np.arange(real.mels.shape[2]) % real.frames(0.5)]


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


@seen("each frame of another clip")
def mosaic(real: Real, _: float, rng: Rng) -> Mels:
    clip = rng.integers(len(real.mels), size=(len(real.mels), real.mels.shape[2]))
    return real.mels[clip, :, np.arange(real.mels.shape[2])[None]].transpose(0, 2, 1)


@seen("blocks in random order, of 0.5 s")
def half_second_blocks(real: Real, _: float, rng: Rng) -> Mels:
    return blocks(real, 0.5, rng)


@seen("blocks in random order, of 1 s")
def second_blocks(real: Real, _: float, rng: Rng) -> Mels:
    return blocks(real, 1.0, rng)


@unseen("blocks in random order, of 0.25 s")
def quarter_second_blocks(real: Real, _: float, rng: Rng) -> Mels:
    return blocks(real, 0.25, rng)


@unseen("blocks in random order, of 2 s")
def two_second_blocks(real: Real, _: float, rng: Rng) -> Mels:
    return blocks(real, 2.0, rng)


def blocks(real: Real, seconds: float, rng: Rng) -> Mels:
    frames = real.mels.shape[2]
    parts = np.array_split(np.arange(frames), max(2, frames // real.frames(seconds)))
    return np.stack([clip[:, np.concatenate([parts[i] for i in rng.permutation(len(parts))])] for clip in real.mels])


@seen("halves of two songs spliced")
def two_halves(real: Real, _: float, rng: Rng) -> Mels:
    return spliced(real, 2, rng)


@seen("quarters of four songs")
def four_quarters(real: Real, _: float, rng: Rng) -> Mels:
    return spliced(real, 4, rng)


@unseen("halves of two songs, cross-faded over a second")
def faded_halves(real: Real, _: float, rng: Rng) -> Mels:
    return spliced(real, 2, rng, fade=1.0)


@unseen("seconds of two songs by turns")
def by_turns(real: Real, _: float, rng: Rng) -> Mels:
    return spliced(real, max(2, round(real.waves.shape[1] / real.to_mel.front.sample_rate)), rng, songs=2)


def spliced(real: Real, count: int, rng: Rng, songs: int | None = None, fade: float = 0.02) -> Mels:
    """``count`` equal parts, each at its own time, of ``songs`` songs by turns."""
    songs = count if songs is None else songs
    order = rng.permutation(len(real.waves))
    time = np.arange(real.waves.shape[1]) / real.to_mel.front.sample_rate
    out = real.waves[order]
    for part in range(1, count):
        share = np.clip((time - part * time[-1] / count) / fade + 0.5, 0, 1).astype(np.float32)
        out = (1 - share) * out + share * real.waves[np.roll(order, -(part % songs))]
    return real.log_mels(out)


@seen("low bands of one song, high bands of another")
def registers_of_two(real: Real, _: float, rng: Rng) -> Mels:
    return registers(real, 2, rng)


@unseen("low, middle and high bands of three songs")
def registers_of_three(real: Real, _: float, rng: Rng) -> Mels:
    return registers(real, 3, rng)


def registers(real: Real, count: int, rng: Rng) -> Mels:
    """The sum of songs, each filtered to an equal share of the mel scale."""
    front, order = real.to_mel.front, rng.permutation(len(real.waves))
    mel = np.linspace(hz_to_mel(front.f_min), hz_to_mel(front.f_max), count + 1)[1:-1]
    cuts = mel_to_hz(np.asarray(mel))
    out = np.zeros(real.waves.shape)
    for part in range(count):
        wave = real.waves[np.roll(order, -part)]
        for cut, kind in ((part - 1, "high"), (part, "low")):
            if 0 <= cut < len(cuts):
                sections = signal.butter(8, cuts[cut], kind, fs=front.sample_rate, output="sos")
                wave = signal.sosfiltfilt(sections, wave, axis=1)
        out += wave
    return real.log_mels(out.astype(np.float32))


@unseen("the upper half of the bands a quarter of a second late")
def late(real: Real, _: float, __: Rng) -> Mels:
    half = real.mels.shape[1] // 2
    return np.concatenate([real.mels[:, :half], np.roll(real.mels[:, half:], real.frames(0.25), axis=2)], axis=1)


@seen("each second transposed by its own interval")
def transposed(real: Real, _: float, rng: Rng) -> Mels:
    rate = real.to_mel.front.sample_rate
    out = real.waves.copy()
    for clip in out:
        for start in range(0, len(clip) - rate // 4, rate):
            part, by = clip[start : start + rate], int(rng.integers(-6, 7))
            part[:] = librosa.effects.pitch_shift(part, sr=rate, n_steps=by, n_fft=1024, res_type="soxr_qq")
    return real.log_mels(out)


@unseen("a pitch that glides by six bands")
def gliding(real: Real, _: float, __: Rng) -> Mels:
    bands, frames = real.mels.shape[1:]
    at = np.arange(bands)[:, None] - 6 * np.linspace(-0.5, 0.5, frames)[None]
    grid = np.broadcast_to(np.arange(frames)[None], at.shape)
    warped = [ndimage.map_coordinates(clip, [at, grid], order=1, mode="nearest") for clip in real.mels]
    return np.stack(warped).astype(np.float32)


@unseen("a tempo that wavers between 3/4 and 4/3")
def wavering(real: Real, _: float, __: Rng) -> Mels:
    frames = real.mels.shape[2]
    speed = (4 / 3) ** np.sin(2 * np.pi * np.arange(frames) / real.frames(3.0))
    at = np.concatenate([[0.0], np.cumsum(speed)[:-1]])
    return real.between_frames(at * (frames - 1) / at[-1])


@unseen("each second at its own loudness, 6 dB up or down")
def uneven(real: Real, _: float, rng: Rng) -> Mels:
    second = np.arange(real.waves.shape[1]) // real.to_mel.front.sample_rate
    gain = 10 ** (rng.choice([-6.0, 6.0], size=(len(real.waves), int(second[-1]) + 1)) / 20)
    return real.log_mels((real.waves * gain[:, second]).astype(np.float32))


@seen("levels in steps of 6 dB")
def coarse_steps(real: Real, _: float, __: Rng) -> Mels:
    return (np.round(real.mels / 6) * 6).astype(np.float32)


@unseen("levels in steps of 3 dB")
def fine_steps(real: Real, _: float, __: Rng) -> Mels:
    return (np.round(real.mels / 3) * 3).astype(np.float32)


@unseen("every frame twice")
def held_pairs(real: Real, _: float, __: Rng) -> Mels:
    return real.mels[:, :, np.arange(real.mels.shape[2]) // 2 * 2]


@unseen("every fourth frame, straight lines between")
def lines(real: Real, _: float, __: Rng) -> Mels:
    coarse = replace(real, mels=real.mels[:, :, ::4])
    return coarse.between_frames(np.minimum(np.arange(real.mels.shape[2]) / 4, coarse.mels.shape[2] - 1))


@seen("4 s repeated")
def four_second_loop(real: Real, _: float, __: Rng) -> Mels:
    return real.mels[:, :, np.arange(real.mels.shape[2]) % real.frames(4.0)]


@seen("2 s repeated")
def two_second_loop(real: Real, _: float, __: Rng) -> Mels:
    return real.mels[:, :, np.arange(real.mels.shape[2]) % real.frames(2.0)]


@unseen("2 s repeated, with noise of 2 dB")
def noisy_loop(real: Real, _: float, rng: Rng) -> Mels:
    return floored(two_second_loop.spoil(real, 1.0, rng) + 2 * rng.normal(size=real.mels.shape))


@unseen("the first half, then the same backwards")
def palindrome(real: Real, _: float, __: Rng) -> Mels:
    half = -(-real.mels.shape[2] // 2)
    return np.concatenate([real.mels[:, :, :half], real.mels[:, :, half - 1 :: -1]], axis=2)[:, :, : real.mels.shape[2]]


@unseen("the second half before the first")
def swapped(real: Real, _: float, __: Rng) -> Mels:
    return real.log_mels(np.roll(real.waves, real.waves.shape[1] // 2, axis=1))


@seen("two songs at once, in power")
def both(real: Real, _: float, rng: Rng) -> Mels:
    order = rng.permutation(len(real.waves))
    return real.log_mels(real.waves[order] + real.waves[np.roll(order, -1)])


@unseen("the mean of two clips, in dB")
def averaged_pairs(real: Real, _: float, rng: Rng) -> Mels:
    order = rng.permutation(len(real.mels))
    return np.asarray((real.mels[order] + real.mels[np.roll(order, -1)]) / 2, np.float32)


@unseen("each half second the most alike of another song")
def concatenated(real: Real, _: float, __: Rng) -> Mels:
    """Concatenative synthesis: the song's spectrogram put together from pieces of other songs."""
    length = real.frames(0.5)
    count = real.mels.shape[2] // length
    pieces = real.mels[:, :, : count * length].reshape(len(real.mels), -1, count, length).transpose(0, 2, 1, 3)
    flat = pieces.reshape(len(pieces) * count, -1)
    square = (flat**2).sum(axis=1)
    out = real.mels.copy()
    for song in range(len(pieces)):
        own = slice(song * count, (song + 1) * count)
        distance = square[None] - 2 * flat[own] @ flat.T
        distance[:, own] = np.inf
        chosen = flat[distance.argmin(axis=1)].reshape(count, -1, length)
        out[song, :, : count * length] = chosen.transpose(1, 0, 2).reshape(-1, count * length)
    return out


@unseen("frames from a codebook of 256")
def codebook(real: Real, _: float, __: Rng) -> Mels:
    frames = real.mels.transpose(0, 2, 1).reshape(-1, real.mels.shape[1])
    start = frames[np.random.default_rng(0).permutation(len(frames))[:256]]
    codes, code = kmeans2(frames, start, iter=10, minit="matrix")
    chosen = np.asarray(codes[code], np.float32)
    return chosen.reshape(len(real.mels), -1, real.mels.shape[1]).transpose(0, 2, 1)


@unseen("four components of each clip")
def low_rank(real: Real, _: float, __: Rng) -> Mels:
    mean = real.mels.mean(axis=2, keepdims=True)
    u, s, v = np.linalg.svd(real.mels - mean, full_matrices=False)
    return (u[:, :, :4] * s[:, None, :4]) @ v[:, :4] + mean


@unseen("four jumps to where it sounded alike")
def jumps(real: Real, _: float, rng: Rng) -> Mels:
    """A video texture: where the clip jumps, it goes on from a frame that resembles the one it left."""
    frames, near = real.mels.shape[2], real.frames(0.5)
    out = np.empty_like(real.mels)
    for i, clip in enumerate(real.mels):
        distance = ((clip[:, :, None] - clip[:, None, :]) ** 2).mean(axis=0)
        distance[np.abs(np.subtract.outer(np.arange(frames), np.arange(frames))) < near] = np.inf
        distance[:, -near:] = np.inf
        at, cuts = 0, set(rng.choice(np.arange(8, frames - 8), 4, replace=False).tolist())
        for t in range(frames):
            out[i, :, t] = clip[:, at]
            at = int(distance[at].argmin()) + 1 if t in cuts or at + 1 >= frames else at + 1
    return out


@unseen("one clip in four is noise")
def mixed_set(real: Real, _: float, rng: Rng) -> Mels:
    out, noise = real.mels.copy(), matched_noise.spoil(real, 1.0, rng)
    out[::4] = noise[::4]
    return out


@unseen("eight songs, each copy louder or softer and with noise of 1 dB")
def varied_copies(real: Real, _: float, rng: Rng) -> Mels:
    copies = real.mels[rng.permutation(len(real.mels))[:8]][rng.integers(8, size=len(real.mels))]
    return floored(copies + rng.uniform(-6, 6, size=(len(copies), 1, 1)) + rng.normal(size=copies.shape))


CHEATS = [held, blurred, shuffled, one_clip, matched_noise, backwards, surrogate, out_of_step, looped, averaged]
CHEATS += [components, flipped, quantised, mosaic, quarter_second_blocks, half_second_blocks, second_blocks]
CHEATS += [two_second_blocks, two_halves, four_quarters, faded_halves, by_turns, registers_of_two, registers_of_three]
CHEATS += [late, transposed, gliding, wavering, uneven, coarse_steps, fine_steps, held_pairs, lines, four_second_loop]
CHEATS += [two_second_loop, noisy_loop, palindrome, swapped, both, averaged_pairs, concatenated, codebook, low_rank]
CHEATS += [jumps, mixed_set, varied_copies]
