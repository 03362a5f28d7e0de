from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import soundfile
from tests.conftest import RATE, Ran, music

from affetti.corpus import Corpus
from affetti.corpus.annotations import Annotations, Lyrics, Section
from affetti.corpus.loaders import load
from affetti.corpus.metadata import instrument_names, join
from affetti.corpus.track import Options, Source
from affetti.errors import InputError, UsageError

LRC = "[00:00.00]first words\n[00:06.00]second words\n[00:12.00]\n"
SECTIONS = "start,end,label\n0,6,Verse 1\n6,15,Chorus\n15,19.5,outro\n"


@pytest.fixture
def described(tmp_path: Path) -> Path:
    """Four songs of 19.5 s: the first with everything, the last with nothing."""
    folder = tmp_path / "described"
    (folder / "words").mkdir(parents=True)
    (folder / "words/a.lrc").write_text(LRC, encoding="utf-16")
    (folder / "a.csv").write_text(SECTIONS, encoding="utf-8")
    for i in range(4):
        soundfile.write(folder / f"song{i}.wav", music(i, 19.5), RATE)
    (folder / "labels.csv").write_text(
        "file;valence;arousal;lyrics;lyrics_file;language;section;sections_file;instruments;mode;tempo\n"
        "song0.wav;-0,5;0,5;;words/a.lrc;EN;;a.csv;Piano, Drums;Major;120,5\n"
        'song1.wav;0,5;-0,5;"eins\nzwei";;de;Refrain;;voice|piano;min;\n'
        "song2.wav;0,1;-0,2;愛;;ja;;;;;90\n"
        "song3.wav;0,3;0,2;;;;;;;;\n",
        encoding="utf-8",
    )
    return folder


def test_a_folder_keeps_words_sections_and_instruments(
    described: Path, tmp_path: Path, affetti: Callable[..., Ran]
) -> None:
    ran = affetti("prepare", f"folder:{described}", "--windows", "all", "--out", tmp_path / "corpus")
    assert ran.code == 0, ran.err
    corpus = Corpus.open(tmp_path / "corpus")
    clips = corpus.clips.set_index("clip_id")
    first = [clips.loc[f"song0-0{i}"] for i in range(3)]
    assert [clip["lyrics"] for clip in first] == ["first words", "first words\nsecond words", "second words"]
    assert [clip["section"] for clip in first] == ["verse", "chorus", "chorus"]
    assert (first[0]["mode"], first[0]["tempo"], first[0]["instruments"]) == ("major", 120.5, "piano|drums")
    second = clips.loc["song1-01"]
    assert (second["lyrics"], second["section"], second["mode"]) == ("eins\nzwei", "refrain", "minor")
    assert clips.loc["song2-00", "lyrics"] == "愛"
    assert bool(clips["tempo"].isna()["song3-00"]) and clips.loc["song3-00", "lyrics"] == ""
    assert clips["language"].unique().tolist() == ["en", "de", "ja", ""]
    sections = pd.read_parquet(tmp_path / "corpus" / "sections.parquet")
    assert sections["section"].tolist() == ["verse", "chorus", "outro"]
    assert pd.read_parquet(tmp_path / "corpus" / "lyrics.parquet")["time"].tolist() == [0.0, 6.0, 12.0]
    assert "genre_original" not in clips


def test_a_corpus_without_such_columns_is_as_before(
    make_folder: Callable[..., Path], tmp_path: Path, affetti: Any
) -> None:
    affetti("prepare", f"folder:{make_folder(4)}", "--out", tmp_path / "corpus")
    clips = Corpus.open(tmp_path / "corpus").clips
    assert {"language", "tempo", "genre_original"} & set(clips.columns) == set()
    assert (clips["lyrics"] == "").all()


def labels(folder: Path, columns: str, cells: str) -> None:
    (folder / "labels.csv").write_text(
        f"file,valence,arousal,{columns}\nsong0.wav,-0.5,0.5,{cells}\nsong1.wav,0.1,0.1,{',' * columns.count(',')}\n"
        f"song2.wav,0.2,0.1,{',' * columns.count(',')}\n",
        encoding="utf-8",
    )


@pytest.mark.parametrize(
    ("columns", "cells", "says"),
    [
        ("mode", "dorian", "line 2: mode 'dorian' is neither major nor minor"),
        ("tempo", "fast", "line 2: tempo 'fast' is not a number"),
        ("tempo", "0", "line 2: tempo 0 is no number from 10 to 500"),
        ("lyrics,lyrics_file", "la,a.txt", "line 2: both lyrics and lyrics_file are given"),
        ("section,sections_file", "verse,a.csv", "line 2: both section and sections_file are given"),
        ("lyrics", "[00:99.00]la", "[00:99.00] is no time"),
        ("lyrics_file", "a\0b", "is no file name"),
    ],
)
def test_a_wrong_cell_refuses_the_table(make_folder: Callable[..., Path], columns: str, cells: str, says: str) -> None:
    folder = make_folder(3)
    labels(folder, columns, cells)
    with pytest.raises(InputError) as caught:
        load(f"folder:{folder}")
    assert says in caught.value.what and caught.value.where == str(folder / "labels.csv")


@pytest.mark.parametrize(
    ("columns", "content", "says"),
    [
        ("lyrics_file", None, "its lyrics are left out: {file}: no such file"),
        ("lyrics_file", b"\xff\xfa", "its lyrics are left out: {file}: neither UTF-8 nor UTF-16 text"),
        ("lyrics_file", b"[00:70.00]la", "its lyrics are left out: {file}: line 1: [00:70.00] is no time"),
        (
            "sections_file",
            b"start,end,label\n0,9,a\n5,12,b\n",
            "{file}: line 3: b from 5 s overlaps a, which ends at 9 s",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_left_out_and_reported_and_strict_stops(
    make_folder: Callable[..., Path],
    tmp_path: Path,
    affetti: Callable[..., Ran],
    columns: str,
    content: bytes | None,
    says: str,
) -> None:
    folder = make_folder(3)
    labels(folder, columns, "beside.txt")
    if content is not None:
        (folder / "beside.txt").write_bytes(content)
    wanted = says.format(file=folder / "beside.txt")
    ran = affetti("prepare", f"folder:{folder}", "--out", tmp_path / "corpus")
    assert ran.code == 0
    assert [line for line in ran.err.splitlines() if wanted in line and line.startswith("skipped song0.wav: ")]
    assert len(Corpus.open(tmp_path / "corpus")) == 3
    strict = affetti("prepare", f"folder:{folder}", "--strict", "--out", tmp_path / "strict")
    assert strict.code == 2 and wanted in strict.err and len(strict.err.strip().splitlines()) == 1


def test_times_after_the_end_and_gaps_are_reported(
    described: Path, tmp_path: Path, affetti: Callable[..., Ran]
) -> None:
    (described / "words/a.lrc").write_text("[00:01.00]a\n[03:20.00]b\n", encoding="utf-8")
    (described / "a.csv").write_text("start,end,label\n0,6,verse\n9,15,chorus\n", encoding="utf-8")
    ran = affetti("prepare", f"folder:{described}", "--out", tmp_path / "corpus")
    assert "skipped song0.wav: lyrics up to 200.0 s, but it ends at 19.5 s: they may be of another recording" in ran.err
    assert "sections of 1 recordings leave gaps (first: song0.wav, 6 to 9 s): clips there have no section" in ran.err
    assert Corpus.open(tmp_path / "corpus").meta["n_songs"] == 4


def test_instruments_are_split_lowered_and_named_once() -> None:
    assert instrument_names("Piano; drums|PIANO, Électric guitar ,") == ("piano", "drums", "électric guitar")
    assert instrument_names("") == ()


def table(folder: Path, text: str) -> Path:
    (folder / "more.csv").write_text(text, encoding="utf-8")
    return folder / "more.csv"


@pytest.mark.parametrize("name", ["s2", "t2", "2.wav", "2"])
def test_a_table_is_joined_by_song_track_or_file(tmp_path: Path, make_source: Callable[..., Source], name: str) -> None:
    path = table(tmp_path, f"song,lyrics,genre,tempo\n{name},la la,folk,80\n")
    joined = join(make_source(4), path)
    track = joined.tracks[2]
    assert (track.annotations.lyrics, track.annotations.tempo, track.genre) == (Lyrics(("la la",)), 80.0, "folk")
    assert [other for other in joined.tracks if other.annotations != Annotations()] == [track]
    assert "more.csv: lyrics, genre, tempo of 1 of 4 recordings" in joined.notes


def test_filled_cells_replace_and_empty_ones_do_not(tmp_path: Path, make_source: Callable[..., Source]) -> None:
    known = Annotations(Lyrics(("old",)), "en", "verse", (Section(0, 1, "a"),), 100.0, "Pop")
    source = make_source(3, {0: {"annotations": known, "mode": "major", "instruments": ("piano",)}})
    joined = join(source, table(tmp_path, "song,lyrics,mode,instruments,language\ns0,new,,,\ns1,,minor,bass,\n"))
    assert joined.tracks[0].annotations == replace(known, lyrics=Lyrics(("new",)))
    assert (joined.tracks[0].mode, joined.tracks[0].instruments) == ("major", ("piano",))
    assert (joined.tracks[1].mode, joined.tracks[1].instruments) == ("minor", ("bass",))


def test_songs_and_columns_that_are_unknown_are_named_in_notes(
    tmp_path: Path, make_source: Callable[..., Source]
) -> None:
    joined = join(make_source(3), table(tmp_path, "song,mode,mood\ns0,major,x\nzzz,minor,x\n"))
    assert joined.notes[-2:] == (
        "more.csv: 1 songs are not in this data set (first: zzz)",
        "more.csv: columns not read: mood",
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name,lyrics\ns0,la\n", "column 'song' is missing"),
        ("song\ns0\n", "has no column to join"),
        ("song,mood\ns0,x\n", "has no column to join"),
        ("song,lyrics\nx,la\ny,la\n", "none of its 2 songs is in made up (first: x)"),
        ("song,lyrics\ns0,la\ns0,lo\n", "line 3: song s0 occurs twice (also on line 2)"),
        ("song,lyrics\n,la\n", "line 2: song is missing"),
        ("song,mode\ns1,3\n", "line 2: mode '3' is neither major nor minor"),
    ],
)
def test_a_table_that_cannot_be_joined_is_refused(
    tmp_path: Path, make_source: Callable[..., Source], text: str, says: str
) -> None:
    with pytest.raises(InputError) as caught:
        join(make_source(3), table(tmp_path, text))
    assert says in caught.value.what and caught.value.hint


def test_a_name_that_two_songs_share_is_refused(tmp_path: Path, make_source: Callable[..., Source]) -> None:
    source = make_source(2, {0: {"path": "a/x.wav"}, 1: {"path": "b/x.wav"}})
    with pytest.raises(InputError, match=r"line 2: song 'x' could be s0 or s1\. Write its id in full"):
        join(source, table(tmp_path, "song,lyrics\nx,la\n"))


def test_the_flag_joins_any_data_set_but_composed(
    make_folder: Callable[..., Path], tmp_path: Path, affetti: Callable[..., Ran]
) -> None:
    folder = make_folder(3)
    path = table(tmp_path, "song,lyrics_file,mode\nsong0,w.txt,minor\nsong2,absent.txt,\n")
    (tmp_path / "w.txt").write_text("words\n", encoding="utf-8")
    ran = affetti("prepare", f"folder:{folder}", "--metadata", path, "--out", tmp_path / "corpus")
    assert ran.code == 0, ran.err
    assert "skipped song2.wav: its lyrics are left out" in ran.err
    clips = Corpus.open(tmp_path / "corpus").clips.set_index("clip_id")
    assert (clips.loc["song0", "lyrics"], clips.loc["song0", "mode"]) == ("words", "minor")
    assert load(f"folder:{folder}", Options(metadata=path)).options == {"metadata": str(path)}
    with pytest.raises(UsageError, match=r"--metadata: it concerns folder and .* not composed"):
        load("composed", Options(metadata=path))
    absent = affetti("prepare", f"folder:{folder}", "--metadata", tmp_path / "no.csv", "--out", tmp_path / "other")
    assert absent.code == 2 and "no.csv: no such file" in absent.err
