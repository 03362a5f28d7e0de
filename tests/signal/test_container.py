from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.signal.sounds import RATE, hum, noise

from affetti.errors import InputError
from affetti.signal import audio
from affetti.signal.container import inspect

ALL = 2 * 3 * RATE
"""Bytes of three seconds in 16 bits."""
UNKNOWN = 2**32 - 1
LIST = b"LIST" + struct.pack("<I", 26) + b"INFOISFT" + struct.pack("<I", 14) + b"Lavf58.29.100\0"


def wav(riff: int, data: int, held: int = ALL, after: bytes = b"") -> bytes:
    """A WAV that says ``riff`` and ``data`` and holds ``held`` bytes of sound."""
    head = b"RIFF" + struct.pack("<I", riff) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    sound = np.round(noise() * 32_767).astype("<i2").tobytes()
    return head + b"data" + struct.pack("<I", data) + sound[:held] + after


def verdict(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with path.open("rb", buffering=0) as file:
        return inspect(file)


@pytest.mark.parametrize(
    ("riff", "data"),
    [
        (36 + ALL, 0),
        (36 + ALL, UNKNOWN),
        (36 + ALL, 2**31 - 1),
        (36 + ALL, ALL + 1_000),
        (36 + ALL, 1_000),
        (0, 0),
        (36, 0),
        (UNKNOWN, 0),
        (UNKNOWN, UNKNOWN),
        (0x7FFFF024, 0x7FFFF000),
        (0, ALL),
        (UNKNOWN, ALL),
        (1_000, ALL),
        (36 + 2 * ALL, ALL),
        (36 + ALL, ALL),
    ],
)
def test_a_wav_whose_sizes_are_wrong_is_read_to_its_end(tmp_path: Path, riff: int, data: int) -> None:
    (tmp_path / "a.wav").write_bytes(wav(riff, data))
    samples, rate = audio.decode(tmp_path / "a.wav")
    assert rate == RATE
    np.testing.assert_array_equal(samples, (np.round(noise() * 32_767) / 32_768).astype(np.float32))


@pytest.mark.parametrize(
    ("riff", "data", "held"),
    [
        (36 + ALL, ALL, ALL - 2),
        (36 + ALL, ALL, ALL // 2),
        (UNKNOWN, ALL, ALL - 2),
        (36 + ALL, UNKNOWN, ALL - 2),
        (2**31 - 8, 2**31 - 8, ALL),
    ],
)
def test_a_wav_with_bytes_missing_is_refused(tmp_path: Path, riff: int, data: int, held: int) -> None:
    (tmp_path / "a.wav").write_bytes(wav(riff, data, held))
    with pytest.raises(InputError, match=f"truncated after {held / 2 / RATE:.2f} s"):
        audio.decode(tmp_path / "a.wav")


@pytest.mark.parametrize("after", [LIST, LIST + LIST, LIST[:-1], b"\0" + LIST, b"TAG" + b"x" * 125])
def test_data_after_the_sound_is_ignored(tmp_path: Path, after: bytes) -> None:
    riff = 36 + ALL + (0 if after.startswith(b"TAG") else len(after))
    (tmp_path / "a.wav").write_bytes(wav(riff, ALL, after=after))
    assert len(audio.decode(tmp_path / "a.wav")[0]) == 3 * RATE


def test_a_wav_beyond_four_gigabytes_has_a_size_modulo_four_gigabytes(tmp_path: Path) -> None:
    size = 5 * 2**30
    with (tmp_path / "a.wav").open("wb") as file:
        file.write(wav((size - 8) % 2**32, (size - 44) % 2**32, 0))
        file.truncate(size)
    with (tmp_path / "a.wav").open("rb", buffering=0) as file:
        assert inspect(file) == "wrong-length"


@pytest.mark.parametrize("kind", ["RF64", "WAVEX", "WAV"])
def test_kinds_of_wav_are_whole_till_they_are_cut(tmp_path: Path, kind: str) -> None:
    soundfile.write(tmp_path / "a.wav", hum(), RATE, format=kind, endian="BIG" if kind == "WAV" else None)
    whole = (tmp_path / "a.wav").read_bytes()
    assert len(audio.decode(tmp_path / "a.wav")[0]) == 3 * RATE
    assert verdict(tmp_path / "b", whole) == "complete"
    assert verdict(tmp_path / "b", whole[:-4]) == "truncated"


@pytest.mark.parametrize("promised", [2**36, 2**40, 2**62])
def test_an_absurd_declared_length_is_refused(tmp_path: Path, promised: int) -> None:
    soundfile.write(tmp_path / "a.wav", noise(), RATE, format="RF64")
    head = bytearray((tmp_path / "a.wav").read_bytes())
    head[20:36] = struct.pack("<QQ", promised, promised - 100)
    (tmp_path / "a.wav").write_bytes(head)
    with pytest.raises(InputError, match=r"truncated|cannot be decoded"):
        audio.decode(tmp_path / "a.wav")


def flac(path: Path, promised: int) -> Path:
    """Three seconds whose STREAMINFO promises another number of samples (36 bits)."""
    soundfile.write(path, noise(), RATE)
    head = bytearray(path.read_bytes())
    head[21] = (head[21] & 0xF0) | (promised >> 32)
    head[22:26] = (promised & 0xFFFFFFFF).to_bytes(4, "big")
    path.write_bytes(head)
    return path


@pytest.mark.parametrize("promised", [0, 1, 1_000])
def test_a_flac_that_is_longer_than_its_header_says_is_read_to_its_end(tmp_path: Path, promised: int) -> None:
    expected, _ = audio.decode(flac(tmp_path / "a.flac", 3 * RATE))
    samples, _ = audio.decode(flac(tmp_path / "b.flac", promised))
    assert len(samples) == 3 * RATE
    np.testing.assert_array_equal(samples, expected)


@pytest.mark.parametrize("promised", [3 * RATE + 1, 2**36 - 1])
def test_a_flac_that_promises_more_than_it_holds_is_refused(tmp_path: Path, promised: int) -> None:
    with pytest.raises(InputError, match=r"truncated after 3\.00 s"):
        audio.decode(flac(tmp_path / "a.flac", promised))


@pytest.mark.parametrize("promised", [0, 3 * RATE])
def test_a_flac_cut_inside_a_frame_is_refused(tmp_path: Path, promised: int) -> None:
    whole = flac(tmp_path / "a.flac", promised).read_bytes()
    for length in (len(whole) // 2, len(whole) - 1):
        (tmp_path / "a.flac").write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"truncated|cannot be decoded"):
            audio.decode(tmp_path / "a.flac")


def test_a_tag_behind_a_flac_is_not_taken_for_sound(tmp_path: Path) -> None:
    flac(tmp_path / "a.flac", 3 * RATE)
    with (tmp_path / "a.flac").open("ab") as file:
        file.write(b"APETAGEX" + b"cover" * 10_000)
    assert len(audio.decode(tmp_path / "a.flac")[0]) == 3 * RATE


FRAME, DELAY = 576, 576 + 529
"""Samples of a frame of MPEG 2, and what LAME and a decoder put before the sound."""


@pytest.fixture
def mp3(tmp_path: Path) -> tuple[bytes, int, int]:
    """An MP3 as LAME writes it, with a variable bit rate; the offset and value of its number of frames."""
    soundfile.write(tmp_path / "a.mp3", hum(), RATE, bitrate_mode="VARIABLE")
    content = (tmp_path / "a.mp3").read_bytes()
    at = content.index(b"Xing") + 8
    return content, at, int.from_bytes(content[at : at + 4], "big")


def headless(content: bytes) -> bytes:
    """Without its first frame, which holds no sound but the Xing header."""
    return content[content.index(content[:2], 4) :]


def test_an_honest_mp3_is_trimmed_to_its_sound(tmp_path: Path, mp3: tuple[bytes, int, int]) -> None:
    content, _, frames = mp3
    assert verdict(tmp_path / "b", content) == "complete"
    assert len(audio.decode(tmp_path / "b")[0]) == 3 * RATE
    assert frames * FRAME >= 3 * RATE + DELAY  # the witness of the tests that follow


@pytest.mark.parametrize("declared", [0, 1, 50, -1, 1, 1_000, 2**31, UNKNOWN])
def test_an_mp3_with_a_wrong_number_of_frames_is_read_to_its_end(
    tmp_path: Path, mp3: tuple[bytes, int, int], declared: int
) -> None:
    content, at, frames = mp3
    wrong = frames + declared if abs(declared) == 1 else declared
    (tmp_path / "b.mp3").write_bytes(content[:at] + struct.pack(">I", wrong) + content[at + 4 :])
    expected, _ = audio.decode(tmp_path / "a.mp3")
    samples, _ = audio.decode(tmp_path / "b.mp3")
    assert 3 * RATE <= len(samples) <= frames * FRAME
    np.testing.assert_allclose(samples[: 3 * RATE], expected, atol=1e-5)


@pytest.mark.parametrize(
    "after",
    [b"", b"TAG" + b"x" * 125, bytes(1_000), b"LYRICSBEGIN" + b"la " * 99 + b"000311LYRICS200", b"no frame " * 50],
)
def test_an_mp3_without_a_count_is_read_to_its_end(tmp_path: Path, mp3: tuple[bytes, int, int], after: bytes) -> None:
    content, _, frames = mp3
    (tmp_path / "b.mp3").write_bytes(headless(content) + after)
    samples, _ = audio.decode(tmp_path / "b.mp3")
    assert len(samples) == frames * FRAME
    np.testing.assert_allclose(samples[DELAY:][: 3 * RATE], audio.decode(tmp_path / "a.mp3")[0], atol=1e-5)


@pytest.mark.parametrize("bare", [False, True])
def test_an_mp3_is_cut_where_it_ends_inside_a_frame(tmp_path: Path, mp3: tuple[bytes, int, int], bare: bool) -> None:
    content = headless(mp3[0]) if bare else mp3[0]
    last = content.rindex(content[:2])
    assert verdict(tmp_path / "b", content[:last]) == "wrong-length"
    assert len(audio.decode(tmp_path / "b")[0]) > 2.9 * RATE
    assert verdict(tmp_path / "b", content[:-1]) == "truncated"
    with pytest.raises(InputError, match="truncated"):
        audio.decode(tmp_path / "b")


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 24_000, 32_000, 44_100, 48_000])
@pytest.mark.parametrize("mode", ["CONSTANT", "AVERAGE", "VARIABLE"])
def test_frames_of_every_mpeg_are_counted(tmp_path: Path, rate: int, mode: str) -> None:
    soundfile.write(tmp_path / "a.mp3", hum(1.0, rate), rate, bitrate_mode=mode)
    content = (tmp_path / "a.mp3").read_bytes()
    tag = b"ID3\4\0\0" + bytes([0, 0, 1, 4]) + bytes(132)
    assert verdict(tmp_path / "b", content) == "complete"
    assert verdict(tmp_path / "b", tag + content) == "complete"
    assert verdict(tmp_path / "b", tag + content[:-1]) == "truncated"


def test_an_ogg_is_whole_when_its_last_page_is(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.ogg", hum(), RATE)
    whole = (tmp_path / "a.ogg").read_bytes()
    assert verdict(tmp_path / "b", whole) == "complete"
    assert verdict(tmp_path / "b", whole[:-1]) == "truncated"
    assert verdict(tmp_path / "b", whole[: whole.rindex(b"OggS")]) == "truncated"
