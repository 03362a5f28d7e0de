from __future__ import annotations

import errno
import os
import tracemalloc
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
import soxr
import torch
from numpy.typing import NDArray
from tests.signal.sounds import RATE, encode, hum, long_wav, noise, tone

from affetti import storage
from affetti.errors import InputError, StorageError
from affetti.signal import audio


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000])
def test_loading_gives_mono_float_at_the_requested_rate(tmp_path: Path, rate: int) -> None:
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


@pytest.mark.parametrize("kind", ["wav", "mp3", "m4a"])
def test_a_name_need_not_be_utf8(tmp_path: Path, kind: str) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9." + kind.encode())
    whole = tmp_path / f"a.{kind}"
    if kind == "m4a":
        encode(whole, "aac", hum(1.0))
    else:
        soundfile.write(whole, hum(1.0), RATE)
    whole.rename(path)
    assert len(audio.load(path, RATE)) >= RATE
    path.write_bytes(b"no sound")
    with pytest.raises(InputError) as caught:
        audio.load(path, RATE)
    assert str(caught.value).encode().startswith(os.fsencode(tmp_path) + rb"/caf\udce9.")


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "ogg", "m4a", "webm"])
@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.raw", "a.txt", "a"])
def test_a_file_is_known_by_its_content(tmp_path: Path, kind: str, name: str) -> None:
    whole = tmp_path / f"b.{kind}"
    if kind in ("m4a", "webm"):
        encode(whole, {"m4a": "aac", "webm": "libopus"}[kind], hum(1.0, 48_000), 48_000)
    else:
        soundfile.write(whole, hum(1.0, 48_000), 48_000)
    whole.rename(tmp_path / name)
    samples, rate = audio.decode(tmp_path / name)
    assert (len(samples), rate) == (48_000, 48_000)


def test_six_channels_are_averaged(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", hum(channels=6), RATE, subtype="PCM_24")
    np.testing.assert_allclose(audio.load(tmp_path / "a.flac", RATE).numpy(), hum(channels=6).mean(axis=1), atol=1e-6)


@pytest.mark.parametrize(("rate", "left"), [(8_000, 3), (22_050, 1), (44_100, 1)])
def test_one_sample_is_a_sound(tmp_path: Path, rate: int, left: int) -> None:
    soundfile.write(tmp_path / "a.wav", np.full(1, 0.5, np.float32), rate)
    assert len(audio.load(tmp_path / "a.wav", RATE)) == left == len(soxr.resample(np.ones(1, np.float32), rate, RATE))


def test_eight_hours_need_no_more_memory_than_their_result(tmp_path: Path) -> None:
    frames = long_wav(tmp_path / "a.wav", 8)
    tracemalloc.start()
    waveform = audio.load(tmp_path / "a.wav", 1_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(waveform) == frames // 8
    assert (
        peak < 4 * len(waveform) * 1.15 + 4e6
    )  # the result grows by an eighth at a time; two channels would be 1.8 GB
    assert audio.is_silent(waveform[100:-100].numpy())


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
def test_a_failed_save_is_reported_and_leaves_no_file(
    tmp_path: Path, name: str, samples: NDArray[np.float32], kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        audio.save(tmp_path / name, samples, RATE)
    assert list(tmp_path.iterdir()) == []


def test_silence_is_what_stays_under_its_threshold() -> None:
    assert audio.is_silent(np.zeros(9, np.float32))
    assert audio.is_silent(np.zeros(0, np.float32))
    assert audio.is_silent(np.full(9, -0.99e-4, np.float32))
    assert audio.is_silent(0.99e-4 * tone() / 0.5)
    assert not audio.is_silent(np.array([0, -1.01e-4, 0], np.float32))


@pytest.mark.parametrize("level", [-1.0, -0.3, 1e-3, 0.5])
def test_a_constant_is_silent_and_a_signal_with_an_offset_is_not(level: float) -> None:
    assert audio.is_silent(np.full(9, level, np.float32))
    assert audio.is_silent(level + 0.9e-4 * np.random.default_rng(0).random(RATE).astype(np.float32))
    assert not audio.is_silent(level + tone(level=1.1e-4))


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 192_000])
def test_a_file_of_a_constant_is_silent_at_any_rate(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", np.full(rate, 0.9, np.float32), rate)
    assert audio.is_silent(audio.load(tmp_path / "a.wav", RATE).numpy())


def test_a_click_above_the_threshold_of_silence_is_audible() -> None:
    click = np.zeros(RATE, np.float32)
    click[10] = 0.1
    assert not audio.is_silent(click)


def test_a_files_hash_is_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")  # the example of FIPS 180
    assert audio.file_sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize(("kind", "codec"), [("wav", None), ("mp3", "libmp3lame"), ("m4a", "aac")])
def test_blocks_that_are_passed_on_while_decoding_make_up_the_result(
    tmp_path: Path, kind: str, codec: str | None
) -> None:
    path = tmp_path / f"a.{kind}"
    if codec is None:
        soundfile.write(path, tone(5.0, rate=44_100), 44_100)
    else:
        encode(path, codec, hum(5.0))
    blocks: list[NDArray[np.float32]] = []

    def take(start: int, samples: NDArray[np.float32]) -> None:
        if start == 0:
            blocks.clear()
        assert start == sum(map(len, blocks))
        blocks.append(samples)

    loaded = audio.load(path, RATE, on_samples=take).numpy()
    np.testing.assert_array_equal(np.concatenate(blocks), loaded)
