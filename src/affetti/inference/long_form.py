"""Songs longer than a clip, from overlapping windows that are as long as one.

**Joint denoising** (:func:`denoise_together`), for generators that integrate a velocity: one noise field for the whole
song; at each step the velocity of every window is computed for its own condition, and where windows overlap the
velocities are averaged (MultiDiffusion, Bar-Tal et al. 2023), with weights that are a Hann window over each, divided by
their sum. Windows so agree on what they share, and hardly a border is left in the song; with weights that rise in a
straight line, onsets at borders are a tenth stronger than elsewhere (``bench/long_form.py``).

**Cross-fades** (:func:`cross_fade`), for generators that make a clip at once: windows are independent clips, and one
fades into the next. Pulse and key do not continue over a cross-fade.

A section that comes back is denoised from the noise of its first occurrence, mixed with a fifth of its own
(:func:`song_noise`): so a chorus returns, with differences. Without it two choruses share a condition and no melody.

The noise at a place of a song depends on (seed, number of the song, place) and the sections alone, so that a song is
the same in any order and however many are made, and a song of one window is the ordinary clip of that number. Memory
holds the latent field and the log-mel of one song, and a batch of windows; time is proportional to length.

When not to use: for themes that are developed. A window depends on its neighbours, its emotion, section and
position, and its noise, and on nothing farther away.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from affetti.corpus.annotations import Section
from affetti.models.base import Generator, VelocityGenerator, resolve_sampling
from affetti.models.integration import heun
from affetti.models.noise import noise
from affetti.progress import Progress, silent
from affetti.signal.vocoder import Vocoder

JOINT_OVERLAP, FADE_OVERLAP = 2, 4
"""The next window overlaps this part of a window, a half or a quarter: of windows denoised together, of cross-fades."""
VOCODED_SECONDS, VOCODED_OVERLAP = 600.0, 2.0
"""Longest stretch that is turned into sound at once, and how much two of them overlap."""
RETURN_SHARE = 0.8
"""Share of the variance of the noise of a section that returns which is that of its first occurrence: with it returns
differ from each other as much as composed ones do (``bench/long_form.py``)."""
MIN_WEIGHT = 1e-7
"""Weight of padded columns, of 1 in a window's middle: they count only where no other window is."""


@dataclass(frozen=True)
class Windows:
    """Windows of ``size`` places that cover ``length`` places, evenly spaced from first to last."""

    length: int
    size: int
    starts: tuple[int, ...]

    @classmethod
    def cover(cls, length: int, size: int, overlap: int) -> Windows:
        """As few windows as overlap by ``overlap`` places, fewer than ``size``, or more; ``length`` ≥ ``size``.

        Example:
            >>> Windows.cover(32, 16, 8).starts
            (0, 8, 16)
        """
        count = 1 + math.ceil((length - size) / (size - overlap))
        return cls(length, size, tuple(i * (length - size) // max(1, count - 1) for i in range(count)))

    def times(self, scale: int, size: int) -> Windows:
        """The same windows on a grid that is ``scale`` times finer, on which each has ``size`` places."""
        starts = tuple(scale * start for start in self.starts)
        return Windows(starts[-1] + size, size, starts)

    def weights(self, valid: int | None = None) -> Tensor:
        """Weight of each place of each window ``[N, size]``; those of one place of the song add up to 1.

        Args:
            valid: places of a window that count, from its first; all by default. The others count only where no
                other window is.

        Example:
            >>> Windows(6, 4, (0, 2)).weights().mul(100).round().tolist()
            [[100.0, 100.0, 85.0, 15.0], [15.0, 85.0, 100.0, 100.0]]
        """
        place = torch.arange(self.size, dtype=torch.float64)
        valid = self.size if valid is None else valid
        ramp = torch.where(place < valid, torch.sin(math.pi * (place + 0.5) / valid) ** 2, 0.0).clamp_min(MIN_WEIGHT)
        total = torch.zeros(self.length, dtype=torch.float64)
        for start in self.starts:
            total[start : start + self.size] += ramp
        return torch.stack([ramp / total[start : start + self.size] for start in self.starts]).float()

    def rows(self, batch_size: int) -> list[slice]:
        """The windows, ``batch_size`` at a time."""
        return [slice(at, at + batch_size) for at in range(0, len(self.starts), batch_size)]


@dataclass(frozen=True)
class Return:
    """A stretch of a song in which a section returns, in columns of the latent."""

    start: int
    first: int
    """Where the section occurs first."""
    width: int

    @classmethod
    def of_sections(cls, sections: Sequence[Section], columns_per_second: float) -> tuple[Return, ...]:
        """The returns among the sections of a song, each of the first section of its kind.

        Example:
            >>> verse, chorus = Section(0.0, 10.0, "verse"), Section(10.0, 20.0, "chorus")
            >>> Return.of_sections([verse, chorus, Section(20.0, 28.0, "verse")], 2.0)
            (Return(start=40, first=0, width=16),)
        """
        known: dict[str, tuple[int, int]] = {}
        returns: list[Return] = []
        for it in sections:
            start, stop = (round(time * columns_per_second) for time in (it.start, it.end))
            first, end = known.setdefault(it.label, (start, stop))
            if start != first:
                returns.append(cls(start, first, min(stop - start, end - first)))
        return tuple(returns)


def song_noise(
    seed: int, song: int, shape: tuple[int, int, int], length: int, returns: Sequence[Return] = ()
) -> Tensor:
    """Standard normal noise ``[C, H, length]`` of a song; its first W columns are those of the clip of that number.

    Noise x of a section that returns becomes √s y + √(1 − s) x, with y that of its first occurrence and s
    :data:`RETURN_SHARE`; it stays standard normal.

    Args:
        seed: of the noise.
        song: number of the song.
        shape: of a clip's latent, ``(C, H, W)``.
        length: columns; a longer song begins with the noise of a shorter one.
        returns: of sections.
    """
    index = torch.tensor([song])
    blocks = range(-(-length // shape[2]))
    parts = [noise(seed, index, shape, f"noise-{block}" if block else "noise")[0] for block in blocks]
    own = torch.cat(parts, dim=2)[..., :length]
    mixed = own.clone()
    for it in returns:
        width = min(it.width, length - it.start)
        first, again = (own[..., start : start + width] for start in (it.first, it.start))
        mixed[..., it.start : it.start + width] = RETURN_SHARE**0.5 * first + (1 - RETURN_SHARE) ** 0.5 * again
    return mixed


def latent_windows(model: VelocityGenerator, frames: int, clip_frames: int) -> Windows:
    """The windows, in columns of the latent, of a song of ``frames``, of clips of ``clip_frames``."""
    width, per_column = model.latent_shape[2], model.frames_per_column
    return Windows.cover(width + -(-(frames - clip_frames) // per_column), width, width // JOINT_OVERLAP)


@torch.no_grad()
def denoise_together(
    model: VelocityGenerator,
    conditions: Tensor,
    windows: Windows,
    first: Tensor,
    sampling: Mapping[str, float],
    *,
    valid: int | None = None,
    batch_size: int = 32,
    progress: Progress = silent,
) -> Tensor:
    """Denoise all windows of a song as one field.

    Args:
        model: in evaluation mode.
        conditions: of each window ``[N, K]``, on the model's device.
        windows: in columns of the latent.
        first: noise ``[C, H, windows.length]``.
        sampling: values of the model's sampling parameters; the defaults for those that are not given.
        valid: columns of a window that are no padding; all by default.
        batch_size: windows at a time.
        progress: called with the number of steps done.

    Returns:
        The field ``[C, H, windows.length]``.

    Raises:
        UsageError: a sampling parameter is unknown or out of range.
    """
    values = resolve_sampling(sampling, model.sampling_parameters)
    steps = values.pop("steps")
    weights = windows.weights(valid).to(conditions.device)

    def velocity(field: Tensor, t: float) -> Tensor:
        progress("denoise", round(steps * (1 - t)), round(steps))
        total = torch.zeros_like(field)
        for rows in windows.rows(batch_size):
            starts = windows.starts[rows]
            x = torch.stack([field[..., start : start + windows.size] for start in starts])
            part = model.velocity(x, t, conditions[rows], values) * weights[rows, None, None, :]
            for start, own in zip(starts, part, strict=True):
                total[..., start : start + windows.size] += own
        return total

    field = heun(velocity, first.to(conditions.device), steps)
    progress("denoise", round(steps), round(steps))
    return field


@torch.no_grad()
def decode_song(
    model: VelocityGenerator, field: Tensor, windows: Windows, clip_frames: int, batch_size: int = 32
) -> Tensor:
    """The log-mel ``[M, F]`` in dB, on the CPU, of a field ``[C, H, windows.length]``: windows decoded and averaged."""
    places = windows.times(model.frames_per_column, clip_frames)
    weights = places.weights()
    song: Tensor | None = None
    for rows in windows.rows(batch_size):
        latent = torch.stack([field[..., start : start + windows.size] for start in windows.starts[rows]])
        mel = model.decode(latent).float().cpu()
        song = mel.new_zeros(mel.shape[1], places.length) if song is None else song
        for start, weight, own in zip(places.starts[rows], weights[rows], mel, strict=True):
            song[:, start : start + clip_frames] += weight * own
    return torch.zeros(0, places.length) if song is None else song


def joint_song(
    model: VelocityGenerator,
    conditions: Tensor,
    frames: int,
    clip_frames: int,
    seed: int,
    song: int,
    sampling: Mapping[str, float],
    batch_size: int = 32,
    progress: Progress = silent,
    returns: Sequence[Return] = (),
) -> Tensor:
    """A song ``[M, frames]`` in dB, on the CPU, whose windows are denoised together.

    Args:
        model: in evaluation mode.
        conditions: of each of :func:`latent_windows` ``[N, K]``, on the model's device.
        frames: of the song, ≥ ``clip_frames``.
        clip_frames: of the clips that the model was trained on.
        seed: of the noise.
        song: its number.
        sampling: see :func:`denoise_together`.
        batch_size: windows at a time.
        progress: called with the number of steps done.
        returns: of sections, see :func:`song_noise`.
    """
    windows = latent_windows(model, frames, clip_frames)
    first = song_noise(seed, song, model.latent_shape, windows.length, returns)
    valid = clip_frames // model.frames_per_column
    field = denoise_together(
        model, conditions, windows, first, sampling, valid=valid, batch_size=batch_size, progress=progress
    )
    return decode_song(model, field, windows, clip_frames, batch_size)[:, :frames]


def fading_windows(frames: int, clip_frames: int) -> Windows:
    """The windows, in frames, of a song of ``frames`` by cross-fades of clips of ``clip_frames``."""
    return Windows.cover(frames, clip_frames, clip_frames // FADE_OVERLAP)


@torch.no_grad()
def cross_fade(
    model: Generator,
    conditions: Tensor,
    windows: Windows,
    seed: int,
    song: int,
    sampling: Mapping[str, float],
    batch_size: int = 32,
    progress: Progress = silent,
) -> Tensor:
    """A song whose windows are clips that fade into each other, at constant power.

    Args:
        model: in evaluation mode.
        conditions: of each window ``[N, K]``.
        windows: in frames; in samples where the model makes sound.
        seed: of the noise.
        song: its number.
        sampling: values of the model's sampling parameters.
        batch_size: windows at a time.
        progress: called with the number of windows done.

    Returns:
        A log-mel ``[M, windows.length]`` in dB, or samples ``[windows.length]``, on the CPU.
    """
    weights = windows.weights()
    weights = weights.sqrt() if model.makes_sound else weights
    total: Tensor | None = None
    for rows in windows.rows(batch_size):
        # The first window has the number of the song; the others have numbers that no clip has.
        index = song + (torch.arange(len(windows.starts))[rows] << 32)
        clips = model.sample(conditions[rows], seed, index, sampling).float().cpu()
        parts = clips if model.makes_sound else torch.pow(10.0, clips / 10)
        total = parts.new_zeros(*parts.shape[1:-1], windows.length) if total is None else total
        for start, weight, own in zip(windows.starts[rows], weights[rows], parts, strict=True):
            total[..., start : start + windows.size] += weight * own
        progress("sample windows", min(rows.stop, len(windows.starts)), len(windows.starts))
    if total is None:
        return torch.zeros(windows.length)
    return total if model.makes_sound else 10 * total.clamp_min(1e-20).log10()


def vocode(mel: Tensor, vocoder: Vocoder) -> Tensor:
    """Sound ``[T]`` of a log-mel ``[M, F]`` in dB of any length, up to ten minutes at a time."""
    front = vocoder.front
    size, overlap = (round(it * front.sample_rate / front.hop_length) for it in (VOCODED_SECONDS, VOCODED_OVERLAP))
    if mel.shape[1] <= size:
        return vocoder(mel)
    pieces = Windows.cover(mel.shape[1], size, overlap)
    places = pieces.times(front.hop_length, front.hop_length * (size - 1))
    # The phases of two pieces are unrelated: they fade at constant power.
    weights = places.weights().sqrt()
    sound = torch.zeros(places.length)
    for start, at, weight in zip(pieces.starts, places.starts, weights, strict=True):
        sound[at : at + places.size] += weight * vocoder(mel[:, start : start + size])
    return sound
