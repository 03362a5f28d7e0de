from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from affetti.corpus.annotations import Lyrics
from affetti.corpus.lyrics_file import MAX_BYTES, excerpt_lyrics, parse_lyrics, read_lyrics
from affetti.errors import InputError

LRC = """[ti:A song]
[ar:Somebody]
[00:10.00][00:40.50]We sing and sing
[00:20.5]<00:20.5>word <00:21.0>by word
without a time
[00:30]
[00:31:25][Chorus]
"""


def test_plain_text_gives_lines_without_headings() -> None:
    assert parse_lyrics("\n[Verse 1]\n  first line \n\nsecond line\n【サビ】\n") == Lyrics(
        ("first line", "second line")
    )


def test_an_lrc_file_gives_lines_in_order_of_time() -> None:
    lyrics = parse_lyrics(LRC)
    assert lyrics.times == (10.0, 20.5, 20.5, 30.0, 31.25, 40.5)
    assert lyrics.lines == ("We sing and sing", "word by word", "without a time", "", "", "We sing and sing")


def test_an_offset_moves_all_lines_earlier_but_none_before_the_start() -> None:
    assert parse_lyrics("[offset:+1500]\n[00:01.00]a\n[00:05.00]b").times == (0.0, 3.5)
    assert parse_lyrics("[offset:-500]\n[00:01.00]a").times == (1.5,)


def test_a_clip_has_the_lines_that_are_sung_in_it() -> None:
    lyrics = parse_lyrics(LRC)
    assert lyrics.within(0, 9) == ""
    assert lyrics.within(15, 20.5) == "We sing and sing"
    assert lyrics.within(22, 29) == "without a time"
    assert lyrics.within(30, 40) == ""
    assert lyrics.within(41, 47) == "We sing and sing"
    assert lyrics.within(60, 66) == "", "a line lasts 15 seconds at most"
    assert Lyrics(("a", "b")).within(100, 106) == "a\nb", "without times every clip has all words"


def test_lines_of_a_song_are_cut_to_an_excerpt_of_it() -> None:
    lyrics = Lyrics(("before", "into", "in", "after"), (0.0, 8.0, 12.0, 30.0))
    assert excerpt_lyrics(lyrics, 10.0, 30.0) == Lyrics(("into", "in"), (-2.0, 2.0))
    assert excerpt_lyrics(Lyrics(("a",)), 10.0, 30.0) == Lyrics(("a",))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("words", ["Liebe, für immer", "愛してる", "любовь", "الحب", "प्यार हमेशा"])
def test_words_of_any_script_are_read_in_unicode_encodings(tmp_path: Path, encoding: str, words: str) -> None:
    file = tmp_path / "words.txt"
    file.write_bytes(unicodedata.normalize("NFD", words).encode(encoding))
    assert read_lyrics(file).lines == (unicodedata.normalize("NFC", words),)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("é".encode("latin-1"), "neither UTF-8 nor UTF-16 text (byte 0)"),
        ("愛".encode("shift-jis"), "neither UTF-8 nor UTF-16 text (byte 0)"),
        (b"", "holds no words"),
        (b"[Intro]\n\n[Outro]\n", "holds no words"),
        (b"[00:01.00]\n[00:02.00]\n", "holds no words"),
        (b"RIFF\0\0\0\0", "not a text file"),
        (b"[00:01.00]fine\n[01:75.00]wrong\n", "line 2: [01:75.00] is no time (seconds run to 59)"),
        (b"[00:00.00]a\n[00:00.00]b\n", "all lines have the time 0 s"),
        (b"[offset:soon]\n[00:01.00]a\n", "line 1: the offset 'soon' is no number of milliseconds"),
        (b"[offset:-3600001]\n[00:01.00]a\n", "line 1: the offset -3600001 is more than an hour"),
        (b"[offset:" + b"9" * 400 + b"]\n[00:01.00]a\n", "line 1: the offset " + "9" * 40 + "… is more than an hour"),
        (b"[offset:" + b"9" * 5000 + b"]\n[00:01.00]a\n", "line 1: the offset '" + "9" * 40 + "…' is no number"),
        (b"a" * (MAX_BYTES + 1), "are more than the words of a song"),
    ],
)
def test_a_file_that_holds_no_usable_words_is_refused_in_one_line(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "words.lrc"
    file.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_lyrics(file)
    assert says in caught.value.what
    assert caught.value.where == str(file) and caught.value.hint
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.lrc", tmp_path):
        with pytest.raises(InputError):
            read_lyrics(path)
