from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import librosa
import numpy as np
import pytest
import torch

from affetti import compose
from affetti.errors import InputError
from affetti.presets import MEL_FRONT_ENDS
from affetti.progress import silent
from affetti.studies.audit.answer import Answer
from affetti.studies.audit.codec.resolutions import RESOLUTIONS, power_spectrograms, to_db
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.counterfactuals.instrument_spectra import PAIRS, SIGNALS, InstrumentSpectra
from affetti.studies.audit.counterfactuals.instruments import (
    INSTRUMENTS,
    PROGRAMS,
    c_major_scale,
    full_section_start,
    melody_only,
    render_with_each,
    with_lead,
)
from affetti.studies.audit.probes.emotion_regressor import EmotionRegressor
from affetti.studies.audit.questions import timbre
from affetti.studies.audit.resynthesis.similarity import spectrum_difference
from material import write_corpus

SONG = compose.compose(5, 3)
RATE = 22_050
NEEDED = {
    *("similarity_piano_guitar", "similarity_percent_piano_guitar", "difference_stft", "difference_mel"),
    *("read_alone_stft", "read_alone_mel128", "read_alone_mel64", "read_alone_mel32"),
    *("read_mix_stft", "read_mix_mel128", "read_mix_mel64", "read_mix_mel32", "read_mel_over_stft", "generated_blur"),
    *("bias_acoustic_guitar", "bias_clean_guitar", "bias_distorted_guitar", "bias_piano", "bias_synth", "bias_strings"),
}


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> tuple[Answer, AuditContext]:
    folder = tmp_path_factory.mktemp("audit")
    context = AuditContext(write_corpus(folder / "corpus"), folder, quick=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timbre, "MAX_SONGS_QUICK", 5)
        return timbre.measure(context, silent), context


def spectra(songs: int, apart: float, clips: np.ndarray | None = None, seed: int = 0) -> InstrumentSpectra:
    """Made-up songs in whose features instruments stand ``apart``."""
    rng = np.random.default_rng(seed)
    rows = songs * len(INSTRUMENTS)
    own = apart * np.tile(np.eye(len(INSTRUMENTS)), (songs, 1))
    features = {(p, r): np.hstack([own, rng.normal(size=(rows, 20))]) for p in SIGNALS for r in RESOLUTIONS}
    pairs = {name: rng.random((songs, len(PAIRS))) for name in RESOLUTIONS}
    return InstrumentSpectra(
        pairs, rng.random(songs), pairs, features, np.zeros((rows, 1)) if clips is None else clips, np.zeros((rows, 0))
    )


def test_songs_differ_in_the_program_of_the_melody_alone() -> None:
    for instrument, program in PROGRAMS.items():
        song = with_lead(SONG, instrument)
        assert replace(song, parts=SONG.parts) == SONG
        for ours, theirs in zip(song.parts, SONG.parts, strict=True):
            assert ours.notes == theirs.notes, "a note differs"
            assert ours.program == (program if theirs.name == "melody" else theirs.program)
            assert replace(ours, program=theirs.program) == theirs
    assert len({with_lead(SONG, instrument) for instrument in INSTRUMENTS}) == len(INSTRUMENTS)


def test_the_audio_equals_that_of_the_renderer() -> None:
    for instrument, (lead, mix) in zip(INSTRUMENTS, render_with_each(SONG, RATE), strict=True):
        song = with_lead(SONG, instrument)
        np.testing.assert_allclose(mix, compose.render(song, RATE), atol=1e-5)
        np.testing.assert_array_equal(lead, compose.render(melody_only(song), RATE))
        assert lead.any()
    first = full_section_start(SONG)
    assert {part.name for part in SONG.parts if any(first <= note.start < first + 3 for note in part.notes)} == {
        part.name for part in SONG.parts
    }


def test_the_scale_is_c_major() -> None:
    (part,) = c_major_scale().parts
    steps = np.diff([note.pitch for note in part.notes])
    assert part.notes[0].pitch == 60
    assert steps.tolist() == [2, 2, 1, 2, 2, 2, 1]
    assert c_major_scale().duration == 4.5
    wave = compose.render(with_lead(c_major_scale(), "flute"), RATE)
    for i, note in enumerate(part.notes):
        tone = wave[round(i * 0.5 * RATE) + 3000 :][:6000]
        spectrum = np.abs(np.fft.rfft(tone * np.hanning(6000), 65_536))
        harmonic = spectrum.argmax() * RATE / 65_536 / librosa.midi_to_hz(note.pitch)
        assert harmonic == pytest.approx(round(harmonic), rel=0.02)


def test_resolutions_are_librosas() -> None:
    wave = compose.render(with_lead(c_major_scale(), "strings"), RATE)
    result = power_spectrograms(torch.from_numpy(wave))
    linear = np.abs(librosa.stft(wave, n_fft=2048, hop_length=512, pad_mode="constant")) ** 2
    np.testing.assert_allclose(result["stft"], linear, rtol=1e-3, atol=1e-4)
    frequencies = librosa.fft_frequencies(sr=RATE, n_fft=2048)
    assert len(result["stft8k"]) == (frequencies <= 8000).sum()
    for bands in (128, 64, 32):
        mel = librosa.feature.melspectrogram(S=linear, sr=RATE, n_mels=bands, fmin=20, fmax=8000)
        theirs = librosa.power_to_db(mel, ref=1.0)
        np.testing.assert_allclose(to_db(result[f"mel{bands}"]), theirs, atol=0.01)


def test_numbers_are_those_of_the_clips(answer: tuple[Answer, AuditContext]) -> None:
    result, context = answer
    similar: list[float] = []
    differ: list[float] = []
    for index in range(5):
        song = context.compose_song(index)
        begin = round(full_section_start(song) * RATE)
        sounds = (compose.render(melody_only(with_lead(song, it)), RATE) for it in ("piano", "acoustic guitar"))
        waves = [wave[begin : begin + 6 * RATE] for wave in sounds]
        mels = [librosa.feature.melspectrogram(y=w, sr=RATE, n_mels=128, fmin=20, fmax=8000) for w in waves]
        flat = np.stack([librosa.power_to_db(mel, ref=1.0).ravel() for mel in mels])
        similar.append(float(np.corrcoef(flat)[0, 1]))
        linear = [np.abs(librosa.stft(w, n_fft=2048, hop_length=512, pad_mode="constant")) ** 2 for w in waves]
        p, q = (power.mean(axis=1) / power.mean(axis=1).sum() for power in linear)
        differ.append(100 * float(np.maximum(p - q, 0).sum()))
    assert result["similarity_piano_guitar"].value == pytest.approx(np.mean(similar), abs=1e-4)
    assert result["similarity_percent_piano_guitar"].value == pytest.approx(100 * np.mean(similar), abs=1e-2)
    assert result["difference_stft_piano_guitar"].value == pytest.approx(np.mean(differ), abs=0.05)


def test_an_answer_has_every_number_a_figure_and_sounds(answer: tuple[Answer, AuditContext]) -> None:
    result, context = answer
    known = {measurement.name: measurement for measurement in result.measurements}
    assert set(known) >= NEEDED
    assert result.intervals is not None
    assert all(known[name].ci is not None for name in result.intervals.names)
    assert len(result.intervals.names) == 2 * len(RESOLUTIONS)
    assert len(result.sounds) == 4
    assert all((context.folder / sound.file).is_file() and sound.origin == "composed" for sound in result.sounds)
    alone = [known[f"read_alone_{name}"].value or 0 for name in RESOLUTIONS]
    assert min(alone) > 0.5, "the instrument of a melody alone is predicted at any number of bands"
    assert (known["similarity_other_songs"].value or 1) < (known["similarity_piano_guitar"].value or 0)
    assert (known["difference_mel"].value or 99) < (known["difference_stft"].value or 0)
    assert 0 < (known["similarity_scale_piano_guitar"].value or 0) < 1
    assert known["generated_blur"].value is None
    assert sum(known[f"bias_{it.replace(' ', '_')}"].value or 0 for it in INSTRUMENTS) == pytest.approx(0, abs=1e-9)


def test_planted_timbre_is_predicted_and_absent_timbre_is_not(tmp_path: Path) -> None:
    context = AuditContext(write_corpus(tmp_path / "c", 2, 1), tmp_path)
    planted = {m.name: m for m in timbre._instrument_accuracies(spectra(20, 6.0), context)}
    assert planted["read_mix_mel128"].value == 1
    assert planted["read_mel_over_stft"].value == 100
    null = {m.name: m for m in timbre._instrument_accuracies(spectra(20, 0.0), context)}
    low, high = null["read_alone_stft"].ci or (0, 0)
    assert low < 1 / 7 < high


def test_shares_are_above_chance() -> None:
    target = np.tile(INSTRUMENTS, 10)
    half = np.where(np.arange(70) < 35, target, np.roll(target, 1))
    assert timbre.accuracy_share(target, target, target) == 100
    assert timbre.accuracy_share(half, target, target) == pytest.approx(100 * (0.5 - 1 / 7) / (6 / 7))
    assert timbre.accuracy_share(np.full(70, "piano"), target, target) == pytest.approx(0)
    with pytest.raises(InputError):
        timbre.accuracy_share(target, np.full(70, "piano"), target)


def test_a_planted_bias_is_detected_on_its_instrument_alone(tmp_path: Path) -> None:
    """The corpus' valence is its level, 10 dB a unit; flutes are 4 dB louder, which the regressor must predict."""
    labels = np.random.default_rng(2).uniform(-0.9, 0.9, (120, 1)).repeat(2, axis=1)
    context = AuditContext(write_corpus(tmp_path / "c", 60, 2, labels=labels), tmp_path)
    clips = np.repeat(context.statistics[::12], len(INSTRUMENTS), axis=0)
    clips[INSTRUMENTS.index("flute") :: len(INSTRUMENTS), : context.front_end.n_bands] += 4
    regressor = EmotionRegressor.fit(context)
    by_name = {m.name: m for m in timbre._predicted_emotions(regressor, spectra(10, 1.0, clips))}
    flute, piano = by_name["bias_flute"], by_name["bias_piano"]
    whole = (flute.value or 0) - (piano.value or 0)
    assert whole == pytest.approx(0.4, abs=0.08)
    assert flute.value == pytest.approx(6 / 7 * whole)
    assert piano.value == pytest.approx(-whole / 7)
    assert flute.ci is not None and flute.ci[0] > 0.2
    still = {
        m.name: m
        for m in timbre._predicted_emotions(regressor, spectra(10, 1.0, clips[:7].repeat(10, axis=0) * 0 + clips[0]))
    }
    assert still["bias_flute"].value == pytest.approx(0, abs=1e-9)


def test_instruments_far_apart_have_spectra_far_apart() -> None:
    of = {
        it: power_spectrograms(torch.from_numpy(compose.render(with_lead(c_major_scale(), it), RATE)))["stft"].numpy()
        for it in INSTRUMENTS
    }
    assert spectrum_difference(of["piano"], of["piano"]) == 0
    assert spectrum_difference(of["flute"], of["distorted guitar"]) > spectrum_difference(
        of["piano"], of["acoustic guitar"]
    )


@pytest.mark.parametrize("songs, each", [(1, 1), (3, 1)])
def test_small_corpora_say_what_is_missing(
    songs: int, each: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timbre, "MAX_SONGS_QUICK", 5)
    corpus = write_corpus(tmp_path / "c", songs, each, front=replace(MEL_FRONT_ENDS["tiny"], sample_rate=16_000))
    result = timbre.measure(AuditContext(corpus, tmp_path, quick=True), silent)
    assert result["read_mix_mel128"].value is not None
    assert "5 songs" in result["bias_piano"].note
    assert result["corpus_read"].value is None
    assert "instruments: a column" in result["corpus_read"].note
    assert result["generated_blur"].value is None
