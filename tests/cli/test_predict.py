from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import RATE, music

from affetti.signal import audio

Affetti = Callable[..., Any]


@pytest.fixture
def song(tmp_path: Path) -> Path:
    audio.save(tmp_path / "song.flac", music(1, 8.0), RATE)
    return tmp_path / "song.flac"


def test_text_json_and_csv_say_the_same(affetti: Affetti, run_of: Callable[[str], Path], song: Path) -> None:
    predict = ("predict", song, song.parent, "--model", run_of("student"))
    (entry, second) = json.loads(affetti(*predict, "--json").out)
    assert set(entry) == {"path", "valence", "arousal", "valence_ci", "arousal_ci", "curve"}
    assert entry == second, "the file, and the same file in its folder"
    lines = affetti(*predict).out.splitlines()
    assert lines[0].startswith(f"{song}: valence {entry['valence']:+.2f} [{entry['valence_ci'][0]:+.2f}, ")
    rows = list(csv.DictReader(io.StringIO(affetti(*predict, "--csv").out)))
    assert len(rows) == 2
    assert float(rows[0]["arousal"]) == entry["arousal"]
    assert float(rows[0]["arousal_high"]) == entry["arousal_ci"][1]


def test_what_cannot_be_read_is_refused(affetti: Affetti, run_of: Callable[[str], Path], song: Path) -> None:
    for arguments, says in (
        ([song, "--model", run_of("gan")], "a gan does not predict. Give a run of student or baseline"),
        (["nowhere.wav", "--model", run_of("student")], "nowhere.wav: no such audio file"),
        ([song, "--model", run_of("student"), "--hop", "0"], "--hop"),
        ([song, "--model", run_of("student"), "--hop", "nan"], "--hop"),
        (["--model", run_of("student")], "no audio given"),
    ):
        ran = affetti("predict", *arguments)
        assert ran.code == 2, says
        assert says in ran.complaint
        assert ran.out == ""
