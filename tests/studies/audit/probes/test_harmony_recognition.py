"""What is recognised of the composer's harmony."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.material import present

from affetti.compose import Song, compose, render
from affetti.progress import silent
from affetti.signal.harmony import describe_harmony
from affetti.studies.audit.answer import Measurement
from affetti.studies.audit.codec.notes import HOP_SECONDS, REPRESENTATIONS
from affetti.studies.audit.counterfactuals.harmony_truth import TRIADS
from affetti.studies.audit.probes.harmony_recognition import MEASURES, best_triad, harmony_recognition, recognised

SONGS = [compose(8, index, keys=12) for index in range(4)]


@pytest.fixture(scope="module")
def by_name() -> dict[str, Measurement]:
    return {each.name: each for each in harmony_recognition(SONGS, silent)}


def as_notes(song: Song) -> np.ndarray:
    """The notes of a score, as magnitudes: what a perfect representation would show."""
    frames = round(song.duration / HOP_SECONDS)
    shown = np.zeros((84, frames))
    for part in song.parts:
        for note in part.notes if not part.is_drum else ():
            first = round(note.start / HOP_SECONDS)
            shown[note.pitch - 24, first : first + max(1, round(note.duration / HOP_SECONDS))] += note.velocity
    return shown


def test_the_true_notes_are_recognised_best_of_all(by_name: dict[str, Measurement]) -> None:
    """The witness: the score itself, put where a representation's magnitudes go."""
    best = [recognised(song, as_notes(song)) for song in SONGS]
    assert np.nanmean([each["chord"] for each in best]) > 95
    assert np.mean([each["chroma"] for each in best]) > 0.98
    assert np.mean([each["mode"] for each in best]) > 90
    for measure in ("chord", "chroma"):
        assert np.nanmean([each[measure] for each in best]) >= present(by_name[f"{measure}_cqt"].value)


def test_every_measure_of_every_representation_is_there(by_name: dict[str, Measurement]) -> None:
    assert set(by_name) == {f"{measure}_{name}" for measure in MEASURES for name in REPRESENTATIONS}
    assert all(each.value is not None for each in by_name.values())


def test_coarser_representations_show_less(by_name: dict[str, Measurement]) -> None:
    for measure in ("chord", "chroma"):
        cqt, fine, coarse, coarser, latent = (
            present(by_name[f"{measure}_{name}"].value) for name in ("cqt", "stft", "mel_128", "mel_64", "latent")
        )
        assert min(cqt, fine) > coarse > coarser > latent, measure
    assert present(by_name["chord_cqt"].value) > 85
    assert present(by_name["mode_cqt"].value) > 85


def test_the_tonic_is_that_of_the_features(by_name: dict[str, Measurement]) -> None:
    sounds = [torch.from_numpy(render(song, 22_050)) for song in SONGS]
    right = [describe_harmony(x, 22_050).key.tonic == song.key for x, song in zip(sounds, SONGS, strict=True)]
    assert by_name["tonic_cqt"].value == pytest.approx(100 * np.mean(right))


def test_a_triad_is_the_best_for_itself() -> None:
    assert [best_triad(triad) for triad in TRIADS] == list(range(24))


def test_silence_counts_as_wrong_and_one_song_has_no_latents() -> None:
    nothing = recognised(SONGS[0], np.zeros((84, 1_000)))
    assert nothing["tonic"] == 0
    assert np.isnan(nothing["chroma"])
    one = {each.name: each for each in harmony_recognition(SONGS[:1], silent)}
    assert one["tonic_patches"].value is None
    assert "needs more composed songs" in one["tonic_patches"].note
    assert one["chord_cqt"].value is not None
