from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from tests.compose.midi_files import FAULTS, ORGAN, bend, control, off, on, program, smf, track

from affetti.compose.midi import read_file
from affetti.compose.performance import PerformedNote, perform
from affetti.compose.renderer import find_soundfont, render_midi
from affetti.signal import audio

RATE = 22_050
SECOND = 960
"""Ticks."""


def played(folder: Path, *events: tuple[int, bytes]) -> list[PerformedNote]:
    (folder / "a.mid").write_bytes(smf(track(*events)))
    return perform(read_file(folder / "a.mid").events)


def ends(notes: list[PerformedNote]) -> list[float]:
    return [round(note.end, 6) for note in notes]


def level_db(wave: NDArray[np.float32], start: float, end: float) -> float:
    part = wave[round(start * RATE) : round(end * RATE)].astype(np.float64)
    return float(10 * np.log10(np.mean(part**2) + 1e-12))


def hertz(wave: NDArray[np.float32], start: float, end: float, low: float = 180.0, high: float = 300.0) -> float:
    part = wave[round(start * RATE) : round(end * RATE)].astype(np.float64)
    spectrum = np.abs(np.fft.rfft(part * np.hanning(part.size), 1 << 18))
    frequency = np.arange(spectrum.size) * RATE / (1 << 18)
    return float(frequency[np.argmax(np.where((frequency > low) & (frequency < high), spectrum, 0.0))])


@pytest.mark.parametrize(
    ("pedal_value", "end"),
    [(0, 0.5), (63, 0.5), (64, 2.0), (127, 2.0)],
)
def test_sustain_holds_a_note_from_value_64_on(tmp_path: Path, pedal_value: int, end: float) -> None:
    events = (0, control(64, pedal_value)), (0, on(60)), (480, off(60)), (1_440, control(64, 0))
    assert ends(played(tmp_path, *events)) == [end]


def test_a_pedal_pressed_after_the_key_is_up_holds_nothing(tmp_path: Path) -> None:
    assert ends(played(tmp_path, (0, on(60)), (480, off(60)), (1, control(64, 127)), (SECOND, control(64, 0)))) == [0.5]


def test_a_held_key_that_is_struck_again_is_damped_first(tmp_path: Path) -> None:
    events = (0, control(64, 127)), (0, on(60)), (480, off(60)), (480, on(60)), (480, off(60)), (480, control(64, 0))
    assert ends(played(tmp_path, *events)) == [1.0, 2.0]


def test_a_pedal_holds_its_channel_alone(tmp_path: Path) -> None:
    events = (0, control(64, 127)), (0, on(60)), (0, on(60, channel=1)), (480, off(60)), (0, off(60, channel=1))
    assert ends(played(tmp_path, *events, (480, control(64, 0)))) == [1.0, 0.5]


def test_sostenuto_holds_the_keys_that_are_down_when_it_is_pressed(tmp_path: Path) -> None:
    events = (0, on(60)), (240, control(66, 127)), (0, on(64)), (240, off(60)), (0, off(64)), (480, control(66, 0))
    assert ends(played(tmp_path, *events)) == [1.0, 0.5]


def test_sustain_and_sostenuto_each_hold_till_the_last_is_up(tmp_path: Path) -> None:
    down = (0, on(60)), (0, control(66, 127)), (0, control(64, 127)), (480, off(60))
    assert ends(played(tmp_path, *down, (480, control(64, 0)), (480, control(66, 0)))) == [1.5]
    assert ends(played(tmp_path, *down, (480, control(66, 0)), (480, control(64, 0)))) == [1.5]


@pytest.mark.parametrize(("controller", "end"), [(120, 1.0), (123, 2.0), (121, 1.0)])
def test_channel_mode_messages_end_notes(tmp_path: Path, controller: int, end: float) -> None:
    """All sound off and a reset of controllers ignore or lift the pedal; all notes off lifts keys alone."""
    events = (0, control(64, 127)), (0, on(60)), (480, off(60)), (480, control(controller, 0)), (SECOND, control(64, 0))
    assert ends(played(tmp_path, *events)) == [end]


def test_all_notes_off_lifts_keys_that_are_down(tmp_path: Path) -> None:
    assert ends(played(tmp_path, (0, on(60)), (480, control(123, 0)), (SECOND, off(60)))) == [0.5]


def test_a_note_that_nothing_ends_lasts_as_long_as_the_file(tmp_path: Path) -> None:
    assert ends(played(tmp_path, (0, on(60)), (480, on(62)), (480, off(62)))) == [1.0, 1.0]


def test_the_pedal_prolongs_notes() -> None:
    wave = render_midi(FAULTS / "midi_sustain_pedal.mid", RATE)
    assert level_db(wave, 3.5, 3.9) == pytest.approx(level_db(wave, 1.2, 1.5), abs=1.0)  # an organ does not decay
    assert level_db(wave, 5.0, 5.5) < -80.0


def test_volume_and_expression_are_forty_logarithms_each(tmp_path: Path) -> None:
    wave = render_midi(FAULTS / "midi_channel_volume.mid", RATE)
    quieter = level_db(wave, 2.3, 3.8) - level_db(wave, 0.3, 1.8)
    assert quieter == pytest.approx(40 * np.log10(40 / 127), abs=0.1)
    note = (0, on(57)), (SECOND, off(57))
    (tmp_path / "a.mid").write_bytes(smf(track((0, program(ORGAN)), *note, (0, control(11, 64)), *note)))
    wave = render_midi(tmp_path / "a.mid", RATE)
    assert level_db(wave, 1.7, 1.9) - level_db(wave, 0.7, 0.9) == pytest.approx(40 * np.log10(64 / 127), abs=0.2)


def test_a_swell_changes_the_level_of_a_note_that_sounds(tmp_path: Path) -> None:
    swell = [(96, control(11, value)) for value in range(10, 127, 13)]
    (tmp_path / "a.mid").write_bytes(
        smf(track((0, program(ORGAN)), (0, control(11, 5)), (0, on(57)), *swell, (960, off(57))))
    )
    wave = render_midi(tmp_path / "a.mid", RATE)
    levels = [level_db(wave, 0.1 * i + 0.12, 0.1 * i + 0.19) for i in range(8)]
    assert (np.diff(levels) > 1.0).all()
    assert np.abs(np.diff(wave)).max() < 0.1 * np.abs(wave).max() + 0.05  # no click


def test_a_file_without_controllers_has_the_level_of_its_velocities(tmp_path: Path) -> None:
    plain, default = tmp_path / "a.mid", tmp_path / "b.mid"
    plain.write_bytes(smf(track((0, on(57)), (SECOND, off(57)))))
    default.write_bytes(smf(track((0, control(7, 100)), (0, control(11, 127)), (0, on(57)), (SECOND, off(57)))))
    np.testing.assert_array_equal(render_midi(plain, RATE), render_midi(default, RATE))


def test_a_bend_of_two_semitones_is_the_default_range() -> None:
    wave = render_midi(FAULTS / "midi_pitch_bend.mid", RATE)
    assert hertz(wave, 0.3, 1.9) == pytest.approx(220.0, rel=0.003)
    assert hertz(wave, 2.1, 3.9) == pytest.approx(220.0 * 2 ** (2 / 12), rel=0.003)


@pytest.mark.parametrize("before", [True, False])
def test_the_range_of_a_bend_is_registered_parameter_zero(tmp_path: Path, before: bool) -> None:
    select = [(0, control(101, 0)), (0, control(100, 0)), (0, control(6, 7)), (0, control(38, 0))]
    close = [(0, control(101, 127)), (0, control(100, 127)), (0, control(6, 12))]
    first = [(0, bend(8_191)), (0, on(57))] if before else [(0, on(57)), (10, bend(8_191))]
    (tmp_path / "a.mid").write_bytes(smf(track((0, program(ORGAN)), *select, *close, *first, (2 * SECOND, off(57)))))
    wave = render_midi(tmp_path / "a.mid", RATE)
    assert hertz(wave, 0.3, 1.9, high=400.0) == pytest.approx(220.0 * 2 ** (7 / 12), rel=0.003)


@pytest.fixture(scope="module")
def fluidsynth() -> str:
    path = shutil.which("fluidsynth")
    if path is None:
        pytest.skip("fluidsynth, the reference synthesizer, is not installed (apt install fluidsynth)")
    return path


def reference(command: str, path: Path, folder: Path) -> NDArray[np.float32]:
    """What FluidSynth makes of a file, without reverb and chorus."""
    out = folder / "reference.wav"
    options = ["-ni", "-R", "0", "-C", "0", "-g", "0.5", "-r", str(RATE), "-T", "wav", "-F", str(out)]
    subprocess.run([command, *options, str(find_soundfont()), str(path)], check=True, capture_output=True, timeout=120)
    assert soundfile.info(out).frames
    return audio.load(out, RATE).numpy()


def test_fluidsynth_renders_the_same_pedal(fluidsynth: str, tmp_path: Path) -> None:
    path = FAULTS / "midi_sustain_pedal.mid"
    ours, theirs = render_midi(path, RATE), reference(fluidsynth, path, tmp_path)
    sounding = [
        [level_db(wave, at, at + 0.1) > level_db(wave, 1.2, 1.5) - 12 for at in np.arange(0, 7.5, 0.1)]
        for wave in (ours, theirs)
    ]
    assert np.sum(np.not_equal(sounding[0], sounding[1])) <= 4  # a release lasts a tenth of a second or two


def test_fluidsynth_has_the_same_steps_of_level_and_pitch(fluidsynth: str, tmp_path: Path) -> None:
    path = FAULTS / "midi_channel_volume.mid"
    steps = [
        level_db(wave, 2.3, 3.8) - level_db(wave, 0.3, 1.8)
        for wave in (render_midi(path, RATE), reference(fluidsynth, path, tmp_path))
    ]
    assert steps[0] == pytest.approx(steps[1], abs=1.0)
    path = FAULTS / "midi_pitch_bend.mid"
    pitches = [hertz(wave, 2.1, 3.9) for wave in (render_midi(path, RATE), reference(fluidsynth, path, tmp_path))]
    assert pitches[0] == pytest.approx(pitches[1], rel=0.003)


def test_fluidsynth_holds_random_pedalled_notes_as_long(fluidsynth: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    events: list[tuple[int, bytes]] = [(0, program(ORGAN))]
    for i in range(12):
        pedal = control(64 if i % 3 else 66, int(rng.choice([0, 40, 90, 127])))
        lift = control(64 if i % 3 else 66, 0)
        events += [(0, on(57)), (200, pedal), (200, off(57)), (int(rng.integers(200, 900)), lift), (480, control(1, 0))]
    path = tmp_path / "a.mid"
    path.write_bytes(smf(track(*events)))
    ours, theirs = render_midi(path, RATE), reference(fluidsynth, path, tmp_path)
    at = np.arange(0, min(len(ours), len(theirs)) / RATE - 0.1, 0.05)
    loud = [np.array([level_db(wave, t, t + 0.05) for t in at]) for wave in (ours, theirs)]
    sounding = [levels > levels.max() - 20 for levels in loud]
    assert np.mean(np.not_equal(sounding[0], sounding[1])) < 0.05


def test_fluidsynth_makes_the_same_rise_and_fall_of_real_pieces(fluidsynth: str, data: Path, tmp_path: Path) -> None:
    paths = [path for path in sorted(data.rglob("*.mid")) if "faults" not in path.parts][::230]
    if not paths:
        pytest.skip("no MIDI files in the test data")
    for path in paths:
        waves = render_midi(path, RATE), reference(fluidsynth, path, tmp_path)
        blocks = [wave[: min(map(len, waves)) // 1_102 * 1_102].astype(np.float64).reshape(-1, 1_102) for wave in waves]
        levels = [10 * np.log10(np.mean(np.square(block), axis=1) + 1e-7) for block in blocks]
        assert np.corrcoef(levels[0], levels[1])[0, 1] > 0.9, path.name


def test_a_stuck_pedal_holds_a_note_for_a_minute(tmp_path: Path) -> None:
    events = (0, control(64, 127)), (0, on(60)), (480, off(60)), (200 * SECOND, control(64, 0))
    assert ends(played(tmp_path, *events)) == [60.0]
    assert ends(played(tmp_path, (0, control(64, 127)), (0, on(60)), (70 * SECOND, off(60)))) == [70.0]
