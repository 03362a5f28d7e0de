from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from affetti.corpus.loaders import load
from affetti.corpus.track import AudioFile, Options
from affetti.errors import InputError, UsageError

Form = Literal["NFC", "NFD"]


def test_a_folder_becomes_tracks(make_folder: Callable[..., Path]) -> None:
    folder = make_folder(3)
    source = load(f"folder:{folder}")
    assert [track.track_id for track in source.tracks] == ["song0", "song1", "song2"]
    assert source.tracks[1].sound == AudioFile(folder / "song1.wav")
    assert (source.tracks[1].artist, source.tracks[1].genre, source.tracks[1].path) == ("artist 1", "jazz", "song1.wav")
    assert (source.name, source.dataset.scale) == ("folder", "-1..1")


def test_a_file_named_by_its_full_path_is_read(make_folder: Callable[..., Path], tmp_path: Path) -> None:
    folder = make_folder(2)
    (tmp_path / "labels.csv").write_text(
        f"file,valence,arousal\n{folder}/song0.wav,-1,0\nsongs/song1.wav,0,0\n", encoding="utf-8"
    )
    source = load(f"folder:{tmp_path}")
    assert [track.path for track in source.tracks] == ["songs/song0.wav", "songs/song1.wav"]
    assert "/" not in source.tracks[0].track_id
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "labels.csv").write_text(f"file,valence,arousal\n{folder}/song0.wav,-1,0\n", encoding="utf-8")
    assert load(f"folder:{elsewhere}").tracks[0].path == f"{folder}/song0.wav"


@pytest.mark.parametrize(
    ("source", "kind", "says"),
    [
        ("floder:x", UsageError, "unknown source 'floder:x'. Choose from composed, folder:PATH"),
        ("folder", UsageError, "folder needs a path. Write folder:PATH"),
        ("composed:x", UsageError, "unknown source"),
        ("/", UsageError, "'/' is a folder, without the kind of data in it. Write folder:/, or"),
        ("folder:/nowhere", InputError, "/nowhere: no such folder"),
        ("vgmidi:/nowhere", InputError, "/nowhere: no such folder"),
        (["folder:a", "folder:a"], UsageError, "Name each source once"),
        ([], UsageError, "sources none"),
        (["composed", "folder:a"], UsageError, "composed music is a corpus of its own"),
    ],
)
def test_an_invalid_source_is_refused(source: str | list[str], kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=says):
        load(source)


def test_an_invalid_soundfont_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such soundfont"):
        load("composed", Options(soundfont=tmp_path / "none.sf2"))
    (tmp_path / "text.sf2").write_text("no soundfont", encoding="utf-8")
    with pytest.raises(InputError, match=r"text\.sf2"):
        load("composed", Options(soundfont=tmp_path / "text.sf2"))


def test_labels_without_sound_and_sound_without_labels_are_reported(make_folder: Callable[..., Path]) -> None:
    folder = make_folder(4)
    (folder / "song1.wav").unlink()
    lines = (folder / "labels.csv").read_text(encoding="utf-8").splitlines()
    (folder / "labels.csv").write_text("\n".join(lines[:-1]), encoding="utf-8")
    source = load(f"folder:{folder}")
    assert [track.track_id for track in source.tracks] == ["song0", "song2"]
    assert [track.track_id for track in source.absent] == ["song1"]
    assert source.refused == [("song1.wav", "named in labels.csv, but there is no such file")]
    assert source.notes[1] == "1 files here have no row in labels.csv and are not read (first: song3.wav)"
    for name in ("song0.wav", "song2.wav"):
        (folder / name).unlink()
    with pytest.raises(InputError, match=r"song0.wav: named in labels.csv, but there is no such file \(and 2 more\)"):
        load(f"folder:{folder}")


def test_names_without_their_suffix_are_refused_with_the_whole_name(make_folder: Callable[..., Path]) -> None:
    folder = make_folder(2)
    labels = folder / "labels.csv"
    labels.write_text(labels.read_text(encoding="utf-8").replace(".wav", ""), encoding="utf-8")
    with pytest.raises(InputError, match=r"Write the suffix in the file column: song0\.wav"):
        load(f"folder:{folder}")
    labels.write_text("file,valence,arousal\nabsent/song0,0,0\n", encoding="utf-8")
    with pytest.raises(InputError, match="Correct the file column"):
        load(f"folder:{folder}", Options(scale="-1..1"))


@pytest.mark.parametrize(("in_table", "on_disk"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_names_in_the_normal_form_of_macos_are_matched(
    make_folder: Callable[..., Path], in_table: Form, on_disk: Form
) -> None:
    folder = make_folder(2)
    (folder / "song0.wav").rename(folder / unicodedata.normalize(on_disk, "Fauré.wav"))
    name = unicodedata.normalize(in_table, "Fauré.wav")
    (folder / "labels.csv").write_text(f"file,valence,arousal\n{name},-0.5,0.5\nsong1.wav,0.1,0.1\n", encoding="utf-8")
    source = load(f"folder:{folder}")
    assert [track.path for track in source.tracks] == [name, "song1.wav"]
    assert len(source.tracks[0].sound.waveform(22_050)) > 22_050
    assert not any("have no row" in note for note in source.notes)


def test_a_file_in_an_unreadable_folder_is_left_out_with_the_reason(
    guarded: Path, make_folder: Callable[..., Path]
) -> None:
    songs = make_folder(3)
    songs.rename(guarded / "songs")
    folder = guarded / "songs"
    (folder / "closed").mkdir()
    (folder / "song1.wav").rename(folder / "closed/song1.wav")
    text = (folder / "labels.csv").read_text(encoding="utf-8").replace("song1.wav", "closed/song1.wav")
    (folder / "labels.csv").write_text(text, encoding="utf-8")
    (folder / "closed").chmod(0)
    source = load(f"folder:{folder}")
    assert len(source.tracks) == 2
    assert source.refused == [("closed/song1.wav", "named in labels.csv, but cannot be read (Permission denied)")]
    assert any("closed: cannot be read (Permission denied)" in note for note in source.notes)


def test_the_original_values_are_kept(make_folder: Callable[..., Path]) -> None:
    folder = make_folder(2)
    (folder / "labels.csv").write_text("file,valence,arousal\nsong0.wav,3.1,7.3\nsong1.wav,5,5\n", encoding="utf-8")
    labels = load(f"folder:{folder}", Options(scale="1..9")).tracks[0].labels
    assert (labels.valence_original, labels.arousal_original) == (3.1, 7.3)
    assert (labels.valence, labels.arousal) == pytest.approx((-0.475, 0.575))


def test_a_loop_of_links_is_not_followed(make_folder: Callable[..., Path]) -> None:
    folder = make_folder(3)
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "self.wav").symlink_to(folder / "self.wav")
    source = load(f"folder:{folder}")
    assert len(source.tracks) == 3
    assert "first: self.wav" in source.notes[1]


def test_a_name_that_is_not_valid_text_can_be_reported(make_folder: Callable[..., Path]) -> None:
    folder = make_folder(2)
    (folder / os.fsdecode(b"caf\xe9.wav")).write_bytes(b"")
    note = load(f"folder:{folder}").notes[1]
    assert note.encode("utf-8").endswith(b"(first: caf\\udce9.wav)")


def test_an_unknown_source_is_reported_before_its_options() -> None:
    for source in ("my-music", "foldr:my-music"):
        with pytest.raises(UsageError, match=rf"unknown source '{source}'. Choose from composed, folder:PATH"):
            load(source, Options(scale="1..9"))
    with pytest.raises(UsageError, match="--scale: it concerns folder and midi and jamendo, not composed"):
        load("composed", Options(scale="1..9"))


def test_an_option_that_concerns_no_source_is_refused_and_others_are_kept(make_folder: Callable[..., Path]) -> None:
    folder = make_folder(2)
    assert load(f"folder:{folder}").options == {}
    assert load(f"folder:{folder}", Options(scale="-1..1")).options == {"scale": "-1..1"}
    with pytest.raises(UsageError, match=r"--full-songs: it concerns deam, not folder. Leave it out"):
        load(f"folder:{folder}", Options(full_songs=True))
