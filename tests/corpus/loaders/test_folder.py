from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from affetti.corpus.loaders import load
from affetti.corpus.track import AudioFile
from affetti.errors import InputError, UsageError


def test_a_folder_becomes_tracks(make_folder: Callable[..., Path]) -> None:
    folder = make_folder(3)
    source = load(f"folder:{folder}")
    assert [track.track_id for track in source.tracks] == ["song0", "song1", "song2"]
    assert source.tracks[1].sound == AudioFile(folder / "song1.wav")
    assert (source.tracks[1].artist, source.tracks[1].genre, source.tracks[1].path) == ("artist 1", "jazz", "song1.wav")
    assert (source.name, source.scale) == ("folder", "-1..1")


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
        ("folder:/nowhere", InputError, "/nowhere/labels.csv: no such file"),
        ("vgmidi:/nowhere", InputError, "not the VGMIDI tree"),
        ("emopia:/nowhere", InputError, "not the EMOPIA tree"),
    ],
)
def test_a_source_that_cannot_be_is_refused(source: str, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=says):
        load(source)


def test_a_soundfont_that_is_none_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such soundfont"):
        load("composed", soundfont=tmp_path / "none.sf2")
    (tmp_path / "text.sf2").write_text("no soundfont", encoding="utf-8")
    with pytest.raises(InputError, match=r"text\.sf2"):
        load("composed", soundfont=tmp_path / "text.sf2")
