from __future__ import annotations

import ctypes
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.signal.sounds import RATE, encode, hum, noise, offset

from affetti.errors import InputError
from affetti.signal import audio, decoders
from affetti.signal.native_stderr import muted

DEPTHS = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAW", "ULAW", "IMA_ADPCM")


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("depth", DEPTHS)
def test_every_depth_and_number_of_channels_is_averaged(tmp_path: Path, depth: str, channels: int) -> None:
    if depth == "IMA_ADPCM" and channels > 2:
        pytest.skip("no such format")
    soundfile.write(tmp_path / "a.wav", hum(0.5, 48_000, channels), 48_000, subtype=depth)
    expected = soundfile.read(tmp_path / "a.wav", always_2d=True)[0].mean(axis=1)
    samples, rate = audio.decode(tmp_path / "a.wav")
    assert rate == 48_000
    np.testing.assert_allclose(samples, expected, atol=1e-7)


@pytest.mark.parametrize("values", [7, 1_000, 12_345])
@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.ogg", "a.aiff"])
def test_the_size_of_blocks_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, values: int
) -> None:
    soundfile.write(tmp_path / name, hum(0.3, channels=2), RATE)
    whole, at_16k = audio.decode(tmp_path / name)[0], audio.load(tmp_path / name, 16_000)
    monkeypatch.setattr(decoders, "BLOCK_VALUES", values)
    np.testing.assert_array_equal(audio.decode(tmp_path / name)[0], whole)
    np.testing.assert_array_equal(audio.load(tmp_path / name, 16_000), at_16k)


@pytest.mark.parametrize(
    ("name", "codec", "rate", "options"),
    [
        ("a.m4a", "aac", 44_100, {}),
        ("a.m4a", "aac", 22_050, {"movflags": "faststart"}),
        ("a.mp4", "aac", 48_000, {}),
        ("a.m4a", "alac", 44_100, {}),
        ("a.webm", "libopus", 48_000, {}),
        ("a.mka", "flac", 44_100, {}),
        ("a.wv", "wavpack", 44_100, {}),
    ],
)
@pytest.mark.parametrize("seconds", [0.5, 1.0, 1.0137])
def test_padding_of_an_encoder_is_removed(
    tmp_path: Path, name: str, codec: str, rate: int, options: dict[str, str], seconds: float
) -> None:
    sound = hum(seconds, rate)
    samples, decoded_rate = audio.decode(encode(tmp_path / name, codec, sound, rate, **options))
    assert decoded_rate == rate
    assert abs(len(samples) - len(sound)) <= (rate // 1_000 if codec == "aac" else 0)  # MP4 states it in milliseconds
    lag, fit = offset(samples, sound.mean(axis=1))
    assert lag == 0
    assert fit > 0.95


@pytest.mark.parametrize(("name", "codec", "frame"), [("a.aac", "aac", 1_024), ("a.wma", "wmav2", 2_048)])
def test_a_container_without_padding_information_leaves_about_a_frame(
    tmp_path: Path, name: str, codec: str, frame: int
) -> None:
    samples, _ = audio.decode(encode(tmp_path / name, codec, hum(1.0, 44_100), 44_100))
    lag, fit = offset(samples, hum(1.0, 44_100).mean(axis=1))
    assert abs(lag) <= frame
    assert abs(len(samples) - 44_100) <= 2 * frame
    assert fit > 0.9


@pytest.mark.parametrize("channels", [1, 2, 6, 8])
def test_every_channel_of_a_container_of_ffmpegs_is_averaged(tmp_path: Path, channels: int) -> None:
    sound = hum(0.5, 48_000, channels)
    samples, _ = audio.decode(encode(tmp_path / "a.mka", "pcm_f32le", sound, 48_000))
    np.testing.assert_allclose(samples, sound.mean(axis=1), atol=1e-7)
    samples, _ = audio.decode(encode(tmp_path / "a.m4a", "aac", sound, 48_000))
    assert offset(samples, sound.mean(axis=1))[0] == 0


@pytest.mark.parametrize("name", ["a.m4a", "a.aac", "a.mka", "a.webm"])
@pytest.mark.parametrize("part", [0.5, 0.9])
def test_truncated_files_are_refused(tmp_path: Path, name: str, part: float) -> None:
    codec = "libopus" if name == "a.webm" else "aac"
    whole = encode(tmp_path / name, codec, hum(3.0, 48_000), 48_000, movflags="faststart").read_bytes()
    (tmp_path / "cut").write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(InputError, match=r"truncated|cannot be decoded"):
        audio.decode(tmp_path / "cut")


@pytest.mark.parametrize(
    "content", [b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n", b"ffconcat version 1.0\nfile /etc/hostname\n"]
)
def test_a_list_of_other_files_is_not_audio(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.m4a").write_bytes(content)
    with pytest.raises(InputError, match="cannot be decoded"):
        audio.decode(tmp_path / "a.m4a")


@pytest.fixture
def scratched(tmp_path: Path) -> Path:
    """An MP3 with every tenth byte of its middle wrong, the headers of its frames spared."""
    soundfile.write(tmp_path / "a.mp3", hum(3.0, 44_100), 44_100, bitrate_mode="CONSTANT")
    content = bytearray((tmp_path / "a.mp3").read_bytes())
    for at in range(8_000, 20_000, 10):
        if content[at] != 0xFF and 0xFF not in content[at - 4 : at]:
            content[at] ^= 0x5A
    (tmp_path / "a.mp3").write_bytes(content)
    return tmp_path / "a.mp3"


def test_messages_of_libmpg123_are_suppressed(scratched: Path, capfd: pytest.CaptureFixture[str]) -> None:
    soundfile.read(scratched)
    assert "mpg123" in capfd.readouterr().err  # there is something to suppress
    assert len(audio.decode(scratched)[0]) == 3 * 44_100
    assert capfd.readouterr() == ("", "")


def test_muting_spares_python_and_ends(scratched: Path, capfd: pytest.CaptureFixture[str]) -> None:
    libc = ctypes.CDLL(None)
    libc.perror.restype = None
    with muted(), muted():
        libc.perror(b"C inside")
        sys.stderr.write("Python inside\n")
    libc.perror(b"C outside")
    output = capfd.readouterr().err
    assert "C inside" not in output
    assert "Python inside" in output
    assert "C outside" in output
    with ThreadPoolExecutor(4) as pool:
        lengths = list(pool.map(lambda path: len(audio.decode(path)[0]), [scratched] * 8))
    assert lengths == [3 * 44_100] * 8
    assert capfd.readouterr().err == ""
    libc.perror(b"C again")
    assert "C again" in capfd.readouterr().err


def test_samples_are_scaled_by_their_depth(tmp_path: Path) -> None:
    quiet = np.round(noise(0.1) * 127) / 128  # exact in eight bits and more
    for depth in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"):
        soundfile.write(tmp_path / "a.wav", quiet, RATE, subtype=depth)
        with (tmp_path / "a.wav").open("rb", buffering=0) as file:
            blocks = [block for _, block in decoders.decode_ffmpeg(file)]
        np.testing.assert_array_equal(np.concatenate(blocks)[:, 0], quiet.astype(np.float32), err_msg=depth)
