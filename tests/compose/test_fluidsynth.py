from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.compose.midi_files import FAULTS, bend, control, off, on, program, smf, track

from affetti.compose import fluidsynth
from affetti.compose.renderer import find_soundfont, render_midi
from affetti.corpus.loaders import load
from affetti.corpus.track import MidiFile, Options
from affetti.errors import InputError, MissingDependencyError, UsageError

RATE = 22_050


class Synth:
    """Stands in for pyfluidsynth's: a constant of a thousandth for each key that is down, and a record of its calls."""

    made: list[Synth]

    def __init__(self, gain: float, samplerate: float) -> None:
        self.calls: list[tuple[Any, ...]] = [("rate", samplerate, gain)]
        self.down = 0
        Synth.made.append(self)

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any) -> int:
            self.calls.append((name, *arguments))
            return 1

        return call

    def noteon(self, *arguments: int) -> None:
        self.calls.append(("noteon", *arguments))
        self.down += 1

    def noteoff(self, *arguments: int) -> None:
        self.calls.append(("noteoff", *arguments))
        self.down -= 1

    def get_samples(self, count: int) -> Any:
        return np.full(2 * count, 1_000 * self.down, dtype=np.int16)


@pytest.fixture
def synths(monkeypatch: pytest.MonkeyPatch) -> list[Synth]:
    Synth.made = []
    monkeypatch.setitem(sys.modules, "fluidsynth", SimpleNamespace(Synth=Synth))
    return Synth.made


def test_messages_reach_fluidsynth_at_their_samples(synths: list[Synth], tmp_path: Path) -> None:
    events = (
        (0, program(19)),
        (0, control(7, 90)),
        (480, on(60)),
        (0, bend(-100)),
        (480, off(60)),
        (480, on(62)),
        (480, off(62)),
    )
    (tmp_path / "a.mid").write_bytes(smf(track(*events)))
    wave = render_midi(tmp_path / "a.mid", RATE, renderer="fluidsynth")
    assert wave.shape == (2 * RATE,)
    level = 1_000 / 32_768
    np.testing.assert_allclose(wave.reshape(4, -1)[:, [0, -1]], [[0, 0], [level, level], [0, 0], [level, level]])
    (synth,) = synths
    assert ("sfload", str(find_soundfont())) in synth.calls
    sent = [call for call in synth.calls if call[0] in ("program_change", "cc", "noteon", "pitch_bend", "noteoff")]
    assert sent[:5] == [
        ("program_change", 0, 19),
        ("cc", 0, 7, 90),
        ("noteon", 0, 60, 100),
        ("pitch_bend", 0, -100),
        ("noteoff", 0, 60),
    ]
    assert synth.calls[-1] == ("delete",)
    assert ("program_select", 9, 1, 128, 0) in synth.calls


def test_a_broken_file_is_refused_before_fluidsynth_sees_it(synths: list[Synth]) -> None:
    with pytest.raises(InputError, match="broken MIDI file"):
        render_midi(FAULTS / "midi_crash_segv_437bytes.mid", RATE, renderer="fluidsynth")
    assert synths == []


@pytest.mark.usefixtures("synths")
def test_a_soundfont_that_fluidsynth_cannot_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Synth, "sfload", lambda *_: -1, raising=False)
    with pytest.raises(InputError, match=r"TimGM6mb\.sf2: FluidSynth cannot read it"):
        render_midi(FAULTS / "midi_pitch_bend.mid", RATE, renderer="fluidsynth")


def test_a_missing_library_and_an_unknown_renderer_are_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fluidsynth", None)
    with pytest.raises(MissingDependencyError, match=r"affetti\[fluidsynth\]"):
        load(f"midi:{tmp_path}", Options(renderer="fluidsynth"))
    with pytest.raises(UsageError, match="unknown renderer 'timidity'"):
        load(f"midi:{tmp_path}", Options(renderer="timidity"))
    with pytest.raises(UsageError, match="concerns midi and vgmidi and emopia"):
        monkeypatch.setattr(fluidsynth, "require", lambda: None)
        load("composed", Options(renderer="fluidsynth"))


@pytest.mark.usefixtures("synths")
def test_the_renderer_is_recorded_in_the_corpus(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(smf(track((0, on(60)), (480, off(60)))))
    (tmp_path / "labels.csv").write_text("file,valence,arousal\na.mid,0.1,0.2\n", encoding="utf-8")
    source = load(f"midi:{tmp_path}", Options(renderer="fluidsynth", scale="-1..1"))
    assert source.options["renderer"] == "fluidsynth"
    assert source.tracks[0].sound == MidiFile(tmp_path / "a.mid", None, "fluidsynth")


@pytest.mark.parametrize("name", ["composed", "midi"])
def test_programs_that_a_soundfont_lacks_are_in_the_notes(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.mid").write_bytes(smf(track((0, on(60)), (480, off(60)))))
    (tmp_path / "labels.csv").write_text("file,valence,arousal\na.mid,0.1,0.2\n", encoding="utf-8")
    options = Options(soundfont=FAULTS / "soundfont_bass_only.sf2", scale=None if name == "composed" else "-1..1")
    source = load("composed" if name == "composed" else f"midi:{tmp_path}", options)
    assert any("are played by program 32 of bank 0; drums are silent" in note for note in source.notes)
    assert all("lacks programs" not in note for note in load("composed", Options(soundfont=find_soundfont())).notes)


def test_the_library_itself_plays_the_pitch_at_its_time(tmp_path: Path) -> None:
    pytest.importorskip("fluidsynth", reason="pyfluidsynth or FluidSynth is not installed", exc_type=ImportError)
    events = ((0, program(19)), (480, on(69)), (960, off(69)), (480, on(60)), (480, off(60)))
    (tmp_path / "a.mid").write_bytes(smf(track(*events)))
    wave = render_midi(tmp_path / "a.mid", RATE, renderer="fluidsynth")
    second = RATE // 2
    assert np.abs(wave[: int(0.95 * second)]).max() < 1e-3
    tone = wave[second + 2_000 : 3 * second]
    loudest = np.abs(np.fft.rfft(tone * np.hanning(len(tone))))
    frequencies = np.fft.rfftfreq(len(tone), 1 / RATE)
    assert np.sqrt((tone**2).mean()) > 1e-3
    # An organ: 440 Hz, its octaves and fifths.
    peaks = frequencies[loudest > 0.3 * loudest.max()]
    assert (np.abs(peaks / 440 - np.round(peaks / 440 * 2) / 2) < 0.02).all()
