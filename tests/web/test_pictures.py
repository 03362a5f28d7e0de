from __future__ import annotations

import base64

import numpy as np
import pytest

from affetti.web.pictures import PART_FRAMES, RANGE_DB, Painter, Part, Picture, peaks, picture

RATE, HOP = 22_050, 1_024


def levels(shown: Picture) -> np.ndarray:
    """dB ``[bands, columns]``."""
    rows = np.frombuffer(base64.b64decode(shown.data), np.uint8).reshape(shown.bands, shown.columns)
    return shown.maximum_db - RANGE_DB * (1 - rows / 255)


def music(seconds: float) -> np.ndarray:
    """A tone that grows louder, and noise."""
    time = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(0).normal(0, 0.01, len(time))
    return (time / seconds * np.sin(2 * np.pi * 440 * time) + noise).astype(np.float32)


@pytest.mark.parametrize("block", [700, 65_536, 10**6])
@pytest.mark.parametrize("seconds", [0.2, 12.5, 40.0])
def test_what_is_drawn_while_decoding_is_the_picture_of_the_whole(block: int, seconds: float) -> None:
    sound, parts = music(seconds), list[Part]()
    painter = Painter(parts.append)
    for start in range(0, len(sound), block):
        painter.add(start, sound[start : start + block])
    assert painter.end() == picture(sound)
    assert [part.start for part in parts] == [i * PART_FRAMES * HOP / RATE for i in range(len(parts))]
    assert len(parts) in (len(sound) // HOP // PART_FRAMES, (len(sound) // HOP - 1) // PART_FRAMES)
    for part in parts:
        own = sound[round(part.start * RATE) : round((part.start + part.seconds) * RATE)]
        assert part.peaks == peaks(own, len(part.peaks))
        whole = picture(own)
        assert part.picture.maximum_db == pytest.approx(whole.maximum_db, abs=0.5)
        assert np.abs(levels(part.picture)[:, 2:-2].mean() - levels(whole)[:, 2:-2].mean()) < 1


def test_a_decoder_that_begins_anew_begins_the_picture_anew() -> None:
    sound, parts = music(20.0), list[Part]()
    painter = Painter(parts.append)
    painter.add(0, np.ones(300_000, np.float32))
    painter.add(0, sound)
    assert painter.end() == picture(sound)
    assert [part.start for part in parts] == [0.0, 0.0]
