from __future__ import annotations

import csv
from pathlib import Path

import pytest

from affetti.corpus.loaders import load
from affetti.emotion import quadrant
from affetti.errors import InputError


def test_songs_are_youtube_ids_and_labels_are_quadrants(data: Path) -> None:
    folder = data / "noncommercial/EMOPIA_1.0"
    source = load(f"emopia:{folder}")
    with (folder / "label.csv").open(encoding="utf-8") as file:
        table = {row["ID"]: row["4Q"] for row in csv.DictReader(file)}
    assert len(source.tracks) == len(list((folder / "midis").glob("*.mid"))) > 500
    for track in source.tracks:
        assert (
            str(quadrant(track.labels.valence, track.labels.arousal))
            == f"Q{table[track.track_id]}"
            == track.track_id[:2]
        )
        assert len(track.song_id) == 11  # as every YouTube id
        assert track.song_id in track.path
        assert (track.genre, track.labels.raters) == ("pop", 0)
    assert any("_" in track.song_id for track in source.tracks)
    assert len({track.song_id for track in source.tracks}) < len(source.tracks)
    assert source.scale == "quadrants"


def tree(folder: Path, text: str, *midi: str) -> Path:
    (folder / "midis").mkdir(parents=True)
    for name in midi:
        (folder / "midis" / name).touch()
    (folder / "label.csv").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ID,annotator\n", "column '4Q' is missing"),
        ("", "not a CSV table"),
        ("ID,4Q\nQ1_x_0,5\n", "line 2: clip 'Q1_x_0' with quadrant '5'"),
        ("ID,4Q\nQ1_x_0,1\nQ1_y_0,2\n", "line 3: clip 'Q1_y_0' with quadrant '2'"),
        ("ID,4Q\n,1\n", "line 2: clip ''"),
        ("ID,4Q\nQ1_z_0,1\n", "no labelled MIDI file"),
    ],
)
def test_a_table_that_cannot_be_used_is_told(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        load(f"emopia:{tree(tmp_path, text, 'Q1_x_0.mid')}")


def test_scores_that_are_not_there_are_counted(tmp_path: Path) -> None:
    folder = tree(tmp_path, "ID,4Q\nQ1_a_b_0,1\nQ3_c_12,3\n", "Q1_a_b_0.mid")
    source = load(f"emopia:{folder}")
    assert [track.song_id for track in source.tracks] == ["a_b"]
    assert "1 labelled clips have no MIDI file here" in source.notes
