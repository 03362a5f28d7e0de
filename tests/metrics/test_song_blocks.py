"""Songs as sequences of blocks."""

from __future__ import annotations

import numpy as np
import pytest

from affetti.errors import InputError
from affetti.metrics.song_blocks import MAX_BLOCKS, coarsened, song_blocks


def clips(count: int, frames: int = 32, bands: int = 8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(-40, 10, (count, bands, frames)).astype(np.float32)


def test_blocks_are_means_of_their_frames_at_their_time() -> None:
    mel = clips(3)
    # 16 frames a second: a block is 4 frames, a clip 2 s.
    (song,) = song_blocks(mel, ["a"] * 3, [4.0, 0.0, 2.0], 16.0, ["verse", "intro", "intro"])
    assert song.levels.shape == (24, 8)
    assert song.block_seconds == pytest.approx(0.25)
    for place, clip in enumerate((1, 2, 0)):
        np.testing.assert_allclose(
            song.levels[8 * place : 8 * place + 8], mel[clip].reshape(8, 8, 4).mean(axis=2).T, rtol=1e-5
        )
    assert song.sections.tolist() == ["intro"] * 16 + ["verse"] * 8
    rise = np.maximum(np.diff(mel[1].astype(float), axis=1), 0).mean(axis=0)
    assert song.rises[1] == pytest.approx(rise[3:7].mean(), rel=1e-5)


def test_gaps_are_unknown_and_of_overlaps_the_earlier_counts() -> None:
    mel = clips(3)
    (song,) = song_blocks(mel, ["a"] * 3, [0.0, 1.0, 5.0], 16.0)
    np.testing.assert_allclose(song.levels[:8, 0], mel[0, 0].reshape(8, 4).mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(song.levels[8:12, 0], mel[1, 0].reshape(8, 4).mean(axis=1)[4:], rtol=1e-5)
    assert not song.known[12:20].any()
    assert song.known[20:].all()
    assert song.seconds == 7.0


def test_songs_are_apart_whatever_the_order_of_their_clips() -> None:
    mel, ids, starts = clips(6), np.array(["b", "a"] * 3), np.array([0.0, 0.0, 2.0, 2.0, 4.0, 4.0])
    order = np.random.default_rng(1).permutation(6)
    for first, second in zip(
        song_blocks(mel, ids, starts, 16.0), song_blocks(mel[order], ids[order], starts[order], 16.0), strict=True
    ):
        assert first.song == second.song
        np.testing.assert_array_equal(first.levels, second.levels)


def test_long_songs_have_longer_blocks_with_the_same_means() -> None:
    (song,) = song_blocks(clips(4), ["a"] * 4, [0.0, 2.0, 4.0, 600.0], 16.0)
    assert len(song.levels) <= MAX_BLOCKS
    assert song.block_seconds == pytest.approx(0.5)
    (short,) = song_blocks(clips(3), ["a"] * 3, [0.0, 2.0, 4.0], 16.0)
    np.testing.assert_allclose(coarsened(short, 2).levels, short.levels.reshape(12, 2, 8).mean(axis=1))
    np.testing.assert_allclose(song.levels[:12], coarsened(short, 2).levels)


def test_what_is_no_song_is_refused() -> None:
    with pytest.raises(InputError, match="a clip that starts at -1 s"):
        song_blocks(clips(2), ["a", "a"], [0.0, -1.0], 16.0)
    with pytest.raises(InputError, match="2 clips, but 1 songs"):
        song_blocks(clips(2), ["a"], [0.0, 1.0], 16.0)
    broken = clips(2)
    broken[1, 3, 3] = np.nan
    with pytest.raises(InputError, match="clips, clip 1: a value is not finite"):
        song_blocks(broken, ["a", "a"], [0.0, 2.0], 16.0)
