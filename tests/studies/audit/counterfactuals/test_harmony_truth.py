"""The composer's harmony, from the score."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from affetti.compose import Note, Part, compose
from affetti.compose.styles import SCALES
from affetti.studies.audit.counterfactuals.harmony_truth import TRIADS, HarmonyTruth, score_chroma

SONGS = [compose(31, index, keys=12) for index in range(10)]


def test_tonic_and_modes_are_those_of_the_song() -> None:
    for song in SONGS:
        truth = HarmonyTruth.of(song)
        assert truth.tonic == song.key
        assert [each.mode for each in truth.passages] == [section.cues.mode for section in song.sections]
        assert truth.passages[-1].stop <= song.duration + 1e-6


def test_chords_lie_in_bars_of_their_section_and_mostly_in_its_scale() -> None:
    """A witness that knows nothing of bars: a chord's triad against the scale of the section's mode."""
    within, count = 0, 0
    for song in SONGS:
        for chord in HarmonyTruth.of(song).chords:
            (passage,) = [it for it in HarmonyTruth.of(song).passages if it.start <= chord.start + 1e-6 < it.stop]
            assert chord.stop <= passage.stop + 1e-6
            scale = {(song.key + step) % 12 for step in SCALES[passage.mode]}
            within += set(np.flatnonzero(TRIADS[chord.triad]).tolist()) <= scale
            count += 1
    assert count > 100
    assert within / count > 0.75


def test_a_bar_is_named_by_its_bass_and_third() -> None:
    song = SONGS[0]
    section = replace(
        song.sections[0], start=0.0, duration=4.0 * 4 / 2.0, cues=replace(song.sections[0].cues, tempo=2.0)
    )
    bass = tuple(Note(2.0 * bar, 1.9, pitch, 80) for bar, pitch in enumerate((36, 41, 43, 36)))
    chords = [(0, (60, 64, 67)), (1, (60, 65, 68)), (2, (55, 62, 67)), (3, (60, 63, 64, 67))]
    played = tuple(Note(2.0 * bar, 1.9, pitch, 80) for bar, pitches in chords for pitch in pitches)
    parts = (Part("bass", 32, False, bass), Part("chords", 0, False, played))
    truth = HarmonyTruth.of(replace(song, sections=(section,), parts=parts))
    # C major, F minor; G without a third and C with both thirds have none.
    assert [(chord.start, chord.triad) for chord in truth.chords] == [(0.0, 0), (2.0, 12 + 5)]


def test_chroma_of_the_score_counts_time_and_velocity_but_no_drums() -> None:
    drums = Part("drums", 0, True, (Note(0.0, 4.0, 38, 127),))
    melody = Part("melody", 0, False, (Note(0.5, 2.0, 61, 100), Note(3.0, 0.5, 73, 50)))
    shown = score_chroma(replace(SONGS[0], parts=(melody, drums)), 4.0, 4)
    assert shown.shape == (12, 4)
    np.testing.assert_allclose(shown[1], [50, 100, 50, 25])
    assert shown.sum() == shown[1].sum()


def test_triads_are_three_pitch_classes_each() -> None:
    assert TRIADS.shape == (24, 12)
    assert (TRIADS.sum(axis=1) == 3).all()
    assert np.flatnonzero(TRIADS[9]).tolist() == [1, 4, 9]
    assert np.flatnonzero(TRIADS[12 + 9]).tolist() == [0, 4, 9]
