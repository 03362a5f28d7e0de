from __future__ import annotations

import numpy as np
import pytest

from affetti import compose
from affetti.compose.space import PREDELAY, Space, gains, place_parts, render_in_space, reverberation
from affetti.errors import UsageError

RATE = 22_050
SONG = compose.compose(4, 2)


def test_dry_and_in_the_middle_the_two_channels_are_the_song_as_it_always_was() -> None:
    stereo = render_in_space(SONG, RATE)
    mono = compose.render(SONG, RATE)
    assert stereo.shape == (2, len(mono))
    np.testing.assert_array_equal(stereo[0], stereo[1])
    np.testing.assert_allclose(stereo.mean(axis=0), mono, atol=1e-6)


def test_parts_sum_to_the_song() -> None:
    parts = compose.render_parts(SONG, RATE)
    np.testing.assert_allclose(sum(parts.values()), compose.render(SONG, RATE), atol=1e-6)


@pytest.mark.parametrize("place", [-1.0, -0.4, 0.0, 0.7, 1.0])
def test_panning_keeps_the_power_and_moves_it_to_its_side(place: float) -> None:
    left, right = gains(place).tolist()
    assert left**2 + right**2 == pytest.approx(2.0)
    assert np.sign(round(right - left, 6)) == np.sign(place)


def test_a_part_that_is_panned_hard_is_in_one_channel() -> None:
    wave = np.ones(8, dtype=np.float32)
    stereo = place_parts({"melody": wave, "bass": wave}, RATE, Space(pan={"melody": -1.0}))
    np.testing.assert_allclose(stereo[:, 0], [1.0 + np.sqrt(2.0), 1.0], rtol=1e-6)


@pytest.mark.parametrize("seconds", [0.3, 0.5, 1.0, 2.0])
def test_a_room_decays_by_60_db_in_its_reverberation_time(seconds: float) -> None:
    """By backward integration (Schroeder 1965) and a line through -5 to -35 dB, as ISO 3382 has it."""
    tail = reverberation(seconds, RATE, seed=3)[0]
    energy = np.cumsum(tail[::-1] ** 2)[::-1]
    level = 10.0 * np.log10(energy / energy[0])
    used = np.flatnonzero((level < -5.0) & (level > -35.0))
    slope = np.polyfit(used / RATE, level[used], 1)[0]
    assert -60.0 / slope == pytest.approx(seconds, rel=0.05)


def test_what_reverberates_has_the_energy_of_the_direct_sound_whatever_the_room() -> None:
    for seconds in (0.3, 2.0):
        tail = reverberation(seconds, RATE)
        assert np.square(tail.mean(axis=0)).sum() == pytest.approx(1.0)
        assert not tail[:, : round(PREDELAY * RATE)].any()
        assert abs(np.corrcoef(tail[0], tail[1])[0, 1]) < 0.1


def test_a_room_is_the_same_for_the_same_seed() -> None:
    space = Space(room=0.5, seed=1)
    np.testing.assert_array_equal(render_in_space(SONG, RATE, space), render_in_space(SONG, RATE, space))
    assert np.abs(render_in_space(SONG, RATE, space) - render_in_space(SONG, RATE, Space(room=0.5))).max() > 1e-3


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"pan": {"flute": 0.0}}, "there is no part 'flute'"),
        ({"pan": {"melody": 1.2}}, "melody at 1.2"),
        ({"pan": {"melody": float("nan")}}, "melody at nan"),
        ({"room": 0.0}, "a room of 0 s"),
        ({"room": 9.0}, "a room of 9 s"),
        ({"room": float("nan")}, "a room of nan s"),
    ],
)
def test_a_space_that_cannot_be_is_refused(settings: dict, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Space(**settings)
