"""Form of whole songs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affetti.metrics import song_form
from affetti.metrics.song_blocks import SongBlocks

BLOCK = 0.25
BANDS = 16


def song(levels: np.ndarray, sections: np.ndarray | None = None, name: str = "song") -> SongBlocks:
    count = len(levels)
    named = np.full(count, "") if sections is None else sections
    return SongBlocks(name, levels, np.abs(levels).mean(axis=1), named, BLOCK)


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 10, (round(seconds / BLOCK), BANDS))


def walk(seconds: float, seed: int = 0) -> np.ndarray:
    """Music that drifts and never returns."""
    return np.cumsum(noise(seconds, seed), axis=0)


def test_distances_are_the_mean_squares_by_hand_and_one_on_average() -> None:
    levels = noise(15.0)
    levels[7] = np.nan
    distance = song_form.distances(song(levels))
    known = np.delete(levels, 7, axis=0)
    spread = 2 * (known - known.mean(axis=0)).var(axis=0).mean()
    assert distance[3, 20] == pytest.approx(((levels[3] - levels[20]) ** 2).mean() / spread, rel=1e-3)
    assert np.isnan(distance[7]).all()
    off = distance[~np.eye(len(distance), dtype=bool)]
    assert off[np.isfinite(off)].mean() == pytest.approx(1.0, abs=0.02)


def test_the_structure_curve_is_flat_for_noise_rises_for_drift_and_falls_to_zero_at_a_period() -> None:
    flat, rising = (
        song_form.lag_cells(its, song_form.distance_by_lag(song_form.distances(its)))
        for its in (song(noise(64.0)), song(walk(64.0)))
    )
    known = np.isfinite(flat)
    assert known.tolist() == [True] * 6 + [False] * 3  # to half of the song
    np.testing.assert_allclose(flat[known], 1.0, atol=0.1)
    assert (np.diff(rising[known]) > 0).all()
    loop = song(np.tile(noise(8.0), (8, 1)))
    curve = song_form.distance_by_lag(song_form.distances(loop))
    assert curve[32] == pytest.approx(0.0, abs=1e-9)
    period = song_form.strongest_period(loop, curve)
    assert period.seconds == 8.0
    assert period.depth > 0.9


def test_noise_and_drift_have_no_period() -> None:
    for levels in (noise(64.0), walk(64.0)):
        its = song(levels)
        assert song_form.strongest_period(its, song_form.distance_by_lag(song_form.distances(its))).depth < 0.3


def test_a_loop_is_found_at_a_length_that_is_no_multiple_of_a_block() -> None:
    """The witness: frames that repeat every 131 are averaged over blocks of 4."""
    frames = np.random.default_rng(0).normal(0, 10, (131, BANDS)).cumsum(axis=0)
    frames -= np.linspace(0, 1, 131)[:, None] * frames[-1]
    levels = np.tile(frames, (10, 1))[: 4 * 320].reshape(320, 4, BANDS).mean(axis=1)
    its = song(levels)
    period = song_form.strongest_period(its, song_form.distance_by_lag(song_form.distances(its)))
    assert period.seconds % (131 / 16) == pytest.approx(0.0, abs=0.3) or period.seconds % (131 / 16) > 7.8
    assert period.depth > 0.8


def test_repetition_is_one_for_a_loop_low_for_noise_and_agrees_with_a_search_by_hand() -> None:
    loop, random = song(np.tile(noise(8.0), (4, 1))), song(noise(20.0))
    assert song_form.repetition(loop, song_form.distances(loop)) == pytest.approx(1.0, abs=1e-6)
    distance = song_form.distances(random)
    value = song_form.repetition(random, distance)
    assert value < 0.3
    width, stripes = 16, len(distance) - 15
    nearest = [
        min(np.mean([distance[i + w, j + w] for w in range(width)]) for j in range(stripes) if abs(i - j) >= width)
        for i in range(stripes)
    ]
    # By hand every stripe has a nearest; those that have none within the song are left out on both sides.
    assert value == pytest.approx(1 - np.mean(nearest), abs=1e-9)
    assert np.isnan(song_form.repetition(song(noise(6.0)), song_form.distances(song(noise(6.0)))))


def test_the_contrast_of_sections_is_the_intraclass_correlation() -> None:
    """Witness: for two groups of equal size ICC(1) = (F − 1) / (F + n − 1), F by scipy."""
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(0)
    level = np.repeat(rng.normal(0, 3, 12), 8) + np.repeat([0.0, 5.0], 48)  # moments of two seconds
    levels = np.tile(level[:, None], (1, BANDS))
    sections = np.repeat(["verse", "chorus"], 48)
    contrast = song_form.section_contrast(song(levels, sections))
    assert contrast is not None
    f = stats.f_oneway(level[:48:8], level[48::8]).statistic
    assert contrast["level"] == pytest.approx((f - 1) / (f + 6 - 1))
    assert contrast["spectrum"] == 0.0
    assert contrast["mean"] == pytest.approx(np.mean([contrast[name] for name in song_form.ASPECTS]))
    assert song_form.section_contrast(song(levels)) is None
    assert song_form.section_contrast(song(levels, np.full(96, "verse"))) is None
    assert song_form.section_contrast(song(levels, sections), ["verse", "bridge"]) is None


def test_sections_of_noise_have_no_contrast_on_average() -> None:
    sections = np.repeat(["verse", "chorus", "verse", "chorus"], 32)
    values = [song_form.section_contrast(song(noise(32.0, seed), sections)) or {} for seed in range(200)]
    for aspect in song_form.ASPECTS:
        mean = np.mean([each[aspect] for each in values])
        assert abs(mean) < 3 * np.std([each[aspect] for each in values]) / np.sqrt(200) + 1e-3, aspect


def test_exact_returns_are_one_and_unrelated_ones_are_none() -> None:
    sections = np.repeat(["verse", "chorus", "verse", "chorus"], 32)
    exact, unrelated = [], []
    for seed in range(12):
        parts = [noise(8.0, 10 * seed + part) + 8 * noise(0.25, 10 * seed + part) for part in range(4)]
        exact.append(song(np.concatenate([parts[0], parts[1], parts[0], parts[1]]), sections))
        unrelated.append(song(np.concatenate(parts), sections))
    np.testing.assert_allclose(song_form.returns(exact), 1.0)
    assert abs(song_form.returns(unrelated).mean()) < 0.1
    assert np.isnan(song_form.returns(exact[:1])).all()  # no other song
    assert np.isnan(song_form.returns([song(noise(8.0))] * 2)).all()  # no sections


@given(st.integers(0, 2**32 - 1), st.floats(-20, 20), st.floats(0.5, 2))
def test_level_and_scale_change_nothing_but_levels(seed: int, louder: float, scale: float) -> None:
    levels = noise(16.0, seed) * 5
    one, other = song(levels), song(levels * scale + louder)
    first, second = (song_form.distances(its) for its in (one, other))
    np.testing.assert_allclose(first, second, atol=2e-3)
    np.testing.assert_allclose(scale * song_form.level_course(one), song_form.level_course(other), atol=1e-6)
