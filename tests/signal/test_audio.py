from __future__ import annotations

import errno
import struct
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
import soxr
import torch
from numpy.typing import NDArray

from affetti import storage
from affetti.errors import InputError, StorageError
from affetti.signal import audio

RATE = 22_050


def tone(seconds: float = 1.0, rate: int = RATE, level: float = 0.5) -> NDArray[np.float32]:
    return (level * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def noise(seconds: float = 3.0, rate: int = RATE) -> NDArray[np.float32]:
    return (0.1 * np.random.default_rng(0).normal(size=round(seconds * rate))).astype(np.float32)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
def test_loading_is_mono_float_at_the_rate_asked_for(tmp_path: Path, rate: int) -> None:
    left, right = tone(rate=rate), noise(1.0, rate)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], axis=1), rate, subtype="FLOAT")
    loaded = audio.load(tmp_path / "a.wav", RATE)
    assert loaded.dtype == torch.float32
    assert loaded.shape == (RATE,)
    expected = librosa.resample((left + right) / 2, orig_sr=rate, target_sr=RATE)  # soxr_hq, its default
    np.testing.assert_allclose(loaded.numpy(), expected, atol=1e-6)


def test_real_recordings_decode_as_soundfile_and_librosa_do(data: Path) -> None:
    paths = (
        sorted((data / "open/librosa_audio").glob("*.ogg"))[:3] + sorted((data / "open/sonancia/sounds").glob("*"))[:2]
    )
    for path in paths:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        expected = librosa.resample(samples.mean(axis=1), orig_sr=rate, target_sr=RATE)
        np.testing.assert_allclose(audio.load(path, RATE).numpy(), expected, atol=2e-6, err_msg=path.name)


def test_resampling_is_soxr_hq_and_keeps_a_tone() -> None:
    samples = tone(rate=44_100)
    ours = audio.resample(samples, 44_100, RATE)
    np.testing.assert_array_equal(ours, soxr.resample(samples, 44_100, RATE, quality="HQ"))
    np.testing.assert_allclose(ours[500:-500], tone()[500:-500], atol=1e-4)
    assert audio.resample(samples, 44_100, 44_100) is samples


def test_level_is_kept(tmp_path: Path) -> None:
    for level in (0.001, 0.9):
        soundfile.write(tmp_path / "a.wav", tone(level=level), RATE, subtype="FLOAT")
        assert float(audio.load(tmp_path / "a.wav", RATE).abs().max()) == pytest.approx(level, rel=1e-3)


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
    capfd.readouterr()  # mpg123 speaks to stderr by itself


def test_an_ogg_cut_inside_its_last_page_is_refused(data: Path, tmp_path: Path) -> None:
    whole = next((data / "open/librosa_audio").glob("*trumpet*.ogg")).read_bytes()
    (tmp_path / "cut.ogg").write_bytes(whole[:-1])
    with pytest.raises(InputError, match="truncated"):
        audio.load(tmp_path / "cut.ogg", RATE)


@pytest.mark.parametrize("promised", [0, 3 * RATE + 1, 2**36 - 1])
def test_a_flac_whose_header_promises_another_length_is_refused(tmp_path: Path, promised: int) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, noise(), RATE)
    head = bytearray(path.read_bytes())
    head[21] = (head[21] & 0xF0) | (promised >> 32)  # STREAMINFO: 36 bits of total samples
    head[22:26] = (promised & 0xFFFFFFFF).to_bytes(4, "big")
    path.write_bytes(head)
    with pytest.raises(InputError, match=r"truncated|cannot be decoded"):
        audio.load(path, RATE)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_wav_from_a_pipe_that_promises_nothing_is_read(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(), RATE)
    head = bytearray(path.read_bytes())
    head[4:8] = struct.pack("<I", size)
    path.write_bytes(head)
    assert len(audio.load(path, RATE)) == 3 * RATE


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_no_number_is_refused(tmp_path: Path, value: float) -> None:
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
def test_what_is_no_audio_is_refused(tmp_path: Path, content: bytes | None, says: str) -> None:
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


def test_a_folder_is_no_audio(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such audio file"):
        audio.load(tmp_path, RATE)


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_saving_never_clips(tmp_path: Path, suffix: str) -> None:
    loud = np.concatenate([tone(level=3.0), tone(level=0.3)])
    audio.save(tmp_path / f"new/a{suffix}", torch.from_numpy(loud), RATE)
    saved, _ = soundfile.read(tmp_path / f"new/a{suffix}", dtype="float32")
    np.testing.assert_allclose(saved, loud / np.abs(loud).max(), atol=2**-15)


def test_saving_keeps_the_level_of_what_fits(tmp_path: Path) -> None:
    audio.save(tmp_path / "a.flac", tone(level=0.25), RATE)
    np.testing.assert_allclose(audio.load(tmp_path / "a.flac", RATE).numpy(), tone(level=0.25), atol=2**-15)


def test_saving_is_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    audio.save(tmp_path / "a.flac", tone(), RATE)
    before = (tmp_path / "a.flac").read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(storage.os, "fsync", full)
    with pytest.raises(StorageError, match="disk is full"):
        audio.save(tmp_path / "a.flac", noise(), RATE)
    assert [path.name for path in tmp_path.iterdir()] == ["a.flac"]
    assert (tmp_path / "a.flac").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "samples", "kind"),
    [("a.xyz", tone(), StorageError), ("a", tone(), StorageError), ("a.wav", np.full(9, np.nan), InputError)],
)
def test_what_cannot_be_saved_is_told_and_leaves_nothing(
    tmp_path: Path, name: str, samples: NDArray[np.float32], kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        audio.save(tmp_path / name, samples, RATE)
    assert list(tmp_path.iterdir()) == []


def test_silence_is_what_stays_under_its_threshold() -> None:
    assert audio.is_silent(np.zeros(9, np.float32))
    assert audio.is_silent(np.zeros(0, np.float32))
    assert audio.is_silent(np.full(9, -0.99e-4, np.float32))
    assert not audio.is_silent(np.array([0, -1.01e-4, 0], np.float32))


def test_a_files_hash_is_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")  # the example of FIPS 180
    assert audio.file_sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
