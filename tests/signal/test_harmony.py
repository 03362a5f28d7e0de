from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import librosa
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti.compose import Note, Part, compose, render
from affetti.errors import UsageError
from affetti.signal.descriptors import (
    EXPRESSION_NAMES,
    HARMONY_NAMES,
    expression_descriptors,
    harmony_descriptors,
)
from affetti.signal.harmony import (
    PROFILES,
    chroma,
    describe_harmony,
    estimate_tuning,
    fold_octaves,
    interval_classes,
    key_correlations,
    note_magnitudes,
)

RATE = 22_050
CADENCE = {
    "major": ((60, 64, 67), (65, 69, 72), (67, 71, 74), (60, 64, 67)),
    "minor": ((60, 63, 67), (65, 68, 72), (67, 71, 74), (60, 63, 67)),
}


def played(parts: Iterable[Part], seconds: float) -> Tensor:
    song = replace(compose(0, 0), parts=tuple(parts))
    return torch.from_numpy(render(song, RATE)[: round(seconds * RATE)])


def cadence(mode: str, transposed: int = 0, program: int = 0) -> Tensor:
    notes = [
        Note(1.5 * at, 1.4, pitch + transposed, 80)
        for at, chord in enumerate(CADENCE[mode])
        for pitch in (chord[0] - 24, *chord)
    ]
    return played([Part("chords", program, False, tuple(notes))], 6.0)


def seconds_of(x: Tensor, start: float, seconds: float) -> Tensor:
    return x[round(start * RATE) : round((start + seconds) * RATE)]


@pytest.mark.parametrize("mode", ["major", "minor"])
@pytest.mark.parametrize("transposed", [0, 5, -1])
def test_a_cadence_has_its_key(mode: str, transposed: int) -> None:
    harmony = describe_harmony(cadence(mode, transposed), RATE)
    assert (harmony.key.tonic, harmony.key.mode) == (transposed % 12, mode)
    assert harmony.key.strength > 0.7
    third = 4 if mode == "major" else 3
    assert harmony.profile[third] > 2 * harmony.profile[7 - third]


def test_keys_of_composed_songs_in_all_keys_are_recognised() -> None:
    """Songs that nothing here was chosen on; a song's mode changes by section, so that it is compared by section."""
    tonics, modes = [], []
    for index in range(12):
        song = compose(4242, index, keys=12)
        sound = torch.from_numpy(render(song, RATE))
        tonics.append(describe_harmony(sound, RATE).key.tonic == song.key)
        for section in song.sections[::3]:
            part = seconds_of(sound, section.start, section.duration)
            correlations = key_correlations(chroma(part, RATE).mean(axis=1))[:, song.key]
            modes.append(bool(correlations[0] >= correlations[1]) == (section.cues.mode == "major"))
    assert np.mean(tonics) >= 0.8
    assert np.mean(modes) >= 0.9


def test_a_transposed_song_has_the_same_harmony() -> None:
    plain, higher = (harmony_descriptors(cadence("minor", by), RATE) for by in (0, 3))
    assert np.abs(plain - higher).max() < 0.1
    assert np.corrcoef(plain, higher)[0, 1] > 0.99


def test_chroma_is_that_of_librosa_at_the_notes_that_sound() -> None:
    sound = cadence("major")
    ours = fold_octaves(note_magnitudes(sound, RATE)).mean(axis=1)
    transform = np.abs(librosa.cqt(sound.numpy(), sr=RATE, hop_length=1024, tuning=0, filter_scale=2))
    theirs = librosa.feature.chroma_cqt(C=transform, bins_per_octave=12, norm=None).mean(axis=1)
    assert np.corrcoef(ours, theirs)[0, 1] > 0.98


def without_key(kind: str) -> list[Tensor]:
    rng = np.random.default_rng(0)
    white = rng.normal(size=6 * RATE)
    if kind == "silence":
        return [torch.zeros(6 * RATE), torch.zeros(1)]
    if kind == "noise":
        return [torch.tensor(0.1 * white).float(), torch.tensor(1e-3 * np.cumsum(white)).float()]
    if kind == "one note":
        return [torch.sin(2 * torch.pi * 440 * torch.arange(6 * RATE) / RATE)]
    if kind == "drums":
        songs = [compose(55, index) for index in range(10)]
        drums = [replace(song, parts=tuple(part for part in song.parts if part.is_drum)) for song in songs]
        sounds = [seconds_of(torch.from_numpy(render(song, RATE)), song.sections[3].start, 6.0) for song in drums]
        return [sound for sound in sounds if sound.any()]
    rows = [[int(pitch) for _ in range(3) for pitch in rng.permutation(12)] for _ in range(3)]
    return [
        played([Part("chords", 0, False, tuple(Note(0.17 * at, 0.3, 60 + p, 80) for at, p in enumerate(row)))], 6.0)
        for row in rows
    ]


@pytest.mark.parametrize("kind", ["silence", "noise", "one note", "drums", "twelve-tone rows"])
def test_what_has_no_key_gets_none(kind: str) -> None:
    for sound in without_key(kind):
        harmony = describe_harmony(sound, RATE)
        assert harmony.key.tonic is None
        assert harmony.key.mode is None
        assert all(key.tonic is None for key in harmony.windows)
        np.testing.assert_allclose(harmony.profile, 1 / 12)
        assert harmony.continuity == 0


def test_a_song_that_stays_in_its_key_is_continuous_and_one_that_wanders_is_not() -> None:
    stays = torch.cat([cadence("major")] * 4)
    wanders = torch.cat([cadence("major", by) for by in (0, 1, 6) for _ in range(4)])
    assert describe_harmony(stays, RATE).continuity == 1.0
    assert describe_harmony(wanders, RATE).continuity < 0.6
    assert len(describe_harmony(stays, RATE).windows) == 3


@pytest.mark.parametrize("semitones", [-0.4, -0.1, 0.0, 0.3])
def test_tuning_is_that_of_librosa(semitones: float) -> None:
    time = torch.arange(3 * RATE) / RATE
    sound = sum(torch.sin(2 * torch.pi * 440 * 2 ** ((note + semitones) / 12) * time) for note in (0, 3, 7))
    assert isinstance(sound, Tensor)
    tuning = estimate_tuning(sound, RATE)
    assert tuning.semitones == pytest.approx(semitones, abs=1e-9)
    assert tuning.concentration > 0.9
    assert librosa.estimate_tuning(y=sound.numpy(), sr=RATE) == pytest.approx(semitones, abs=0.06)


def test_an_untuned_recording_has_the_key_of_a_tuned_one() -> None:
    low = librosa.resample(cadence("minor").numpy(), orig_sr=RATE, target_sr=RATE * 2 ** (0.4 / 12))
    harmony = describe_harmony(torch.from_numpy(low), RATE)
    assert harmony.tuning.semitones == pytest.approx(-0.4)
    assert (harmony.key.tonic, harmony.key.mode) == (0, "minor")


def test_key_correlations_are_pearsons_of_rotated_profiles() -> None:
    vectors = np.random.default_rng(1).random((4, 12))
    for name, (major, minor) in PROFILES.items():
        ours = key_correlations(vectors, name)
        for tonic in range(12):
            for mode, weights in enumerate((major, minor)):
                expected = [np.corrcoef(vector, np.roll(weights, tonic))[0, 1] for vector in vectors]
                np.testing.assert_allclose(ours[:, mode, tonic], expected)
    rotated = key_correlations(np.roll(vectors, 4, axis=1))
    np.testing.assert_allclose(rotated, np.roll(key_correlations(vectors), 4, axis=2))
    assert not key_correlations(np.ones(12)).any()
    with pytest.raises(UsageError, match="no profiles 'temperley'"):
        key_correlations(vectors, "temperley")


@pytest.mark.parametrize(
    ("pitches", "expected"),
    [
        ((0, 4, 7), (0, 0, 1, 1, 1, 0)),
        ((0, 3, 6), (0, 0, 2, 0, 0, 1)),
        ((0, 4, 8), (0, 0, 0, 3, 0, 0)),
        (range(12), (12, 12, 12, 12, 12, 6)),
    ],
)
def test_interval_classes_are_fortes_interval_vectors(pitches: Iterable[int], expected: tuple[int, ...]) -> None:
    sounding: NDArray[np.float64] = np.zeros((12, 2))
    sounding[list(pitches), 0] = 1
    np.testing.assert_allclose(interval_classes(sounding), np.array(expected) / sum(expected))


def test_descriptors_are_finite_named_and_follow_what_is_played() -> None:
    for sound in (torch.zeros(RATE), torch.zeros(1), torch.ones(400), cadence("major"), torch.randn(3 * RATE)):
        harmony, expression = harmony_descriptors(sound, RATE), expression_descriptors(sound, RATE)
        assert harmony.shape == (len(HARMONY_NAMES),) == (42,)
        assert expression.shape == (len(EXPRESSION_NAMES),) == (14,)
        assert np.isfinite(harmony).all()
        assert np.isfinite(expression).all()

    def of(name: str, sound: Tensor) -> float:
        return float(expression_descriptors(sound, RATE)[EXPRESSION_NAMES.index(name)])

    assert of("loudness", 0.1 * cadence("major")) == pytest.approx(of("loudness", cadence("major")) - 20, abs=0.01)
    assert of("spectral centroid", cadence("major", 12)) > of("spectral centroid", cadence("major")) + 0.4
    notes = [Note(0.25 * at, length, 60 + at % 5, 80) for at in range(24) for length in (0.06,)]
    short = played([Part("melody", 73, False, tuple(notes))], 6.0)
    held = played([Part("melody", 73, False, tuple(replace(note, duration=0.25) for note in notes))], 6.0)
    assert of("onsets a second", short) == pytest.approx(4.0, abs=1.0)
    assert of("onsets a second", cadence("major")) < 1.5
    assert of("decay after onsets", short) > of("decay after onsets", held) + 3
