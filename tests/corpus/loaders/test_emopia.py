from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import soundfile
from tests.conftest import RATE, Ran, music

from affetti.corpus.loaders import load
from affetti.corpus.track import AudioFile, MidiFile, Options
from affetti.emotion import quadrant
from affetti.errors import InputError

HEAD = "ID,4Q,annotator"
NAMES = ("Q1_0vLPYiPN7qY_0", "Q3_0vLPYiPN7qY_1", "Q1__SJQaaRzD-A_0", "Q4_xgtwQGeB6_0_10", "Q2_x-YouTubeID_2")
CLIPS = {name: name[1] for name in NAMES}


def test_songs_are_youtube_ids_and_labels_are_quadrants(data: Path) -> None:
    folder = data / "noncommercial/EMOPIA_1.0"
    source = load(f"emopia:{folder}")
    with (folder / "label.csv").open(encoding="utf-8") as file:
        table = {row["ID"]: row["4Q"] for row in csv.DictReader(file)}
    assert len(source.tracks) == len(list((folder / "midis").glob("*.mid"))) > 500
    for track in source.tracks:
        label = f"Q{table[track.track_id]}"
        assert str(quadrant(track.labels.valence, track.labels.arousal)) == label == track.track_id[:2]
        assert track.labels.tags == (label,)
        assert len(track.song_id) == 11  # as every YouTube id
        assert track.song_id in track.path
        assert (track.genre, track.labels.raters) == ("pop", 0)
        assert isinstance(track.sound, MidiFile)
    assert any("_" in track.song_id for track in source.tracks)
    assert len({track.song_id for track in source.tracks}) < len(source.tracks)
    assert (source.dataset.scale, len(source.absent), dict(source.official)) == ("quadrants", 0, {})
    assert source.notes == ("labels are quadrants: coordinates are their centres",)


def tree(folder: Path, midi: tuple[str, ...] = NAMES, lines: tuple[str, ...] | None = None) -> Path:
    root = folder / "EMOPIA_1.0"
    (root / "midis").mkdir(parents=True)
    for name in midi:
        (root / "midis" / f"{name}.mid").touch()
    rows = [f"{name},{label},D" for name, label in CLIPS.items()] if lines is None else list(lines)
    (root / "label.csv").write_bytes("".join(f"{row}\r\n" for row in (HEAD, *rows)).encode())
    return root


def test_scores_are_read_and_missing_ones_counted(tmp_path: Path) -> None:
    root = tree(tmp_path, midi=NAMES[:4])
    source = load(f"emopia:{root}", Options(soundfont=None))
    assert {track.track_id: track.song_id for track in source.tracks} == {
        "Q1_0vLPYiPN7qY_0": "0vLPYiPN7qY",
        "Q3_0vLPYiPN7qY_1": "0vLPYiPN7qY",
        "Q1__SJQaaRzD-A_0": "_SJQaaRzD-A",
        "Q4_xgtwQGeB6_0_10": "xgtwQGeB6_0",
    }
    assert [(track.track_id, track.path) for track in source.absent] == [
        ("Q2_x-YouTubeID_2", "midis/Q2_x-YouTubeID_2.mid")
    ]
    assert source.notes[1:] == ("1 of 5 labelled clips have neither MIDI nor audio here",)


@pytest.mark.parametrize("place", ["audios", "EMOPIA_1.0/audios", "elsewhere/44k"])
def test_audio_is_preferred_to_midi(tmp_path: Path, place: str) -> None:
    tree(tmp_path, midi=NAMES[:2])
    (tmp_path / place).mkdir(parents=True)
    for name in NAMES[1:3]:
        (tmp_path / place / f"{name}.mp3").touch()
    source = load(f"emopia:{tmp_path}")
    sounds = {track.track_id: track.sound for track in source.tracks}
    first, second, third = NAMES[:3]
    assert sounds == {
        first: MidiFile(tmp_path / f"EMOPIA_1.0/midis/{first}.mid"),
        second: AudioFile(tmp_path / f"{place}/{second}.mp3"),
        third: AudioFile(tmp_path / f"{place}/{third}.mp3"),
    }
    assert "2 clips are read from audio, 1 from MIDI" in source.notes
    assert len(source.absent) == 2


def test_labels_alone_and_their_order_are_enough(tmp_path: Path) -> None:
    rows = tuple(f"{name},{label},D" for name, label in CLIPS.items())
    first = load(f"emopia:{tree(tmp_path / 'a', (), rows)}")
    second = load(f"emopia:{tree(tmp_path / 'b', (), rows[::-1])}")
    assert (len(first.tracks), len(first.absent)) == (0, len(CLIPS))
    assert [(t.track_id, t.labels.tags) for t in first.absent] == [(t.track_id, t.labels.tags) for t in second.absent]


def test_published_splits_are_offered(tmp_path: Path) -> None:
    root = tree(tmp_path)
    parts = {"train": NAMES[:2], "val": NAMES[2:3], "test": (*NAMES[3:], "Q1_notHereAtAl_0")}
    folder = tmp_path / "EMOPIA_cls/dataset/split"
    folder.mkdir(parents=True)
    for part, clips in parts.items():
        lines = [f"{name},{name[:2]}" for name in clips]
        (folder / f"{part}.csv").write_text("\n".join(["fname,label", *lines]) + "\n", encoding="utf-8")
        songs = "songID,num_Q1,num_Q2,num_Q3,num_Q4,DominantQ\n0vLPYiPN7qY,3,0,1,0,1\n"
        (folder / f"{part}_SL.csv").write_text(songs, encoding="utf-8")
    official = load(f"emopia:{tmp_path}").official
    assert list(official) == ["emopia-cls"]
    assert official["emopia-cls"]["Q1__SJQaaRzD-A_0"] == "validation"
    assert len(official["emopia-cls"]) == 6
    (root / "split").mkdir()
    for part, clips in parts.items():
        lines = [f"{number},{name}.mid" for number, name in enumerate(clips)]
        (root / f"split/{part}_clip.csv").write_text("\n".join([",clip_name", *lines]) + "\n", encoding="utf-8")
    official = load(f"emopia:{tmp_path}").official
    assert official["emopia"] == official["emopia-cls"]
    (folder / "val.csv").unlink()
    assert list(load(f"emopia:{tmp_path}").official) == ["emopia"]
    (root / "split/val_clip.csv").write_text(f",clip_name\n0,{NAMES[0]}.mid\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"val_clip.csv: line 2: clip Q1_0vLPYiPN7qY_0 is in the train part too"):
        load(f"emopia:{tmp_path}")
    (root / "split/val_clip.csv").write_text("clip\nx\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"val_clip.csv: column 'clip_name' is missing"):
        load(f"emopia:{tmp_path}")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ID,annotator\nx,D\n", r"label.csv: column '4q' is missing \(found: ID, annotator\)"),
        ("", r"label.csv: column 'id' is missing \(found: nothing\)"),
        ("ID,4Q\n", "label.csv: holds no rows"),
        ("ID,4Q\nQ1_x_0,5\n", "line 2: clip 'Q1_x_0' with quadrant '5'; expected Q1_SONG_0 with 1"),
        ("ID,4Q\nQ1_x_0,1\nQ1_y_0,2\n", "line 3: clip 'Q1_y_0' with quadrant '2'"),
        ("ID,4Q\nQ1_x,1\n", "line 2: clip 'Q1_x' with quadrant '1'"),
        ("ID,4Q\nQ5_x_0,5\n", "line 2: clip 'Q5_x_0'"),
        ("ID,4Q\n,1\n", "line 2: id is missing"),
        ("ID,4Q\nQ1_x_0,1\nQ1_x_0,1\n", r"line 3: id Q1_x_0 occurs twice \(also on line 2\)"),
    ],
)
def test_a_table_that_cannot_be_used_is_reported(tmp_path: Path, text: str, says: str) -> None:
    root = tree(tmp_path)
    (root / "label.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=says):
        load(f"emopia:{root}")


def test_a_folder_without_labels_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no labels of EMOPIA .expected label.csv.*Give the folder that holds"):
        load(f"emopia:{tmp_path}")


def test_a_corpus_is_prepared_from_audio(tmp_path: Path, affetti: Callable[..., Ran]) -> None:
    root = tree(tmp_path, midi=())
    for number, name in enumerate(CLIPS):
        soundfile.write(root / f"{name}.mp3", music(number, 6.5), RATE, format="MP3")
    out = tmp_path / "corpus"
    done = affetti("prepare", f"emopia:{root}", "--out", out, "--folds", "2")
    assert done.code == 0, done.err
    clips = pd.read_parquet(out / "clips.parquet")
    assert dict(zip(clips["clip_id"], clips["tags"], strict=True)) == {name: name[:2] for name in CLIPS}
    assert json.loads((out / "corpus.json").read_text(encoding="utf-8"))["label_scale"] == "quadrants"
