from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from affetti.compose.arrangement import Note, Part
from affetti.compose.cues import TIMBRES
from affetti.compose.renderer import find_soundfont, read_midi, render, render_midi, save_midi
from affetti.compose.score import Song, compose, reword
from affetti.compose.soundfont import open_soundfont
from affetti.compose.voice import sing
from affetti.errors import InputError, MissingDependencyError, UsageError

RATE = 22_050


def rms_db(wave: np.ndarray) -> float:
    return float(10.0 * np.log10(np.mean(np.square(wave, dtype=np.float64))))


def test_twenty_songs_have_their_length_and_never_clip() -> None:
    for index in range(20):
        song = compose(0, index, {"level": 10.0} if index % 2 else None)
        wave = render(song, RATE)
        assert wave.dtype == np.float32
        assert wave.shape == (round(song.duration * RATE),)
        assert np.isfinite(wave).all()
        assert np.abs(wave).max() < 1.0


def test_level_raises_the_sound_by_its_decibels() -> None:
    levels = (-10.0, -5.0, 0.0, 5.0, 10.0)
    response = [rms_db(render(compose(5, 3, {"level": level}), RATE)) for level in levels]
    assert np.diff(response) == pytest.approx([5.0] * 4, abs=0.5)


def test_the_sound_is_the_same_in_another_process_whatever_was_rendered_before() -> None:
    code = (
        "from hashlib import sha256; from affetti.compose import compose, render;"
        "print(sha256(render(compose(0, 2), 22050).tobytes()).hexdigest())"
    )
    render(compose(0, 1), RATE)
    here = sha256(render(compose(0, 2), RATE).tobytes()).hexdigest()
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert here == there


@pytest.mark.parametrize("program", sorted(TIMBRES.values()))
def test_lead_tones_are_in_tune_and_alike_in_loudness(program: int) -> None:
    font = open_soundfont(find_soundfont(), RATE)
    for pitch in (54, 67, 81):
        wave = font.tone(program, pitch, 100, 0.4).wave[: RATE // 2].astype(np.float64)
        spectrum = np.abs(np.fft.rfft(wave * np.hanning(wave.size), 1 << 18)) ** 0.5
        cents = np.arange(-700, 701, 5)
        fundamental = 440.0 * 2.0 ** ((pitch - 69) / 12 + cents / 1200)
        comb = sum(spectrum[np.rint(h * fundamental * (1 << 18) / RATE).astype(int)] for h in range(1, 6))
        assert abs(cents[np.argmax(comb)]) <= 30, pitch
        quarters = font.tone(program, pitch, 100, 0.4).wave[:RATE]
        blocks = [rms_db(part) for part in np.array_split(quarters, 4)]
        assert max(blocks) == pytest.approx(20 * np.log10(0.25), abs=0.3)


def test_a_voice_is_added_and_changes_nothing_else() -> None:
    song = compose(0, 1)
    happy, sad, none = (reword(song, valence) for valence in (0.8, -0.8, None))
    plain = render(song, RATE)
    assert np.array_equal(render(none, RATE, voice="formant"), plain)
    backings = []
    for sung in (happy, sad):
        wave = render(sung, RATE, voice="formant")
        assert np.abs(wave).max() < 1.0
        stem = sing(song, [section.lines for section in sung.sections], RATE)
        assert rms_db(stem) > rms_db(plain) - 12.0
        backings.append(wave - stem)
    for backing in backings:
        np.testing.assert_allclose(backing, plain, atol=1e-6)


def test_an_unknown_voice_is_named() -> None:
    with pytest.raises(UsageError, match=r"'opera'.*formant, espeak"):
        render(compose(0, 0), RATE, voice="opera")


def solo(*notes: Note) -> Song:
    return replace(compose(0, 0), parts=(Part("melody", 56, False, notes),))


def test_a_note_sounds_from_its_start_and_stops_after_its_end() -> None:
    wave = render(solo(Note(1.0, 0.5, 69, 100)), RATE)
    assert np.abs(wave[:RATE]).max() == 0.0
    assert rms_db(wave[round(1.1 * RATE) : round(1.4 * RATE)]) > -40.0
    assert rms_db(wave[round(2.3 * RATE) :] + 1e-9) < -100.0


def test_velocity_follows_forty_logarithms() -> None:
    soft, loud = (rms_db(render(solo(Note(0.0, 1.0, 69, velocity)), RATE)) for velocity in (30, 120))
    assert loud - soft == pytest.approx(40.0 * np.log10(4.0), abs=0.01)


def test_a_midi_file_keeps_the_notes(tmp_path: Path) -> None:
    song = compose(0, 2)
    save_midi(song, tmp_path / "song.mid")
    back = read_midi(tmp_path / "song.mid")
    assert [part.name for part in back] == [part.name for part in song.parts]
    for written, read in zip(song.parts, back, strict=True):
        assert (read.program, read.is_drum) == (written.program, written.is_drum)
        a = sorted((round(n.start, 2), n.pitch, n.velocity) for n in written.notes)
        b = sorted((round(n.start, 2), n.pitch, n.velocity) for n in read.notes)
        assert [x[1:] for x in a] == [x[1:] for x in b]
        np.testing.assert_allclose([x[0] for x in a], [x[0] for x in b], atol=0.011)


def test_a_midi_file_sounds_as_its_song(tmp_path: Path) -> None:
    song = compose(0, 2)
    save_midi(song, tmp_path / "song.mid")
    from_file, direct = render_midi(tmp_path / "song.mid", RATE), render(song, RATE)
    size = min(from_file.size, direct.size)
    assert size > 40 * RATE
    assert rms_db(from_file[:size]) == pytest.approx(rms_db(direct[:size]), abs=0.3)


@pytest.mark.parametrize(
    "content", [b"", b"junk", b"MThd\x00\x00\x00\x06\x00\x01\x00\x01\x01\xe0MTrk\x00\x00\xff\xff\x00"]
)
def test_a_broken_midi_file_is_reported_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.mid"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"broken\.mid") as caught:
        render_midi(path, RATE)
    assert "\n" not in str(caught.value)


def test_a_midi_file_without_notes_or_none_at_all_is_refused(tmp_path: Path) -> None:
    save_midi(replace(compose(0, 0), parts=()), tmp_path / "silent.mid")
    with pytest.raises(InputError, match="no notes"):
        render_midi(tmp_path / "silent.mid", RATE)
    with pytest.raises(InputError, match="no such MIDI file"):
        render_midi(tmp_path / "absent.mid", RATE)


def test_soundfonts_that_cannot_be_used_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_soundfont().name == "TimGM6mb.sf2"
    with pytest.raises(InputError, match=r"absent\.sf2"):
        find_soundfont(tmp_path / "absent.sf2")
    broken = tmp_path / "broken.sf2"
    broken.write_bytes(find_soundfont().read_bytes()[:100_000])
    with pytest.raises(InputError, match=r"broken\.sf2"):
        render(compose(0, 0), RATE, broken)
    with pytest.raises(UsageError, match="sample rate 0"):
        render(compose(0, 0), 0)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError, match="pip install"):
        find_soundfont()
