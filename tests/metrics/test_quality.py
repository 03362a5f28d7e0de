from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from cheats import CHEATS, backwards, blocks, flipped, held, looped, registers, shuffled, spliced, steps
from tests.material import present

from affetti.errors import InputError
from affetti.metrics import clip_features, published_quality, quality_score
from affetti.metrics.mel_features import PARTS as STUDY_PARTS
from affetti.metrics.published import WEIGHTS as STUDY_WEIGHTS
from affetti.metrics.published import tier_of
from affetti.metrics.quality_features import PARTS, SHARES, VARIETY, WEIGHTS


def synthetic(rng, n, bands=16, frames=48):
    """Decaying notes on a sloping spectrum: enough structure for the mathematics."""
    level = -30 - np.linspace(0, 20, bands)[:, None] + 4 * rng.normal(size=(n, 1, 1))
    strike = rng.random((n, bands, frames)) < 0.08
    notes = np.zeros((n, bands, frames))
    for t in range(frames):
        before = notes[:, :, t - 1] * 0.85 if t else 0.0
        notes[:, :, t] = np.where(strike[:, :, t], 25.0, before)
    return (level + notes + rng.normal(size=notes.shape)).astype(np.float32)


@pytest.fixture
def rng():
    return np.random.default_rng(12)


@pytest.fixture(scope="module")
def halves(request):
    scores = request.getfixturevalue("scores")
    order = np.random.default_rng(0).permutation(len(scores.mels))
    half = len(order) // 2
    return scores.mels[order[:half]], scores.mels[order[half:]]


# --- on real music ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n", [52, 110])
def test_held_out_real_music_is_excellent(scores, n, seed):
    order = np.random.default_rng(seed).permutation(len(scores.mels))
    result = quality_score(scores.mels[order[:n]], scores.mels[order[n : 2 * n]], seed=seed)
    assert result.score >= 90
    assert result.tier.endswith("Excellent")
    assert result.ci[0] <= result.score <= result.ci[1]


def test_few_songs_get_the_benefit_of_the_doubt(scores):
    orders = [np.random.default_rng(seed).permutation(len(scores.mels)) for seed in range(12)]
    result = [quality_score(scores.mels[order[:16]], scores.mels[order[16:32]]).score for order in orders]
    assert sum(score >= 95 for score in result) >= 9


@pytest.mark.parametrize("n", [30, 110])
@pytest.mark.parametrize("cheat", CHEATS, ids=lambda c: c.__name__)
def test_cheats_are_poor(halves, cheat, n):
    real, other = (half[:n] for half in halves)
    result = quality_score(real, cheat(other, np.random.default_rng(1)))
    assert result.tier == ("Poor" if result.ci[1] < 50 else "Poor to Good")
    assert result.ci[1] < (50 if n == 110 else 60) + 15 * (cheat is spliced)  # a single cut in six seconds


def test_the_published_formula_accepts_cheats(halves):
    real, other = halves
    for cheat in (held, shuffled, backwards):
        assert published_quality(real, cheat(other, np.random.default_rng(1))).tier == "Excellent"


@pytest.mark.parametrize(
    ("cheat", "part"),
    [
        (shuffled, "smoothness"),
        (backwards, "smoothness"),
        (flipped, "frequency"),
        (blocks, "transitions"),
        (looped, "form"),
        (registers, "coherence"),
        (steps, "steps"),
    ],
)
def test_each_cheat_breaks_its_own_part_and_leaves_range_alone(halves, cheat, part):
    real, other = halves
    result = quality_score(real, cheat(other, np.random.default_rng(1)))
    assert result.components[part].score < 25
    assert result.components["range"].score > 90


def test_the_score_falls_as_noise_rises(halves):
    real, other = halves
    noise = np.random.default_rng(5).normal(size=other.shape).astype(np.float32)
    scores = [quality_score(real, other + level * noise).score for level in (0, 6, 12, 24)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 90 > 20 > scores[-1]


@pytest.mark.parametrize("change", [lambda x, rng: x + rng.normal(size=x.shape), lambda x, _: x + 3])
def test_slight_changes_do_no_harm(halves, change):
    real, other = halves
    changed = np.asarray(change(other, np.random.default_rng(2)), np.float32)
    changed = np.maximum(changed, changed.max(axis=(1, 2), keepdims=True) - 80)  # as the front-end leaves it
    assert quality_score(real, changed).score >= 85


def test_copies_are_named_when_the_training_set_is_given(halves):
    real, other = halves
    copied = quality_score(real, other[:80], train=other[:80])
    assert copied.score > 90
    assert present(copied.memorisation).copying is True
    assert present(quality_score(real, other[:40], train=other[40:]).memorisation).copying is False


def test_recordings_are_distinguished_from_rendered_piano(scores, recordings):
    result = quality_score(scores.mels, recordings.mels, groups=scores.songs, fake_groups=recordings.songs)
    assert result.n == len(set(recordings.songs)) // 2
    assert result.score < 50


def test_the_fewer_kinds_of_clips_the_lower_the_score(halves):
    real, other = (half[:104] for half in halves)
    rng = np.random.default_rng(3)
    scores = [quality_score(real, other[rng.integers(kinds, size=104)]).score for kinds in (1, 8, 26, 52)]
    assert scores == sorted(scores)
    assert scores[1] < 35
    assert scores[2] < 50
    eight = quality_score(real, other[rng.integers(8, size=104)]).components
    assert eight[VARIETY].score < 5
    assert min(eight[part].score for part in ("frechet", "moments", "smoothness", "frequency")) > 60


# --- on synthetic arrays ---------------------------------------------------------------------------------------------


def test_the_same_distribution_scores_high_and_another_low(rng):
    real = synthetic(rng, 60)
    assert quality_score(real, synthetic(rng, 60)).score > 90
    assert quality_score(real, synthetic(rng, 60)[:, :, ::-1]).score < 50


def test_the_same_set_scores_a_hundred_in_every_part(rng):
    real = synthetic(rng, 40)
    result = quality_score(real, real[::-1])
    assert result.score == 100.0
    assert all(part.score == 100.0 for part in result.components.values())


def test_the_total_is_the_weighted_harmonic_mean_of_the_parts(rng):
    result = quality_score(synthetic(rng, 40), held(synthetic(rng, 40), rng))
    assert result.score == pytest.approx(1 / sum(WEIGHTS[p] / result.components[p].score for p in PARTS))


def test_the_parts_that_stand_for_one_of_the_study_share_its_weight():
    assert {part: sum(shares.values()) for part, shares in SHARES.items()} == pytest.approx(STUDY_WEIGHTS)
    assert set(STUDY_PARTS) <= set(PARTS)
    assert sum(WEIGHTS.values()) == pytest.approx(1)


def test_the_sensitivity_spans_what_other_weights_would_have_said(rng):
    result = quality_score(synthetic(rng, 40), backwards(synthetic(rng, 40), rng))
    parts = [component.score for component in result.components.values()]
    low, high = result.sensitivity
    assert min(parts) <= low < result.score < high <= max(parts)
    assert result.to_dict()["sensitivity"] == [low, high]
    perfect = quality_score(synthetic(rng, 40), synthetic(rng, 40))
    assert perfect.sensitivity[1] - perfect.sensitivity[0] < 20


def test_order_does_not_matter_and_the_seed_does(rng):
    real, fake = synthetic(rng, 40), synthetic(rng, 30)[:, :, ::-1]
    songs = np.arange(40) // 2
    order = rng.permutation(40)
    a = quality_score(real, fake, groups=songs, seed=2)
    b = quality_score(real[order], fake[::-1], groups=songs[order], seed=2)
    assert b.score == pytest.approx(a.score)
    assert b.ci == pytest.approx(a.ci)
    assert quality_score(real, fake, groups=songs, seed=3).ci != a.ci


def test_clips_of_a_song_do_not_count_as_songs(rng):
    real, fake = synthetic(rng, 12), synthetic(rng, 40)
    songs = np.repeat(np.arange(12), 5)
    assert quality_score(np.repeat(real, 5, axis=0), fake, groups=songs).n == 6


def test_half_precision_memory_maps_and_batches_give_the_same(rng, tmp_path, monkeypatch):
    real, fake = synthetic(rng, 20).astype(np.float16), synthetic(rng, 20).astype(np.float16)
    whole = quality_score(real, fake)
    np.save(tmp_path / "fake.npy", fake)
    monkeypatch.setattr("affetti.metrics.mel_features.BATCH_VALUES", 3 * 16 * 48)
    mapped = quality_score(real, np.load(tmp_path / "fake.npy", mmap_mode="r"))
    assert mapped.score == pytest.approx(whole.score, rel=1e-6)
    assert mapped.published.score == pytest.approx(whole.published.score, rel=1e-6)


@pytest.mark.parametrize("shape", [(8, 16), (9, 17), (128, 31), (64, 128)])
def test_any_size_of_clip_gives_finite_features(rng, shape):
    features = clip_features(synthetic(rng, 4, *shape))
    assert tuple(features) == tuple(part for part in PARTS if part != VARIETY)
    for part in features.values():
        assert part.shape[0] == 4
        assert np.isfinite(part).all()


def test_silence_and_constants_do_not_break_it(rng):
    real = synthetic(rng, 20)
    result = quality_score(real, np.full_like(real, -80.0))
    assert 0 < result.score < 5
    assert np.isfinite(result.published.score)


def test_a_part_that_is_the_same_in_all_real_clips_gives_all_points_or_none(rng):
    real, alike = (np.clip(rng.normal(0.5, 0.1, (64, 32, 64)), -0.2, 1.2) for _ in range(2))
    songs = np.repeat(np.arange(32), 2)
    same = quality_score(real, alike, groups=songs)
    assert same.components["steps"].score == 100
    assert 0 < same.score <= 100
    other = quality_score(real, rng.normal(-30, 10, real.shape), groups=songs)
    assert other.components["steps"].score == 0
    assert other.score == 0
    assert other.ci == (0, 0)


def test_json_is_what_the_contract_says(rng):
    document = json.loads(json.dumps(quality_score(synthetic(rng, 16), synthetic(rng, 16)).to_dict()))
    assert list(document) == ["score", "ci", "sensitivity", "tier", "components", "published"]
    assert list(document["components"]) == list(PARTS)
    assert all(set(part) == {"value", "score", "floor", "bad"} for part in document["components"].values())
    assert set(document["published"]["components"]) == set(STUDY_PARTS)


def test_the_published_formula_is_followed_exactly(rng):
    real, fake = synthetic(rng, 30).astype(np.float64), synthetic(rng, 25).astype(np.float64) * 1.1 + 2
    r, f = ((x - real.mean()) / real.std() for x in (real, fake))
    p, q = r.mean(axis=2), f.mean(axis=2)
    # Witness of the trace term: eigenvalues of the product.
    root = np.sqrt(np.maximum(np.linalg.eigvals(np.cov(p.T) @ np.cov(q.T)).real, 0)).sum()
    fd = ((p.mean(0) - q.mean(0)) ** 2).sum() + np.trace(np.cov(p.T)) + np.trace(np.cov(q.T)) - 2 * root
    c = [np.corrcoef(x[:, :, :-1].ravel(), x[:, :, 1:].ravel())[0, 1] for x in (r, f)]
    expected = {
        "frechet": 100 - fd,
        "moments": 100 * (1 - (abs(f.mean()) + abs(1 - f.std())) / 2),
        "smoothness": 100 * abs(c[1] / c[0]),
        "frequency": 100 * np.corrcoef(p.mean(0), q.mean(0))[0, 1],
        "range": 100 * (1 - abs(np.ptp(r) - np.ptp(f)) / np.ptp(r)),
    }
    result = published_quality(real, fake)
    assert result.components == pytest.approx(expected, abs=1e-4)
    assert result.score == pytest.approx(np.dot((0.3, 0.2, 0.2, 0.15, 0.15), list(expected.values())), abs=1e-4)
    assert published_quality(real, real[::-1]).score == pytest.approx(100)


def test_a_tier_is_that_of_the_whole_interval(scores):
    result = quality_score(scores.mels[:60], scores.mels[60:120])
    for ci, tier in (((10.0, 49.0), "Poor"), ((10.0, 60.0), "Poor to Good"), ((4.6, 100.0), "Poor to Excellent")):
        assert replace(result, ci=ci).tier == tier


def test_tiers():
    assert [tier_of(score) for score in (0, 49.9, 50, 69.9, 70, 100)] == ["Poor"] * 2 + ["Good"] * 2 + ["Excellent"] * 2


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda x: x[:7], "7 songs are too few"),
        (lambda x: x[0], r"not \[N, M, F\]"),
        (lambda x: x[:, :4], "4 bands"),
        (lambda x: x[:, :, :20], "against"),
        (lambda x: np.where(np.arange(20)[:, None, None] == 5, np.nan, x), "fake, clip 5"),
    ],
)
def test_input_that_cannot_be_scored_is_refused(rng, spoil, says):
    real = synthetic(rng, 20)
    with pytest.raises(InputError, match=says):
        quality_score(real, spoil(synthetic(rng, 20)))
