from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.signal.sounds import RATE, long_wav, noise, tone

from affetti.errors import InputError
from affetti.signal import audio
from affetti.signal.decoders import Block, decode_soundfile


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3", ".aiff"])
@pytest.mark.parametrize("part", [0.5, 0.99])
def test_a_file_cut_short_is_refused(
    tmp_path: Path, suffix: str, part: float, capfd: pytest.CaptureFixture[str]
) -> None:
    whole, cut = tmp_path / f"whole{suffix}", tmp_path / f"cut{suffix}"
    soundfile.write(whole, noise(), RATE)
    assert len(audio.load(whole, RATE)) >= 3 * RATE
    cut.write_bytes(whole.read_bytes()[: int(part * whole.stat().st_size)])
    with pytest.raises(InputError, match=r"truncated|cannot be decoded") as caught:
        audio.load(cut, RATE)
    assert caught.value.where == str(cut)
    assert capfd.readouterr() == ("", "")


def test_an_ogg_cut_inside_its_last_page_is_refused(data: Path, tmp_path: Path) -> None:
    whole = next((data / "open/librosa_audio").glob("*trumpet*.ogg")).read_bytes()
    (tmp_path / "cut.ogg").write_bytes(whole[:-1])
    with pytest.raises(InputError, match="truncated"):
        audio.load(tmp_path / "cut.ogg", RATE)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_a_number_is_refused(tmp_path: Path, value: float) -> None:
    samples = np.stack([tone(), tone()], axis=1)
    samples[7] = value, -value
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    with pytest.raises(InputError, match="not numbers"):
        audio.load(tmp_path / "a.wav", RATE)


def test_floats_on_the_scale_of_integers_are_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone() * 32_768, RATE, subtype="FLOAT")
    with pytest.raises(InputError, match="samples reach 16384, not ±1"):
        audio.load(tmp_path / "a.wav", RATE)


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "no such audio file"), (b"", "is empty"), (b"words, not sound\n" * 40, "cannot be decoded")],
)
def test_files_that_are_not_audio_are_refused(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "a.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=says) as caught:
        audio.load(path, RATE)
    assert caught.value.where == str(path)
    assert caught.value.hint


def test_a_header_without_samples_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(0, np.float32), RATE)
    with pytest.raises(InputError, match="no samples"):
        audio.load(tmp_path / "a.wav", RATE)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("folder", "no such audio file: it is a folder"),
        ("pipe", "no such audio file: it is a pipe"),
        ("link to nothing", "no such audio file"),
        ("link in a circle", "a link that points to itself"),
        ("file in a file", "no such audio file"),
        ("zero byte", "no such audio file"),
        ("name too long", r"cannot be read \(File name too long\)"),
    ],
)
def test_a_path_that_is_not_a_file_is_refused(tmp_path: Path, kind: str, says: str) -> None:
    path = tmp_path / "a.wav"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind.startswith("link"):
        path.symlink_to(tmp_path / ("a.wav" if kind.endswith("circle") else "b.wav"))
    elif kind == "file in a file":
        soundfile.write(path, tone(), RATE)
        path = path / "b.wav"
    elif kind == "zero byte":
        path = tmp_path / "a\0.wav"
    else:
        path = tmp_path / ("a" * 300)
    with pytest.raises(InputError, match=says) as caught:
        audio.load(path, RATE)
    assert caught.value.where == str(path)
    assert caught.value.hint


def test_a_file_without_read_permission_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / "a.wav", tone(), RATE)

    def locked(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", locked)  # root may read everything
    with pytest.raises(InputError, match=r"a\.wav: cannot be read \(Permission denied\)\. Check the file and its"):
        audio.load(tmp_path / "a.wav", RATE)


def test_less_than_a_sample_is_none(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.full(1, 0.5, np.float32), 192_000)
    with pytest.raises(InputError, match="too short: 1 samples"):
        audio.load(tmp_path / "a.wav", RATE)


@pytest.mark.parametrize("rate", [1, 999, 1_000_001, 2**31 - 1])
def test_a_sample_rate_that_no_sound_has_is_refused(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", tone(), rate)
    with pytest.raises(InputError, match=f"a sample rate of {rate}"):
        audio.load(tmp_path / "a.wav", RATE)


def test_sound_longer_than_a_day_is_refused(tmp_path: Path) -> None:
    long_wav(tmp_path / "a.wav", 25, 1_000)
    with pytest.raises(InputError, match="longer than 24 h"):
        audio.load(tmp_path / "a.wav", 100)


def test_decoding_ends_at_the_longest_sound_that_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long_wav(tmp_path / "a.wav", 2, 1_000)
    assert len(audio.load(tmp_path / "a.wav", 100, max_hours=2.0)) == 720_000
    decoded = 0

    def counted(file: FileIO) -> Iterator[Block]:
        nonlocal decoded
        for rate, block in decode_soundfile(file):
            decoded += len(block)
            yield rate, block

    monkeypatch.setattr(audio, "decode_soundfile", counted)
    with pytest.raises(InputError, match=r"longer than 0\.5 h"):
        audio.load(tmp_path / "a.wav", 100, max_hours=0.5)
    assert decoded < 0.6 * 3_600_000
