from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
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
    reported = {f"{axis}{kind}" for axis in ("valence", "arousal") for kind in ("", "_ci", "_original", "_original_ci")}
    assert set(entry) == {
        "path",
        "interval_level",
        "scale",
        "curve",
        "silent",
        "error",
        "regressor",
        "inputs",
        "sound_valence",
        "sound_arousal",
        *reported,
    }
    assert entry == second, "the file, and the same file in its folder"
    lines = affetti(*predict).out.splitlines()
    assert lines[0].startswith(f"{song}: valence {entry['valence']:+.2f} [{entry['valence_ci'][0]:+.2f}, ")
    rows = list(csv.DictReader(io.StringIO(affetti(*predict, "--csv", "-").out)))
    assert len(rows) == 2
    for column, value in (
        ("arousal", entry["arousal"]),
        ("arousal_high", entry["arousal_ci"][1]),
        ("arousal_original", entry["arousal_original"]),
        ("interval_level", entry["interval_level"]),
    ):
        assert float(rows[0][column]) == pytest.approx(value, rel=1e-5), column
        assert len(rows[0][column].strip("-0.").replace(".", "")) <= 6, "significant digits"
    promised = json.loads((run_of("student") / "result.json").read_text())["calibration"]["coverage"]
    assert entry["interval_level"] == promised
    assert f"({100 * promised:.0f} % intervals)" in lines[0]


def test_csv_and_picture_are_written_beside_the_text(
    affetti: Affetti, run_of: Callable[[str], Path], song: Path, tmp_path: Path
) -> None:
    table, picture = tmp_path / "out/table.csv", tmp_path / "out/curve.png"
    ran = affetti("predict", song, "--model", run_of("student"), "--csv", table, "--picture", picture)
    assert ran.out.startswith(f"{song}: valence")
    assert next(csv.DictReader(io.StringIO(table.read_text())))["path"] == str(song)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_curves_are_written_as_csv_a_row_a_window(
    affetti: Affetti, run_of: Callable[[str], Path], tmp_path: Path
) -> None:
    sound = np.concatenate([music(1, 8.0), np.zeros(14 * RATE, dtype=np.float32)])
    audio.save(tmp_path / "song.flac", sound, RATE)
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    table = tmp_path / "out/curves.csv"
    predict = ("predict", tmp_path, "--model", run_of("student"), "--hop", "2")
    _, entry = json.loads(affetti(*predict, "--curve-csv", table, "--json").out)
    rows = list(csv.DictReader(io.StringIO(table.read_text())))
    assert {row["path"] for row in rows} == {str(tmp_path / "song.flac")}
    assert [float(row["time"]) for row in rows] == [point["time"] for point in entry["curve"]]
    for row, point in zip(rows, entry["curve"], strict=True):
        for axis in ("valence", "arousal"):
            assert row[axis] == ("" if point[axis] is None else f"{point[axis]:.6g}")
    assert rows[-1]["valence"] == rows[-1]["valence_original"] == "", "the end is silent"
    mean = np.mean([float(row["valence_original"]) for row in rows if row["valence_original"]])
    assert mean == pytest.approx(entry["valence_original"], rel=1e-5)


def test_names_with_control_characters_are_shown_as_escapes(
    affetti: Affetti, run_of: Callable[[str], Path], tmp_path: Path
) -> None:
    audio.save(tmp_path / "a\n\x1b[2Jb.flac", music(1, 8.0), RATE)
    (tmp_path / "c\nd.wav").write_bytes(b"RIFF")
    ran = affetti("predict", tmp_path, "--model", run_of("student"))
    assert len(ran.out.splitlines()) == 1
    assert "a\\n\\u001b[2Jb.flac: valence" in ran.out
    assert "c\\nd.wav: " in ran.err
    assert "\x1b" not in ran.out + ran.err


def test_one_bad_recording_is_reported_and_stops_no_other(
    affetti: Affetti, run_of: Callable[[str], Path], song: Path
) -> None:
    (song.parent / "broken.wav").write_bytes(b"RIFF")
    ran = affetti("predict", song.parent, "--model", run_of("student"), "--csv", "-")
    assert ran.code == 0
    assert "broken.wav" in ran.err
    bad, good = csv.DictReader(io.StringIO(ran.out))
    assert (Path(bad["path"]).name, bad["valence"]) == ("broken.wav", "")
    assert bad["error"]
    assert (Path(good["path"]).name, good["error"]) == ("song.flac", "")
    song.unlink()
    ran = affetti("predict", song.parent, song, "--model", run_of("student"))
    assert ran.code == 2
    assert "none of 2 recordings can be read" in ran.complaint


def test_unreadable_input_is_refused(affetti: Affetti, run_of: Callable[[str], Path], song: Path) -> None:
    for arguments, says in (
        ([song, "--model", run_of("gan")], "a gan does not predict. Give a run of vit or student or baseline"),
        (["nowhere.wav", "--model", run_of("student")], "nowhere.wav: no such audio file"),
        ([song, "--model", run_of("student"), "--hop", "0"], "--hop"),
        ([song, "--model", run_of("student"), "--hop", "nan"], "--hop"),
        (["--model", run_of("student")], "no audio given"),
        ([song, "--model", run_of("student"), "--picture", "curve.doc"], "is no picture"),
        ([song, "--model", run_of("student"), "--runtime", "onnx"], "needs an ONNX file"),
        ([song, "--model", "nowhere.onnx", "--runtime", "onnx"], "nowhere.onnx: no such file"),
        ([song, "--model", "nowhere"], "nowhere: no such folder"),
    ):
        ran = affetti("predict", *arguments)
        assert ran.code == 2, says
        assert says in ran.complaint
        assert ran.out == ""
