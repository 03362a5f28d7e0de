"""Each part of the Quality Score beside the study's: a closed form or a slow witness, and what must not change it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from affetti.metrics import clip_features
from affetti.metrics.coherence_features import coherence_features
from affetti.metrics.form_features import _distance_by_lag, form_features
from affetti.metrics.harmony_features import _fine_structure, harmony_features
from affetti.metrics.quality_features import MORE
from affetti.metrics.rhythm_features import _autocorrelation, rhythm_features
from affetti.metrics.step_features import step_features
from affetti.metrics.transition_features import _window_means, transition_features

Batch = NDArray[np.float32]


def notes(seed: int, clips: int = 6, bands: int = 32, frames: int = 128) -> Batch:
    """Struck notes that die away, each in a few bands at once, on a quiet ground."""
    rng = np.random.default_rng(seed)
    power = np.full((clips, bands, frames), 1e-7) * np.exp(0.5 * rng.normal(size=(clips, bands, frames)))
    for clip in power:
        for onset in np.sort(rng.choice(frames, 16, replace=False)):
            low = rng.integers(2, bands // 3)
            for partial in (1, 2, 3):
                level = 10 ** rng.uniform(-3, -1) / partial
                clip[min(low * partial, bands - 1), onset:] += level * 0.85 ** np.arange(frames - onset)
    return (10 * np.log10(power)).astype(np.float32)


@pytest.fixture
def x() -> Batch:
    return notes(0)


@pytest.mark.parametrize("measure", MORE.values(), ids=list(MORE))
def test_a_clip_has_the_same_features_alone_and_among_others(measure: Callable[[Batch], Batch], x: Batch) -> None:
    alone = np.concatenate([measure(x[i : i + 1]) for i in range(len(x))])
    np.testing.assert_allclose(measure(x), alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("part", ["form", "coherence", "transitions", "rhythm", "harmony", "steps"])
def test_a_louder_clip_has_the_same_form(part: str, x: Batch) -> None:
    np.testing.assert_allclose(MORE[part](x + 12), MORE[part](x), rtol=1e-3, atol=2e-3)


def test_distance_by_lag_is_that_of_the_definition(x: Batch) -> None:
    level = x[:, :16].astype(np.float64)
    level -= level.mean(axis=2, keepdims=True)
    found = _distance_by_lag(level)
    twice = 2 * (level**2).mean(axis=(1, 2)) + 0.1
    for lag in (1, 7, 60):
        expected = ((level[:, :, lag:] - level[:, :, :-lag]) ** 2).mean(axis=(1, 2)) / twice
        np.testing.assert_allclose(found[:, lag - 1], expected, rtol=1e-6)


def test_a_loop_returns_to_where_it_was(x: Batch) -> None:
    looped = x[:, :, np.arange(128) % 40]
    closest = slice(1, 12, 2)
    assert (form_features(looped)[:, closest].min(axis=1) < form_features(x)[:, closest].min(axis=1) - 1).all()


def test_halves_of_two_songs_differ_more_than_those_of_one() -> None:
    """The likeness of halves is the fourth feature from the end."""
    rng = np.random.default_rng(3)
    x = notes(1) + 10 * rng.normal(size=(6, 32, 1)).astype(np.float32)
    spliced = np.concatenate([x[:, :, :64], np.roll(x, 1, axis=0)[:, :, 64:]], axis=2)
    assert (form_features(spliced)[:, -4] < form_features(x)[:, -4]).all()


def test_window_means_are_means_of_windows(x: Batch) -> None:
    windows = np.lib.stride_tricks.sliding_window_view(x, 8, axis=2).mean(axis=-1)
    np.testing.assert_allclose(_window_means(x, 8), windows, rtol=1e-4, atol=1e-3)


def test_a_note_replaces_nothing_and_a_cut_does() -> None:
    rise = np.full((1, 16, 64), -40.0, np.float32)
    rise[:, :8, 32:] += 30
    swap = rise.copy()
    swap[:, 8:, :32] += 30
    note, cut = transition_features(rise), transition_features(swap)
    assert note[0, 0] == pytest.approx(np.log(0.1))  # nothing falls
    assert cut[0, 0] == pytest.approx(np.log(np.sqrt(0.5 * 30**2) + 0.1), rel=1e-5)  # half of the bands fall by 30 dB
    assert note[0, 2] > 0.4
    assert cut[0, 2] == pytest.approx(0, abs=1e-6)


def test_a_clip_played_backwards_falls_where_it_rose(x: Batch) -> None:
    there, back = transition_features(x), transition_features(x[:, :, ::-1])
    np.testing.assert_allclose(back[:, :2], there[:, :2], rtol=1e-5)  # the smaller of both stays
    np.testing.assert_allclose(back[:, 2], -there[:, 2], atol=1e-5)


def test_autocorrelation_is_that_of_the_definition() -> None:
    curve = np.random.default_rng(0).normal(size=(2, 3, 50))
    curve -= curve.mean(axis=2, keepdims=True)
    found = _autocorrelation(curve)
    square = (curve**2).sum(axis=2) + 0.1
    for lag in (0, 1, 20):
        expected = (curve[:, :, lag:] * curve[:, :, : 50 - lag]).sum(axis=2) / square / (1 - lag / 50)
        np.testing.assert_allclose(found[:, :, lag], expected, rtol=1e-9)


def test_even_beats_recur_and_uneven_ones_do_not() -> None:
    rng = np.random.default_rng(0)
    even, uneven = (np.full((8, 16, 128), -60.0, np.float32) for _ in range(2))
    even[:, :, ::16] = -20
    for clip in uneven:
        clip[:, rng.choice(128, 8, replace=False)] = -20
    recurs = 14  # the largest autocorrelation
    assert rhythm_features(even)[:, recurs].min() > rhythm_features(uneven)[:, recurs].max()


def test_fine_structure_is_what_a_moving_mean_over_bands_leaves() -> None:
    x = np.random.default_rng(0).normal(size=(2, 64, 5)).astype(np.float32)
    padded = np.pad(x, ((0, 0), (3, 3), (0, 0)), mode="edge")
    mean = np.lib.stride_tricks.sliding_window_view(padded, 7, axis=1).mean(axis=-1)
    np.testing.assert_allclose(_fine_structure(x), x - mean, atol=1e-5)


def test_one_chord_is_one_harmony_and_many_are_more() -> None:
    rng = np.random.default_rng(0)
    chords = 20 * (rng.random((4, 64, 8)) < 0.15)
    one = np.repeat(chords[:, :, :1], 128, axis=2).astype(np.float32)
    many = np.repeat(chords, 16, axis=2).astype(np.float32)
    entropy = 10  # five octaves of lags with two features each come first
    np.testing.assert_allclose(harmony_features(one)[:, entropy], 0, atol=0.02)
    assert (harmony_features(many)[:, entropy] > 0.5).all()
    np.testing.assert_allclose(harmony_features(one)[:, 0], 1, atol=0.02)


def test_bands_of_two_songs_do_not_move_together() -> None:
    x = notes(2, clips=12)
    strikes = np.random.default_rng(5).random((12, 1, 128)) < 0.1
    together = (x + 20 * strikes).astype(np.float32)
    mixed = np.concatenate([together[:, :16], np.roll(together, 1, axis=0)[:, 16:]], axis=1)
    middle = -7  # the cut between the lower and the upper half: 4th of 7, each with two features
    real, fake = coherence_features(together)[:, middle - 1], coherence_features(mixed)[:, middle - 1]
    assert np.median(real) > np.median(fake) + 0.3


@pytest.mark.parametrize(("step", "column"), [(1.0, 0), (3.0, 1), (2.5, 1), (6.0, 2)])
def test_a_grid_of_levels_is_seen_whatever_its_step(step: float, column: int, x: Batch) -> None:
    grid = np.round((x + 0.3) / step) * step - 0.3
    assert step_features(grid)[:, column].min() == pytest.approx(0.1 * np.log(1.1), abs=0.02)
    assert step_features(x)[:, column].max() < -0.08


def test_noise_of_a_decibel_is_no_grid(x: Batch) -> None:
    noisy = x + np.random.default_rng(0).normal(size=x.shape).astype(np.float32)
    assert np.abs(step_features(noisy).mean(axis=0) - step_features(x).mean(axis=0)).max() < 0.1


def test_held_frames_are_equal_neighbours(x: Batch) -> None:
    held = np.repeat(x[:, :, ::2], 2, axis=2)
    assert (step_features(held)[:, 4] > step_features(x)[:, 4] + 0.05).all()
    rough = x + np.random.default_rng(0).normal(size=x.shape).astype(np.float32)  # notes die away in straight lines
    line = rough.copy()
    line[:, :, 1:-1:2] = (rough[:, :, :-2:2] + rough[:, :, 2::2]) / 2
    assert (step_features(line)[:, 6] > step_features(rough)[:, 6] + 0.02).all()


def test_scales_follow_the_length_of_the_clip() -> None:
    short, long = (clip_features(notes(0, frames=frames)) for frames in (128, 366))
    assert [rows.shape[1] for rows in short.values()] == [rows.shape[1] for rows in long.values()]
