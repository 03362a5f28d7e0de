from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
from tests.signal.sounds import encode, hum

FUZZ = Path(__file__).with_name("fuzz.py")


@pytest.mark.parametrize("seed", [0, 1])
def test_a_corrupted_file_is_either_decoded_or_refused(tmp_path: Path, seed: int) -> None:
    sound = hum(0.4, 16_000)
    for name in ("a.wav", "a.flac", "a.mp3", "a.ogg", "a.aiff"):
        soundfile.write(tmp_path / name, sound, 16_000)
    soundfile.write(tmp_path / "float.wav", sound, 16_000, subtype="FLOAT")
    soundfile.write(tmp_path / "a.opus", sound, 16_000, format="OGG", subtype="OPUS")
    for name, codec in (("a.m4a", "aac"), ("b.m4a", "alac"), ("a.aac", "aac"), ("a.mka", "aac"), ("a.wma", "wmav2")):
        encode(tmp_path / name, codec, sound, 16_000, movflags="faststart")
    kinds, rounds = len(list(tmp_path.iterdir())), 100
    ran = subprocess.run(
        [sys.executable, str(FUZZ), str(tmp_path), str(rounds), str(seed)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    decoded, refused, megabytes = map(int, ran.stdout.split())
    assert decoded + refused == kinds * rounds
    assert decoded > rounds  # it is not all refused at the door
    assert megabytes < 700  # torch and FFmpeg alone take half of it
