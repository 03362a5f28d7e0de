"""What harmony adds to a regressor of emotion."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.material import present
from tests.studies.audit.sounding import RATE, SIZE, chord, hurried, sounding, struck

from affetti.progress import silent
from affetti.signal.descriptors import HARMONY_NAMES, harmony_descriptors
from affetti.signal.harmony import describe_harmony
from affetti.studies.audit.answer import NotMeasurableError
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.probes import harmony_gain

SONGS, EACH = 50, 3
SONG = np.repeat([f"song{i:02d}" for i in range(SONGS)], EACH)


def by_song(rng: np.random.Generator, dims: int) -> np.ndarray:
    return np.repeat(rng.standard_normal((SONGS, dims)), EACH, axis=0)


def table(labels: np.ndarray, mel: np.ndarray, harmony: np.ndarray) -> dict[str, float]:
    measured = harmony_gain.nested_models(mel, harmony, labels, SONG)
    return {each.name: present(each.value) for each in measured}


def test_a_planted_gain_is_measured_and_none_where_nothing_is_planted() -> None:
    """Valence is half the log-mel's, half harmony's and of known R²; arousal is the log-mel's alone."""
    rng = np.random.default_rng(0)
    mel, harmony = by_song(rng, 12) + rng.standard_normal((SONGS * EACH, 12)), by_song(rng, 8)
    valence = mel[:, 0] / np.sqrt(2) + harmony[:, 0] + 0.3 * rng.standard_normal(SONGS * EACH)
    arousal = mel[:, 1] + 0.3 * rng.standard_normal(SONGS * EACH)
    with hurried():
        result = table(np.column_stack([valence, arousal]), mel, harmony)
    assert result["harmony_adds_valence"] == pytest.approx(100 / 2.09, abs=10)
    assert result["mel_explains_valence"] == pytest.approx(100 / 2.09, abs=15)
    assert abs(result["harmony_adds_arousal"]) < 2
    assert result["mel_explains_arousal"] > 85


def test_harmony_that_was_of_no_use_adds_exactly_nothing_and_says_so() -> None:
    rng = np.random.default_rng(1)
    mel, harmony = by_song(rng, 6), by_song(rng, 5)
    labels = mel[:, :2] + 0.01 * rng.standard_normal((SONGS * EACH, 2))
    with hurried():
        added = next(it for it in harmony_gain.nested_models(mel, harmony, labels, SONG) if it.name.startswith("harm"))
    assert present(added.value) == pytest.approx(0, abs=0.5)
    assert "left it out" in added.note or "folds only" in added.note


def test_labels_that_do_not_differ_are_not_measurable() -> None:
    measured = harmony_gain.nested_models(np.ones((6, 2)), np.ones((6, 3)), np.zeros((6, 2)), np.arange(6).astype(str))
    assert {each.value for each in measured} == {None}
    assert all("needs songs with labels that differ" in each.note for each in measured)


def test_valence_that_is_the_mode_is_explained_by_chroma_of_the_constant_q_transform(tmp_path) -> None:
    """Major or minor triads in any key: what is planted is relative to the tonic alone."""
    minor = np.arange(40) % 2
    waves = [chord((60, 63, 67) if odd else (60, 64, 67), number) for number, odd in enumerate(minor)]
    rng = np.random.default_rng(0)
    corpus = sounding(
        tmp_path / "c", waves, valence=0.5 - minor + 0.05 * rng.normal(size=40), arousal=rng.uniform(-1, 1, 40)
    )
    context = AuditContext(corpus, tmp_path / "audit")
    with hurried():
        by_name = {it.name: it for it in harmony_gain.harmony_gain(context, np.arange(40), silent)}
    assert present(by_name["harmony_adds_valence"].value) > 20
    assert present(by_name["harmony_explains_valence"].value) > 60
    assert present(by_name["chroma_explains_cqt"].value) > 40
    assert present(by_name["chroma_explains_mel_64"].value) < present(by_name["chroma_explains_cqt"].value)
    assert present(by_name["clips_with_key"].value) > 50
    features = context.harmony(np.array([3]))[0]
    np.testing.assert_array_equal(features, harmony_descriptors(context.waveform(3), RATE))
    assert HARMONY_NAMES[harmony_gain.HAS_KEY] == "has key"
    assert features[harmony_gain.HAS_KEY] == float(describe_harmony(context.waveform(3), RATE).key.tonic is not None)


def test_drums_and_silence_have_no_key_and_add_nothing(tmp_path) -> None:
    rng = np.random.default_rng(2)
    noises = [
        np.zeros(SIZE, np.float32) if i % 4 == 0 else 0.1 * rng.normal(size=SIZE).astype(np.float32) for i in range(12)
    ]
    corpus = sounding(tmp_path / "c", noises)
    with hurried():
        measured = harmony_gain.harmony_gain(AuditContext(corpus, tmp_path / "audit"), np.arange(12), silent)
    by_name = {it.name: it for it in measured}
    assert by_name["clips_with_key"].value == 0
    for each in measured:
        assert each.value is None or np.isfinite(each.value)


def test_without_sound_it_says_what_it_needs(tmp_path) -> None:
    corpus = sounding(tmp_path / "c", [struck(i) for i in range(6)])
    for file in (corpus.path / "audio").iterdir():
        file.unlink()
    with pytest.raises(NotMeasurableError, match="--keep-audio"):
        harmony_gain.harmony_gain(AuditContext(corpus, tmp_path / "audit"), np.arange(6), silent)
    missing = harmony_gain.missing_measurements("sound")
    assert {"harmony_adds_valence", "harmony_adds_arousal", "chroma_explains_cqt"} <= {it.name for it in missing}


def test_one_representation_or_all_have_24_numbers_of_pitch_classes(tmp_path) -> None:
    corpus = sounding(tmp_path / "c", [chord((60, 64, 67), 1)] * 2)
    numbers = harmony_gain.chroma_numbers(AuditContext(corpus, tmp_path / "audit"), np.arange(2), silent)
    assert set(numbers) == set(harmony_gain.PROBED)
    for shown in numbers.values():
        assert shown.shape == (2, 24)
        np.testing.assert_allclose(shown.reshape(2, 2, 12).sum(axis=2), 1.0)
    whole = torch.from_numpy(np.stack([chord((60, 64, 67), 1)] * 2))
    assert whole.shape == (2, SIZE)
