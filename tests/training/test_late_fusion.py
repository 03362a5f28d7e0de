from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from affetti.models.regressors.late_fusion import LateFusion
from affetti.results import Estimate
from affetti.training.late_fusion import PRIOR_SONGS, Pairs, estimate_gain, fit_late_fusion, fuse, sound_features

Floats = NDArray[np.float64]
N_SONGS, N_CLIPS = 120, 4


def world(effect: float, seed: int) -> tuple[Pairs, Floats, Floats, list[NDArray[np.intp]]]:
    """Words of songs in 12 numbers, labels of which they are a part; features of the music and a regressor of it."""
    rng = np.random.default_rng(seed)
    words = np.repeat(rng.normal(size=(N_SONGS, 12)), N_CLIPS, axis=0)
    direction = rng.normal(size=(12, 2)) / np.sqrt(12)
    features = rng.normal(size=(len(words), 20))
    music = 0.3 * features @ rng.normal(size=(20, 2)) / np.sqrt(20)
    labels = np.clip(music + effect * words @ direction + rng.normal(size=(len(words), 2)) * 0.1, -1, 1)
    sound = 0.8 * music + rng.normal(size=(len(words), 2)) * 0.05
    number = np.repeat(np.arange(N_SONGS), N_CLIPS)
    parts = [np.flatnonzero((number >= low) & (number < high)) for low, high in ((0, 84), (84, 94), (94, 120))]
    songs = np.array([f"s{it:03d}" for it in number])
    return Pairs(words, labels, songs), features, sound, parts


def gain(effect: float, seed: int) -> float:
    """Share of the squared error of sound on test songs that words take away."""
    pairs, features, sound, (train, held_out, test) = world(effect, seed)
    fusion, _ = fit_late_fusion(pairs[train], features[train], pairs[held_out], sound[held_out])
    fused = fuse(fusion, sound[test], pairs.inputs[test])
    errors = [np.square(prediction - pairs.labels[test]).mean() for prediction in (sound[test], fused)]
    return float(1 - errors[1] / errors[0])


def test_what_words_add_is_found() -> None:
    assert min(gain(0.3, seed) for seed in range(6)) > 0.5


def test_words_without_effect_change_nothing_much() -> None:
    gains = [gain(0.0, seed) for seed in range(12)]
    assert -0.02 < np.mean(gains) < 0.002
    assert gains.count(0.0) < 12


def test_the_weights_are_those_of_the_planted_effect() -> None:
    pairs, features, sound, (train, held_out, _) = world(0.3, 1)
    fusion, left_out = fit_late_fusion(pairs[train], features[train], pairs[held_out], sound[held_out])
    rng = np.random.default_rng(1)
    rng.normal(size=(N_SONGS, 12))
    planted = 0.3 * rng.normal(size=(12, 2)) / np.sqrt(12)
    learnt = (fusion.weight * fusion.gain / fusion.scale[:, None]).double().numpy()
    assert learnt == pytest.approx(planted, abs=0.03)
    assert not np.allclose(left_out, fuse(fusion, sound[held_out], pairs.inputs[held_out]))


def test_the_weight_is_shrunk_towards_one_by_the_weight_of_some_songs() -> None:
    pairs, features, sound, (train, held_out, _) = world(0.3, 1)
    fusion, _ = fit_late_fusion(pairs[train], features[train], pairs[held_out], sound[held_out])
    with torch.inference_mode():
        t = fusion.added(torch.from_numpy(pairs.inputs).float()).double().numpy()
    prior = PRIOR_SONGS * N_CLIPS * np.square(t[train]).mean(axis=0)
    e = pairs.labels[held_out] - sound[held_out]
    expected = ((t[held_out] * e).sum(axis=0) + prior) / (np.square(t[held_out]).sum(axis=0) + prior)
    assert fusion.gain.tolist() == pytest.approx(expected.tolist(), rel=1e-4)
    nothing = np.array([], dtype=np.intp)
    alone, empty = fit_late_fusion(pairs[train], features[train], pairs[nothing], sound[nothing])
    assert alone.gain.tolist() == [1.0, 1.0] and empty.shape == (0, 2)
    against, _ = fit_late_fusion(
        pairs[train], features[train], pairs[held_out], 5 * t[held_out] + pairs.labels[held_out]
    )
    assert against.gain.tolist() == [0.0, 0.0], "a weight below 0 would contradict what was learnt"


def test_a_clip_of_which_nothing_is_known_keeps_the_prediction_from_sound() -> None:
    pairs, features, sound, (train, held_out, test) = world(0.3, 2)
    pairs.inputs[::3] = np.nan
    fusion, left_out = fit_late_fusion(pairs[train], features[train], pairs[held_out], sound[held_out])
    fused = fuse(fusion, sound[test], pairs.inputs[test])
    known = pairs.known[test]
    assert fused[~known] == pytest.approx(sound[test][~known], abs=1e-6)
    assert not np.allclose(fused[known], sound[test][known], atol=1e-3)
    known = pairs.known[held_out]
    assert left_out[~known] == pytest.approx(sound[held_out][~known])


def test_predictions_stay_on_the_plane() -> None:
    fusion = LateFusion(1)
    fusion.gain.fill_(10.0)
    fusion.weight.fill_(1.0)
    assert fusion(torch.zeros(1, 2), torch.ones(1, 1)).tolist() == [[1.0, 1.0]]


def test_a_constant_input_adds_nothing() -> None:
    pairs, features, sound, (train, held_out, test) = world(0.3, 3)
    pairs.inputs[:] = 1.0
    fusion, _ = fit_late_fusion(pairs[train], features[train], pairs[held_out], sound[held_out])
    assert fuse(fusion, sound[test], pairs.inputs[test]) == pytest.approx(sound[test], abs=1e-6)


def test_the_sound_of_a_clip_is_its_vector_or_its_statistics() -> None:
    vectors = np.random.default_rng(0).normal(size=(6, 5))
    rows = np.array([4, 1])
    assert sound_features(vectors, rows).tolist() == vectors[rows].tolist()
    assert sound_features(np.random.default_rng(0).normal(-40, 5, (6, 16, 20)), rows).shape == (2, 3 * 16 + 48)


def test_columns_of_one_input_share_their_scale() -> None:
    pairs, features, sound, (train, held_out, _) = world(0.3, 4)
    pairs.inputs[:, 0] *= 10
    blocks = (slice(0, 6), slice(6, 12))
    fusion, _ = fit_late_fusion(pairs[train], features[train], pairs[held_out], sound[held_out], blocks)
    spreads = np.square(pairs.inputs[train].std(axis=0))
    expected = [np.sqrt(spreads[block].mean()) for block in blocks for _ in range(6)]
    assert fusion.scale.tolist() == pytest.approx(expected, rel=1e-5)


def test_the_interval_of_a_gain_is_students_widened_for_the_songs_of_the_fit() -> None:
    n, m = 16, 64
    rng = np.random.default_rng(0)
    target, sound = rng.normal(size=(2, n))
    fused = sound + 0.3 * rng.normal(size=n)
    songs = np.array([f"s{it:02d}" for it in range(n)])

    def nearness(prediction: ArrayLike, labels: ArrayLike) -> float:
        return -float(np.square(np.asarray(prediction) - np.asarray(labels)).mean())

    less = np.square(sound - target) - np.square(fused - target)
    expected = stats.t.interval(0.95, n - 1, less.mean(), stats.sem(less))
    gains = [estimate_gain(nearness, fused, sound, target, songs, m, seed) for seed in range(20)]
    ends = np.mean([gain.ci for gain in gains if gain is not None], axis=0)
    assert np.ptp(ends) == pytest.approx(np.ptp(expected) * np.sqrt(1 + n / m), rel=0.05)
    assert all(gain is not None and gain.value == pytest.approx(less.mean()) for gain in gains)
    assert estimate_gain(nearness, sound, sound, target, songs, m, 0) == Estimate(0.0, (0.0, 0.0))
    assert estimate_gain(nearness, fused[:1], sound[:1], target[:1], songs[:1], m, 0) is None
