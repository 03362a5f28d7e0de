from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from affetti.corpus.loaders import table
from affetti.errors import InputError, UsageError

HEAD = "file,valence,arousal\n"


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    (folder / "labels.csv").write_bytes(text.encode(encoding))
    return folder


def test_every_column_is_read(tmp_path: Path) -> None:
    text = (
        "genre, file ,artist,valence,arousal,valence_std,arousal_std,raters,song,mood\n"
        'rock,"x, y/a.wav",Abba,9,1,1.6,0.8,12,s1,glad\n'
        "\n"
        ",b.mp3,,5,3,,,,,\n"
    )
    read = table.read(write(tmp_path, text), "1..9")
    first, second = read.rows
    assert first.file == tmp_path / "x, y/a.wav"
    assert (first.clip_id, first.song, first.artist, first.genre) == ("x, y_a", "s1", "Abba", "rock")
    assert (first.labels.valence, first.labels.arousal, first.labels.raters) == (1.0, -1.0, 12)
    assert (first.labels.valence_std, first.labels.arousal_std) == pytest.approx((0.4, 0.2))
    assert (second.clip_id, second.song, second.artist, second.labels.raters) == ("b", "b", "", 0)
    assert (second.labels.valence, second.labels.arousal) == (0.0, -0.5)
    assert math.isnan(second.labels.valence_std)
    assert read.notes == ("labels are on the scale 1..9 (declared)", "columns not read: mood")


@pytest.mark.parametrize(
    "text",
    [
        "file,valence,arousal\r\nü.wav,-0.5,0.25\r\n",
        "file;valence;arousal\r\nü.wav;-0,5;0,25\r\n",
        "file\tvalence\tarousal\nü.wav\t-0.5\t0,25\n",
        'File , Valence, AROUSAL\n "ü.wav", -0.5 , 0.25',
    ],
)
def test_a_table_saved_by_a_spreadsheet_is_read(tmp_path: Path, text: str) -> None:
    rows = table.read(write(tmp_path, "\ufeff" + text), None).rows
    assert rows[0].labels.arousal == 0.25
    assert [(row.file.name, row.labels.valence) for row in rows] == [("ü.wav", -0.5)]


def test_files_of_one_name_in_different_folders_are_different_songs(tmp_path: Path) -> None:
    rows = table.read(write(tmp_path, HEAD + "x/01.wav,-1,1\ny/01.wav,1,1\n"), None).rows
    assert [(row.clip_id, row.song) for row in rows] == [("x_01", "x_01"), ("y_01", "y_01")]


def test_a_file_outside_the_folder_is_named_without_slashes(tmp_path: Path) -> None:
    rows = table.read(write(tmp_path, HEAD + "/abs/a.wav,-1,1\n../b.wav,1,1\n"), None).rows
    assert [row.clip_id for row in rows] == ["abs_a", ".._b"]
    assert rows[0].file == Path("/abs/a.wav")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "column 'file' is missing (found: nothing)"),
        (HEAD, "holds no rows"),
        ("file,valence\na.wav,0.1\n", "column 'arousal' is missing (found: file, valence)"),
        ("file|valence|arousal\na.wav|-0.1|1\n", "column 'file' is missing (found: file|valence|arousal)"),
        ("file;valence;arousal\na.wav;-0,1;1,x\n", "line 2: arousal '1,x' is not a number"),
        ("file,valence,arousal,valence\na.wav,-1,0,1\n", "there are several columns 'valence'"),
        (HEAD + "a.wav,-0.1,0.2\nb.wav,sad,0\n", "line 3: valence 'sad' is not a number"),
        (HEAD + "a.wav,-0.1,\n", "line 2: arousal '' is not a number"),
        (HEAD + "a.wav,-0.1,nan\n", "line 2: arousal 'nan' is not a number"),
        (HEAD + "a.wav,-0.1,inf\n", "line 2: arousal 'inf' is not a number"),
        (HEAD + "a.wav,-0.1,0\n\n\na.wav,0.2,0\n", "line 5: 'a.wav' is listed twice"),
        (HEAD + "a.wav,-0.1,0\n./a.wav,0.2,0\n", "line 3: 'a.wav' is listed twice"),
        (HEAD + "x/a.wav,-0.1,0\nx_a.mp3,0.2,0\n", "line 3: 'x_a.mp3' and 'x/a.wav' would both be clip 'x_a'"),
        (HEAD + ",-0.1,0\n", "line 2: no file is named"),
        (HEAD + "a.wav,-0.1,0,7\n", "line 2: 4 cells, but 3 columns"),
        (HEAD + "a.wav,-0.1\n", "line 2: 2 cells, but 3 columns"),
        (HEAD + '"a.wav,-0.1,0\n', "not a CSV table"),
        ("file,valence,arousal,raters\na.wav,-0.1,0,2.5\n", "line 2: raters 2.5 is no whole number"),
        ("file,valence,arousal,raters\na.wav,-0.1,0,-3\n", "line 2: raters -3 is no whole number"),
        ("file,valence,arousal,raters\na.wav,-0.1,0,70000\n", "line 2: raters 70000 is no whole number"),
        ("file,valence,arousal,raters\na.wav,-0.1,0,ten\n", "line 2: raters 'ten' is not a number"),
        ("file,valence,arousal,valence_std\na.wav,-0.1,0,-1\n", "line 2: valence_std -1 is no number from 0"),
    ],
)
def test_a_table_that_cannot_be_used_is_reported_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        table.read(write(tmp_path, text), None)
    assert says in caught.value.what
    assert caught.value.where == str(tmp_path / "labels.csv")
    assert caught.value.hint


def test_a_missing_table_and_one_in_another_encoding_are_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such file\. Write a CSV with the columns file, valence, arousal"):
        table.read(tmp_path, None)
    (tmp_path / "ratings.csv").touch()
    with pytest.raises(InputError, match=r"labels.csv: no such file. Rename ratings.csv, if it has the columns file"):
        table.read(tmp_path, None)
    with pytest.raises(InputError, match=r"not UTF-8 text .*byte 21\). Save it as UTF-8; spreadsheets call that CSV"):
        table.read(write(tmp_path, HEAD + "ü.wav,0,0\n", "latin-1"), None)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("file;valence;arousal;;\na.wav;-0,5;0,5;;\n", None),
        ("sep=;\r\nfile;valence;arousal\r\na.wav;-0,5;0,5\r\n", None),
        ("file,valence,arousal,mood,\na.wav,-0.5,0.5,calm,?\n", "columns not read: mood, one without a header"),
        ("file,,valence,arousal\na.wav,?,-0.5,0.5\n", "columns not read: one without a header"),
    ],
)
def test_tables_of_spreadsheets_are_read_and_ignored_columns_are_named(
    tmp_path: Path, text: str, note: str | None
) -> None:
    read = table.read(write(tmp_path, text), None)
    assert (read.rows[0].labels.valence, read.rows[0].labels.arousal) == (-0.5, 0.5)
    assert [it for it in read.notes if "columns not read" in it] == ([] if note is None else [note])


def test_a_label_outside_the_declared_scale_is_reported(tmp_path: Path) -> None:
    write(tmp_path, HEAD + "a.wav,0.5,0.5\nb.wav,0.5,1.01\n")
    with pytest.raises(InputError, match=r"line 3: arousal 1.01 lies outside the scale 0..1"):
        table.read(tmp_path, "0..1")


@pytest.mark.parametrize("values", [[-0.5, 0.9], [-1.0, 1.0], [-0.01, 0.0]])
def test_the_scale_of_negative_values_within_one_is_inferred(values: list[float], tmp_path: Path) -> None:
    assert table.choose_scale(np.array(values), None, tmp_path) == "-1..1"


@pytest.mark.parametrize(
    ("values", "fitting"),
    [
        ([0.0, 1.0], "-1..1 or 0..1 or 0..10 or -10..10"),
        ([0.2, 0.7], "-1..1 or 0..1 or 0..10 or -10..10"),
        ([1.0, 5.0], "1..9 or 1..5 or 1..7 or 0..10 or -10..10"),
        ([1.6, 8.4], "1..9 or 0..10 or -10..10"),
        ([-0.9, 1.5], "-10..10"),
        ([-40.0, 50.0], "no scale known here"),
    ],
)
def test_the_scale_of_ambiguous_values_is_not_guessed(values: list[float], fitting: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        table.choose_scale(np.array(values), None, tmp_path)
    assert caught.value.what.endswith(f"could be on {fitting}")
    assert "--scale" in str(caught.value.hint)


def test_the_error_of_an_unknown_scale_lists_the_scales(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"unknown scale '1-9'. Choose from -1..1, 0..1, 1..9"):
        table.choose_scale(np.array([1.0]), "1-9", tmp_path)
