"""Space: parts of a song panned between two channels, and a room around them.

Panning has constant power: a part at ``p`` in [-1, 1] has the gains √2 cos θ and √2 sin θ with θ = π (p + 1) / 4, 1 and
1 in the middle. A room is a synthetic impulse response: the sound itself and, 10 ms later, Gaussian noise that decays
exponentially, by 60 dB in the reverberation time, different in the two channels (Moorer 1979, "About this reverberation
business", Computer Music Journal 3(2):13). What reverberates has as much energy as the direct sound, however long it
decays, so that rooms differ in their decay and not in their level.

The mean of the two channels is what a log-mel sees: dry and with all parts in the middle it is what
:func:`affetti.compose.renderer.render` gives.

When not to use: as a real hall, which has early reflections and loses high frequencies first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from affetti.compose.arrangement import PARTS, PartName
from affetti.compose.renderer import render_parts
from affetti.compose.score import Song
from affetti.errors import UsageError

PREDELAY = 0.01
"""Seconds from the direct sound to the beginning of what reverberates."""
ROOM_SECONDS = (0.1, 5.0)
"""Reverberation times, at least and at most."""


@dataclass(frozen=True)
class Space:
    """Where the parts are, and the room around them."""

    pan: Mapping[PartName, float] = field(default_factory=dict[PartName, float])
    """Place of a part, -1 (left) to 1 (right); those that are not named are in the middle."""
    room: float | None = None
    """Reverberation time, seconds in which sound decays by 60 dB; None: dry."""
    seed: int = 0
    """Of the room's noise."""

    def __post_init__(self) -> None:
        for part, place in self.pan.items():
            if part not in PARTS:
                raise UsageError(f"there is no part {part!r}", where="pan", hint=f"choose from {', '.join(PARTS)}")
            if not -1.0 <= place <= 1.0:
                raise UsageError(f"{part} at {place:g}", where="pan", hint="give -1 (left) to 1 (right)")
        if self.room is not None and not ROOM_SECONDS[0] <= self.room <= ROOM_SECONDS[1]:
            low, high = ROOM_SECONDS
            raise UsageError(f"a room of {self.room:g} s", where="room", hint=f"give {low:g} to {high:g} s")


DRY = Space()


def render_in_space(
    song: Song, sample_rate: int, space: Space = DRY, soundfont: str | Path | None = None
) -> NDArray[np.float32]:
    """The sound of a song in two channels, float32 ``[2, T]``, as long as the song; what rings on is cut.

    Raises:
        UsageError, MissingDependencyError: as :func:`affetti.compose.renderer.render`.
    """
    return place_parts(render_parts(song, sample_rate, soundfont), sample_rate, space)


def place_parts(
    parts: Mapping[PartName, NDArray[np.float32]], sample_rate: int, space: Space = DRY
) -> NDArray[np.float32]:
    """Two channels ``[2, T]`` of the sounds of parts, ``[T]`` each."""
    direct = sum(
        (gains(space.pan.get(name, 0.0))[:, None] * wave for name, wave in parts.items()),
        start=np.zeros((2, 1), dtype=np.float32),
    )
    if space.room is None:
        return direct.astype(np.float32)
    # The room is excited by all parts alike, wherever they are.
    middle = np.sum(list(parts.values()), axis=0)
    tail = reverberation(space.room, sample_rate, space.seed)
    wet = fftconvolve(middle[None], tail, axes=1)[:, : direct.shape[1]]
    return (direct + wet).astype(np.float32)


def gains(place: float) -> NDArray[np.float32]:
    """Gains of the left and of the right channel for a place in [-1, 1].

    Example:
        >>> gains(0.0).round(3).tolist(), (gains(-1.0) ** 2).round(3).tolist()
        ([1.0, 1.0], [2.0, 0.0])
    """
    angle = np.pi * (place + 1.0) / 4.0
    return np.sqrt(2.0) * np.array([np.cos(angle), np.sin(angle)], dtype=np.float32)


def reverberation(seconds: float, sample_rate: int, seed: int = 0) -> NDArray[np.float64]:
    """The impulse response of a room without the direct sound ``[2, T]``, of energy 1 in the mean of both channels.

    Args:
        seconds: reverberation time; the response ends where it has decayed by 80 dB.
        sample_rate: samples a second.
        seed: of the noise.
    """
    size, wait = round(seconds * 80.0 / 60.0 * sample_rate), round(PREDELAY * sample_rate)
    noise = np.random.default_rng([seed, 0x400]).standard_normal((2, size))
    tail = noise * 10.0 ** (-3.0 * np.arange(size) / (seconds * sample_rate))
    tail /= np.sqrt(np.square(tail.mean(axis=0)).sum())
    return np.pad(tail, ((0, 0), (wait, 0)))
