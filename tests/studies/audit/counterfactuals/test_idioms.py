"""Idioms: the renders differ in the turned factor alone, and what differs is measured."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.material import present, write_corpus

from affetti import compose
from affetti.studies.audit.codec.resolutions import power_spectrograms
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.counterfactuals import idioms


@pytest.fixture(scope="module")
def context(tmp_path_factory) -> AuditContext:
    folder: Path = tmp_path_factory.mktemp("idioms")
    return AuditContext(write_corpus(folder / "c"), folder / "audit", quick=True)


@pytest.mark.parametrize("figure", idioms.FIGURES)
@pytest.mark.parametrize("blue", ["held", "passing"])
def test_blue_notes_are_added_and_nothing_else_changes(figure, blue, monkeypatch):
    played = []
    monkeypatch.setattr(compose, "render", lambda song, _: played.append(song) or np.zeros(10, np.float32))
    for kind in ("plain", blue):
        idioms.chord(figure, 12, kind)
    plain, other = ({(n.start, n.duration, n.pitch, n.velocity) for n in song.parts[0].notes} for song in played)
    assert plain < other
    pitches = {pitch - 62 for _, _, pitch, _ in plain}
    assert pitches == ({0, 3, 7, 12} if figure != "broken" else {0, 3, 7})
    assert {pitch - 62 for _, _, pitch, _ in other - plain} == {15, 6, 10}
    count = 3 if blue == "passing" else 9
    assert len(other - plain) == count


def test_blue_notes_sound_where_they_should():
    """♭5 of D is A♭, 415.3 Hz in the octave of A: there the power grows, at the chord's own D it does not."""
    plain, blue = (
        power_spectrograms(idioms.chord("struck", 12, kind))["stft"].mean(dim=1) for kind in ("plain", "held")
    )
    a_flat, d = (slice(int(hertz * 2048 / 22_050), int(hertz * 2048 / 22_050) + 2) for hertz in (415.3, 293.66))
    assert blue[a_flat].sum() > 10 * plain[a_flat].sum()
    assert float(blue[d].sum() / plain[d].sum()) == pytest.approx(1, abs=0.3)


def test_differences_of_blue_notes():
    by_name = {m.name: m for m in idioms.blue_notes()}
    held, passing = (present(by_name[f"blues_{name}_stft"].value) for name in ("difference", "passing"))
    assert 0 < passing < held < 100
    after = present(by_name["blues_difference_mel"].value)
    assert by_name["blues_difference_kept"].value == pytest.approx(100 * after / held)
    assert all(m.n == 12 and m.unit == "%" for m in by_name.values())


def test_riffs_differ_in_sound_alone(context, monkeypatch):
    played = []
    monkeypatch.setattr(
        compose, "render", lambda song, rate: played.append(song) or np.ones(round(song.duration * rate), np.float32)
    )
    song = context.compose_song(0, genre="rock")
    for sound in idioms.RIFFS:
        idioms.riff(song, sound)
    assert {len(each.parts) for each in played} == {1}
    assert len({each.parts[0].notes for each in played}) == 1
    assert [each.parts[0].program for each in played] == [30, 81, 27, 81]


def test_driving_a_sine_into_tanh_gives_odd_harmonics(context, monkeypatch):
    song = context.compose_song(0, genre="rock")
    rate = 22_050
    sine = np.sin(2 * np.pi * 200 * np.arange(round(song.duration * rate)) / rate).astype(np.float32)
    monkeypatch.setattr(compose, "render", lambda *_: sine)
    wave = idioms.riff(song, "distorted synthesizer").double()
    assert float(wave.abs().max()) <= float(np.abs(sine).max()) + 1e-6
    # Σ over one period gives the Fourier coefficients of tanh(8 sin): even ones vanish.
    spectrum = torch.fft.rfft(wave[:22_050])[::200].abs()
    assert float(spectrum[2]) < 1e-3 * float(spectrum[1])
    assert 0.2 < float(spectrum[3] / spectrum[1]) < 1 / 3  # a square wave's third is 1/3
    torch.testing.assert_close(
        idioms.riff(song, "clean synthesizer"), torch.from_numpy(sine)[round(_chorus(song) * rate) :][: 6 * rate]
    )


def _chorus(song: compose.Song) -> float:
    return next(section.start for section in song.sections if section.name == "chorus")


def test_same_notes_are_more_alike_than_strangers(context):
    by_name = {m.name: m for m in idioms.distortion(context, 3)}
    assert present(by_name["distortion_similarity"].value) > present(by_name["distortion_similarity_strangers"].value)
    assert by_name["distortion_similarity"].n == 3
    assert all(-100 <= present(m.value) <= 100 for m in by_name.values())
