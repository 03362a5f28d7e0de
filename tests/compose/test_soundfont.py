from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from tests.compose.midi_files import FAULTS

from affetti.compose.renderer import find_soundfont
from affetti.compose.soundfont import open_soundfont
from affetti.errors import InputError

RATE = 22_050


def copied(folder: Path, change: dict[bytes, tuple[int, bytes]], name: str = "soundfont_bass_only.sf2") -> Path:
    """A soundfont with bytes at an offset of a chunk replaced."""
    data = bytearray((FAULTS / name).read_bytes())
    for chunk, (offset, content) in change.items():
        at = data.index(chunk) + 8 + offset
        data[at : at + len(content)] = content
    path = folder / "font.sf2"
    path.write_bytes(data)
    return path


def rms(wave: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(wave))))


def test_soundfont_3_sounds_in_tune_and_not_like_noise() -> None:
    font = open_soundfont(FAULTS / "soundfont_vorbis.sf3", RATE)
    wave = font.tone(0, 69, 100, 0.5).wave[: RATE // 2].astype(np.float64)
    assert rms(wave) > 0.05
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(wave.size), 1 << 18)) ** 2
    flatness = np.exp(np.mean(np.log(spectrum + 1e-12))) / np.mean(spectrum)
    assert flatness < 0.01  # white noise has 0.56
    peak = float(np.argmax(spectrum)) * RATE / (1 << 18)
    assert peak == pytest.approx(440.0 * 2 ** (9 / 12), rel=0.003)  # its one sample is 440 Hz, recorded as key 60


def test_samples_that_are_not_vorbis_after_all_are_refused(tmp_path: Path) -> None:
    data = (FAULTS / "soundfont_vorbis.sf3").read_bytes()
    (tmp_path / "a.sf3").write_bytes(data.replace(b"OggS", b"RIFX"))
    with pytest.raises(InputError, match=r"a\.sf3: sample \d+ is compressed, and not as Ogg Vorbis"):
        open_soundfont(tmp_path / "a.sf3", RATE)
    (tmp_path / "b.sf3").write_bytes(data.replace(b"vorbis", b"sibrov"))
    with pytest.raises(InputError, match=r"b\.sf3: sample \d+ cannot be decoded"):
        open_soundfont(tmp_path / "b.sf3", RATE).tone(0, 69, 100, 0.5)


def test_a_zone_of_a_sample_that_does_not_exist_is_refused_when_the_file_is_opened() -> None:
    with pytest.raises(InputError, match=r"soundfont_bad_sample_index\.sf2: a zone uses sample \d+, and there are"):
        open_soundfont(FAULTS / "soundfont_bad_sample_index.sf2", RATE)


@pytest.mark.parametrize(
    "change",
    [
        (20, struct.pack("<I", 2**31)),  # start
        (24, struct.pack("<I", 2**31)),  # end
        (36, struct.pack("<I", 0)),  # sample rate
        (36, struct.pack("<I", 2**32 - 1)),
    ],
)
def test_a_broken_sample_header_is_refused(tmp_path: Path, change: tuple[int, bytes]) -> None:
    with pytest.raises(InputError, match="the header of sample 0 is broken"):
        open_soundfont(copied(tmp_path, {b"shdr": change}), RATE)


@pytest.mark.parametrize("field", [28, 32])
def test_a_loop_beyond_the_data_is_not_looped(tmp_path: Path, field: int) -> None:
    path = copied(tmp_path, {b"shdr": (field, struct.pack("<I", 2**31))})
    assert rms(open_soundfont(path, RATE).tone(32, 40, 100, 0.5).wave) > 0.0


def test_a_cut_soundfont_is_refused_or_whole_wherever_it_is_cut(tmp_path: Path) -> None:
    whole = (FAULTS / "soundfont_bass_only.sf2").read_bytes()
    for end in range(0, len(whole), 97):
        path = tmp_path / f"{end}.sf2"
        path.write_bytes(whole[:end])
        with pytest.raises(InputError, match=f"{end}.sf2"):
            open_soundfont(path, RATE)


def test_changed_bytes_of_a_soundfont_give_sound_or_one_clear_line(tmp_path: Path) -> None:
    whole = (FAULTS / "soundfont_bass_only.sf2").read_bytes()
    structure = whole.index(b"pdta")
    rng = np.random.default_rng(0)
    opened = 0
    for i in range(300):
        data = bytearray(whole)
        for _ in range(3):
            data[int(rng.integers(structure, len(whole)))] = int(rng.integers(256))
        path = tmp_path / f"{i}.sf2"
        path.write_bytes(data)
        try:
            wave = open_soundfont(path, 8_000).tone(32, 40, 100, 0.2).wave
        except InputError as error:
            assert path.name in str(error)
            continue
        opened += 1
        assert np.isfinite(wave).all()
    assert opened > 50


def test_a_missing_program_is_replaced_and_reported() -> None:
    font = open_soundfont(FAULTS / "soundfont_bass_only.sf2", RATE)
    assert rms(font.tone(56, 69, 100, 0.5).wave) > 0.05
    assert font.substitutes([32, 33], drums=False) == ""
    text = font.substitutes([0, 1, 2, 32, 56], drums=True)
    assert text.startswith("soundfont_bass_only.sf2 lacks programs: 0-2, 56 are played by program 32 of bank 0")
    assert text.endswith("drums are silent")
    assert not font.tone(0, 36, 100, 0.5, drum=True).wave.any()


def test_a_font_that_does_not_begin_at_bank_0_sounds(tmp_path: Path) -> None:
    path = copied(tmp_path, {b"phdr": (22, struct.pack("<H", 8))})  # bank of the first preset
    font = open_soundfont(path, RATE)
    assert rms(font.tone(32, 40, 100, 0.5).wave) > 0.05
    assert font.preset(32) in ((8, 32), (0, 33))


def test_the_default_font_lacks_nothing() -> None:
    assert open_soundfont(find_soundfont(), RATE).substitutes(range(128), drums=True) == ""
