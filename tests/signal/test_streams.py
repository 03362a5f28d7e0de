"""Files of several streams, MPEG layer II, channels that cancel, and float samples on other scales."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.signal.sounds import RATE, encode, hum, noise, tone

from affetti.errors import InputError
from affetti.signal import audio
from affetti.signal.container import streams

TAGS = {
    "id3v2": b"ID3\x04\0\0\0\0\0\x0f" + b"x" * 15,
    "id3v1": b"TAG" + b"y" * 125,
    "ape": b"APETAGEX" + struct.pack("<IIII", 2_000, 40, 1, 1 << 31) + bytes(8 + 40),
}


def encoded(folder: Path, kind: str, sound: np.ndarray, rate: int = 44_100) -> bytes:
    path = folder / f"part.{kind}"
    if kind == "opus":
        soundfile.write(path, sound, 48_000, format="OGG", subtype="OPUS")
    else:
        soundfile.write(path, sound, rate)
    return path.read_bytes()


@pytest.mark.parametrize("kind", ["ogg", "opus"])
@pytest.mark.parametrize("count", [2, 3])
def test_chained_ogg_is_read_to_its_end(tmp_path: Path, kind: str, count: int) -> None:
    parts = [encoded(tmp_path, kind, level * hum(1.0, 48_000), 48_000) for level in (0.2, 0.4, 0.8)[:count]]
    lone: list[np.ndarray] = []
    for part in parts:
        (tmp_path / "lone").write_bytes(part)
        lone.append(audio.decode(tmp_path / "lone")[0])
    (tmp_path / f"a.{kind}").write_bytes(b"".join(parts))
    samples, _ = audio.decode(tmp_path / f"a.{kind}")
    np.testing.assert_array_equal(samples, np.concatenate(lone))
    assert len(audio.load(tmp_path / f"a.{kind}", RATE)) == pytest.approx(sum(map(len, lone)) / 48_000 * RATE, abs=2)


@pytest.mark.parametrize("tags", [("id3v2",), ("id3v1",), ("ape",), ("ape", "id3v1", "id3v2")])
def test_mp3s_with_tags_between_are_read_to_their_end(tmp_path: Path, tags: tuple[str, ...]) -> None:
    first, second = (encoded(tmp_path, "mp3", noise(seconds, 44_100)) for seconds in (2.0, 3.0))
    between = b"".join(TAGS[tag] for tag in tags)
    (tmp_path / "a.mp3").write_bytes(TAGS["id3v2"] + first + between + second + TAGS["id3v1"])
    assert len(audio.decode(tmp_path / "a.mp3")[0]) == 5 * 44_100


def test_tags_at_the_end_are_not_a_stream(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(encoded(tmp_path, "mp3", noise(2.0, 44_100)) + TAGS["ape"] + TAGS["id3v1"] + b"\xff\xfb\x90\0" * 3)
    with path.open("rb", buffering=0) as file:
        assert len(streams(file)) == 1


def test_a_stream_of_another_rate_is_refused(tmp_path: Path) -> None:
    first, second = encoded(tmp_path, "ogg", hum(1.0, 48_000), 48_000), encoded(tmp_path, "ogg", hum(1.0, 44_100))
    (tmp_path / "a.ogg").write_bytes(first + second)
    with pytest.raises(InputError, match="changes its sample rate from 48000 to 44100"):
        audio.decode(tmp_path / "a.ogg")


@pytest.mark.parametrize("kind", ["ogg", "mp3"])
def test_a_joined_file_that_is_cut_is_refused(tmp_path: Path, kind: str) -> None:
    part = encoded(tmp_path, kind, noise(2.0, 44_100))
    (tmp_path / f"a.{kind}").write_bytes(part + (TAGS["id3v2"] if kind == "mp3" else b"") + part[: len(part) // 2])
    with pytest.raises(InputError, match=r"truncated|cannot be decoded"):
        audio.decode(tmp_path / f"a.{kind}")


@pytest.mark.parametrize("rate", [24_000, 32_000, 44_100, 48_000])
def test_layer_2_is_read_whole_and_refused_cut(tmp_path: Path, rate: int) -> None:
    path = encode(tmp_path / "a.mp2", "mp2", hum(3.0, rate, channels=1), rate)
    samples, decoded_rate = audio.decode(path)
    assert decoded_rate == rate
    assert 3 * rate <= len(samples) < 3 * rate + 3_000
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2 + 7])
    with pytest.raises(InputError, match=r"truncated after 1\.[45]\d s"):
        audio.decode(path)


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_a_cut_mp3_is_reported_with_the_seconds_that_are_there(tmp_path: Path, part: float) -> None:
    whole = encoded(tmp_path, "mp3", noise(10.0, 44_100))
    (tmp_path / "a.mp3").write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(InputError, match="truncated after") as caught:
        audio.decode(tmp_path / "a.mp3")
    assert float(str(caught.value).split("after ")[1].split(" s")[0]) == pytest.approx(10 * part, abs=0.15)


@pytest.mark.parametrize("kind", ["wav", "ogg", "mp3", "flac"])
def test_channels_that_cancel_are_refused(tmp_path: Path, kind: str) -> None:
    sound = hum(3.0, 44_100, channels=1)[:, 0]
    soundfile.write(tmp_path / f"a.{kind}", np.stack([sound, -sound], axis=1), 44_100)
    with pytest.raises(InputError, match=rf"a\.{kind}: its channels cancel"):
        audio.load(tmp_path / f"a.{kind}", RATE)


@pytest.mark.parametrize("case", ["unrelated", "one side", "wide", "six", "silent"])
def test_channels_that_differ_are_averaged(tmp_path: Path, case: str) -> None:
    sound = hum(2.0, channels=6)
    channels = {
        "unrelated": sound[:, :2],
        "one side": sound[:, :2] * [1, 0],
        "wide": sound[:, :1] * [1, -0.7],
        "six": sound * [0, 0, 0, 0, 0, 1],
        "silent": sound[:, :1] * [1e-6, -1e-6],
    }[case]
    soundfile.write(tmp_path / "a.wav", channels, RATE, subtype="FLOAT")
    np.testing.assert_allclose(audio.load(tmp_path / "a.wav", RATE).numpy(), channels.mean(axis=1), atol=1e-6)


@pytest.mark.parametrize("peak", [4.1, 9_000.0, 32_768.0, 1e30])
def test_float_samples_on_another_scale_are_refused_with_the_value(tmp_path: Path, peak: float) -> None:
    soundfile.write(tmp_path / "a.wav", (tone() * 2).astype(np.float32) * np.float32(peak), RATE, subtype="FLOAT")
    with pytest.raises(InputError, match=r"samples reach [\d.e+]+, not ±1"):
        audio.load(tmp_path / "a.wav", RATE)


def test_float_samples_a_little_over_one_are_kept(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(level=3.9), RATE, subtype="FLOAT")
    assert float(audio.load(tmp_path / "a.wav", RATE).max()) == pytest.approx(3.9, rel=1e-3)
