from __future__ import annotations

import numpy as np
import pytest

from affetti import compose
from affetti.compose.ensemble import spread_timing
from affetti.errors import UsageError

SONG = compose.compose(4, 2)


def shifts(spread: float, part: int) -> np.ndarray:
    """Displacement of each note of a part, by pitch and original order, in seconds."""
    before, after = (song.parts[part].notes for song in (SONG, spread_timing(SONG, spread)))
    known: dict[tuple[int, int, float], list[float]] = {}
    for note in sorted(after, key=lambda note: note.start):
        known.setdefault((note.pitch, note.velocity, round(note.duration, 9)), []).append(note.start)
    ordered = sorted(before, key=lambda note: note.start)
    return np.array([known[n.pitch, n.velocity, round(n.duration, 9)].pop(0) - n.start for n in ordered])


def test_no_spread_is_the_song_itself() -> None:
    assert spread_timing(SONG, 0.0) == SONG


@pytest.mark.parametrize("spread", [20.0, 60.0])
def test_onsets_deviate_by_the_spread_and_nothing_else_changes(spread: float) -> None:
    loose = spread_timing(SONG, spread)
    moved = np.concatenate([shifts(spread, part) for part in range(len(SONG.parts))])
    assert 1000.0 * moved.std() == pytest.approx(spread, rel=0.15)
    assert abs(1000.0 * moved.mean()) < 0.2 * spread
    for before, after in zip(SONG.parts, loose.parts, strict=True):
        plain = [sorted((n.pitch, n.velocity, n.duration) for n in part.notes) for part in (before, after)]
        assert plain[0] == plain[1]
        assert all(note.start >= 0.0 for note in after.notes)
    assert loose.sections == SONG.sections


def test_what_a_part_strikes_together_stays_together() -> None:
    place = [part.name for part in SONG.parts].index("chords")
    before, after = (song.parts[place].notes for song in (SONG, spread_timing(SONG, 60.0)))
    assert len({note.start for note in before}) == len({note.start for note in after})


def test_parts_are_displaced_apart_and_twice_the_spread_is_twice_as_far() -> None:
    assert abs(np.corrcoef(shifts(40.0, 0)[:50], shifts(40.0, 1)[:50])[0, 1]) < 0.4
    np.testing.assert_allclose(shifts(40.0, 0)[1:], 2 * shifts(20.0, 0)[1:], atol=1e-9)


@pytest.mark.parametrize("spread", [-1.0, 201.0, float("nan")])
def test_a_spread_that_cannot_be_is_refused(spread: float) -> None:
    with pytest.raises(UsageError, match="a spread of"):
        spread_timing(SONG, spread)
