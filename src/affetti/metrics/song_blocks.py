"""Songs as sequences of short blocks, from the log-mels of their clips.

A clip is cut into equal blocks of nearly a quarter of a second, of which the mean level of each band and the mean rise
of levels are kept. Blocks of one song lie on a grid of time, by the start of their clip; where no clip lies, as in the
remainders that cutting leaves, values are NaN, and where two overlap the earlier counts. Songs of more than
:data:`MAX_BLOCKS` blocks have longer blocks.

When not to use: for anything faster than a block: it is averaged away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from affetti.errors import InputError
from affetti.metrics.mel_features import Batch, Mels, batches, require_mels
from affetti.metrics.sample import Floats

BLOCK_SECONDS = 0.25
MAX_BLOCKS = 2_048
"""Of a song."""

Texts = NDArray[np.str_]


@dataclass(frozen=True)
class SongBlocks:
    """One song, T blocks long."""

    song: str
    levels: Floats
    """Mean level of each band ``[T, M]``, dB; NaN where nothing is known."""
    rises: Floats
    """Mean rise of levels from frame to frame, falls counting 0 ``[T]``, dB."""
    sections: Texts
    """Section ``[T]``, empty where unknown."""
    block_seconds: float
    """Length of a block."""

    @property
    def seconds(self) -> float:
        """From the start of the song to the end of its last block."""
        return len(self.levels) * self.block_seconds

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which blocks are known ``[T]``."""
        return np.isfinite(self.levels[:, 0])

    def first(self, seconds: float) -> SongBlocks:
        """What lies within the first ``seconds``, to the nearest block."""
        stop = max(1, round(seconds / self.block_seconds))
        return replace(self, levels=self.levels[:stop], rises=self.rises[:stop], sections=self.sections[:stop])


def song_blocks(
    mel: Mels,
    songs: ArrayLike,
    starts: ArrayLike,
    frame_rate: float,
    sections: ArrayLike | None = None,
) -> list[SongBlocks]:
    """The songs of a set of clips, by their ids in order.

    Args:
        mel: log-mels in dB ``[N, M, F]``, M ≥ 8, F ≥ 16; read a few at a time.
        songs: song id of each clip ``[N]``.
        starts: where in its song each clip begins ``[N]``, seconds ≥ 0.
        frame_rate: frames per second.
        sections: section of each clip ``[N]``; empty text, or None, where unknown.

    Raises:
        InputError: a wrong shape, a value that is not finite, or a start that is negative or not finite.

    Example:
        >>> clips = np.zeros((2, 8, 16)) + np.array([[[0.0]], [[1.0]]])
        >>> song = song_blocks(clips, ["a", "a"], [0.0, 2.0], frame_rate=16.0)[0]
        >>> song.levels[:, 0].tolist()
        [0.0, 0.0, 0.0, 0.0, nan, nan, nan, nan, 1.0, 1.0, 1.0, 1.0]
    """
    require_mels(mel, "clips")
    ids, begins = np.asarray(songs, dtype=str), np.asarray(starts, dtype=np.float64)
    named = np.full(len(mel), "") if sections is None else np.asarray(sections, dtype=str)
    if not ids.shape == begins.shape == named.shape == (len(mel),):
        raise InputError(f"{len(mel)} clips, but {ids.size} songs and {begins.size} starts", hint="give one of each")
    if not (np.isfinite(begins) & (begins >= 0)).all():
        raise InputError(f"a clip that starts at {begins.min():g} s", where="start", hint="make the corpus again")
    count = max(1, round(mel.shape[2] / frame_rate / BLOCK_SECONDS))
    count = min(count, mel.shape[2])
    length = mel.shape[2] / frame_rate / count
    parts = [_blocks(batch, count) for batch in batches(mel, "clips")]
    levels, rises = (np.concatenate(its) for its in zip(*parts, strict=True))
    return [
        _laid(str(song), rows[np.argsort(begins[rows], kind="stable")], (levels, rises, named, begins), length)
        for song, rows in ((song, np.flatnonzero(ids == song)) for song in np.unique(ids))
    ]


def _blocks(x: Batch, count: int) -> tuple[Floats, Floats]:
    """Mean levels ``[B, count, M]`` and rises ``[B, count]`` of clips ``[B, M, F]``."""
    edges = np.linspace(0, x.shape[2], count + 1).round().astype(int)
    widths = np.diff(edges)
    levels = np.add.reduceat(x, edges[:-1], axis=2, dtype=np.float64) / widths
    rise = np.maximum(np.diff(x, axis=2, prepend=x[:, :, :1]), 0).mean(axis=1, dtype=np.float64)
    return levels.transpose(0, 2, 1), np.add.reduceat(rise, edges[:-1], axis=1) / widths


def _laid(song: str, rows: NDArray[np.intp], clips: tuple[Floats, Floats, Texts, Floats], length: float) -> SongBlocks:
    """The blocks of clips ``rows``, in order of time, on one grid."""
    levels, rises, named, begins = clips
    count = levels.shape[1]
    first = np.rint(begins[rows] / length).astype(int)
    total = int(first[-1]) + count
    own = SongBlocks(
        song,
        np.full((total, levels.shape[2]), np.nan),
        np.full(total, np.nan),
        np.full(total, "", dtype=named.dtype),
        length,
    )
    # Backwards, so that of two clips that overlap the earlier is written last.
    for row, place in zip(rows[::-1], first[::-1], strict=True):
        here = slice(place, place + count)
        own.levels[here], own.rises[here], own.sections[here] = levels[row], rises[row], named[row]
    return coarsened(own, -(-total // MAX_BLOCKS))


def coarsened(song: SongBlocks, times: int) -> SongBlocks:
    """The same song in blocks that are ``times`` as long: means of what is known of each."""
    if times <= 1:
        return song
    starts = np.arange(0, len(song.levels), times)
    known = np.add.reduceat(song.known.astype(np.float64), starts)
    with np.errstate(invalid="ignore"):
        levels = np.add.reduceat(np.nan_to_num(song.levels), starts, axis=0) / known[:, None]
        rises = np.add.reduceat(np.nan_to_num(song.rises), starts) / known
    return SongBlocks(song.song, levels, rises, song.sections[starts], song.block_seconds * times)


def mean_spectra(song: SongBlocks, blocks: Sequence[slice]) -> Floats:
    """Mean levels of stretches of a song ``[N, M]``."""
    return np.stack([np.nanmean(song.levels[stretch], axis=0) for stretch in blocks])
