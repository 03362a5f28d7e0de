from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from affetti.compose.espeak import executable, speak
from affetti.compose.renderer import render
from affetti.compose.score import compose, reword
from affetti.compose.voice import phrases
from affetti.errors import InputError, MissingDependencyError, UsageError

RATE = 22_050
SONG = reword(compose(0, 1), 0.5)
WORDS = [section.lines for section in SONG.sections]

STAND_IN = f"""#!{sys.executable}
import sys, wave
pace, path, text = int(sys.argv[4]), sys.argv[6], sys.stdin.read()
open({{log!r}}, "a").write(f"{{{{pace}}}} {{{{text}}}}\\n")
if "fail" in text:
    sys.exit("no such voice")
with wave.open(path, "wb") as file:  # a hum of a second a word at 60 words a minute, at another rate and level
    file.setnchannels(1), file.setsampwidth(2), file.setframerate(16000)
    file.writeframes((b"\\0\\x20" * 40 + b"\\0\\xe0" * 40) * (200 * 60 * len(text.split()) // pace))
"""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Puts a stand-in for espeak-ng on the path; its arguments are written to a file."""
    noted = tmp_path / "log.txt"
    file = tmp_path / "espeak-ng"
    file.write_text(STAND_IN.format(log=str(noted)), encoding="utf-8")
    file.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return noted


def rms(wave: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(wave, dtype=np.float64))))


def test_lines_are_spoken_in_the_time_of_their_notes_and_as_loud(log: Path) -> None:
    wave = speak(SONG, WORDS, RATE)
    assert wave.dtype == np.float32
    assert wave.shape == (round(SONG.duration * RATE),)
    said = [line.split(" ", 1)[1] for line in log.read_text(encoding="utf-8").splitlines()]
    assert set(said) == {line for lines in WORDS for line in lines}
    for section, phrased in zip(SONG.sections, phrases(SONG, WORDS), strict=True):
        a, b = round(section.start * RATE) + 1, round((section.start + section.duration) * RATE) - 1
        assert wave[a:b].any() == bool(section.lines)
        for notes, _ in phrased:
            at = round(notes[0].start * RATE)
            level = 0.35 * 0.25 * np.mean([(note.velocity / 127) ** 2 for note in notes])
            assert rms(wave[at + 200 : at + RATE // 2]) == pytest.approx(level, rel=0.1)


def test_a_line_that_would_not_fit_is_spoken_faster_and_cut_at_last(log: Path) -> None:
    section = SONG.sections[1]
    words: list[tuple[str, ...]] = [()] * len(SONG.sections)
    words[1] = ("joy " * 100,)
    wave = speak(SONG, words, RATE)
    paces = [int(line.split()[0]) for line in log.read_text(encoding="utf-8").splitlines() if line]
    assert paces == [160, 450]
    end = round((section.start + section.duration) * RATE)
    assert wave[end - RATE // 10 : end].any()
    assert not wave[end + 1 :].any()


def test_text_that_cannot_be_spoken_is_reported_in_one_line(log: Path) -> None:
    words: list[tuple[str, ...]] = [()] * len(SONG.sections)
    words[1] = ("fail",)
    with pytest.raises(InputError, match="no such voice") as caught:
        speak(SONG, words, RATE)
    assert "\n" not in str(caught.value)
    assert log.is_file()
    with pytest.raises(UsageError, match="sample rate 0"):
        speak(SONG, WORDS, 0)


def test_without_espeak_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for work in (executable, lambda: speak(SONG, WORDS, RATE), lambda: render(SONG, RATE, voice="espeak")):
        with pytest.raises(MissingDependencyError, match=r"apt install espeak-ng.*--voice formant"):
            work()


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_the_real_espeak_speaks() -> None:
    words: list[tuple[str, ...]] = [()] * len(SONG.sections)
    words[1] = ("oh happy day",)
    wave = speak(SONG, words, RATE)
    assert np.array_equal(wave, speak(SONG, words, RATE))
    section = SONG.sections[1]
    assert rms(wave[round(section.start * RATE) : round((section.start + section.duration) * RATE)]) > 1e-3
