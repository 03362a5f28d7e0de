from __future__ import annotations

from pathlib import Path

import pytest

from affetti.corpus.annotations import Section
from affetti.corpus.sections_file import gap, read_sections, section_label
from affetti.errors import InputError

HEAD = "start,end,label\n"


def write(folder: Path, text: str) -> Path:
    file = folder / "sections.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_sections_are_read_in_order_of_time(tmp_path: Path) -> None:
    sections = read_sections(write(tmp_path, HEAD + "30,60.5,Chorus\n0,30,Verse 1\n70,80,verse_2\n"))
    assert sections == (Section(0, 30, "verse"), Section(30, 60.5, "chorus"), Section(70, 80, "verse"))
    assert gap(sections) == (60.5, 70)
    assert gap(sections[:2]) is None


def test_a_label_that_is_a_number_keeps_it() -> None:
    assert [section_label(text) for text in ("Chorus", "Verse-12", "1", "A")] == ["chorus", "verse", "1", "a"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "column 'start' is missing"),
        (HEAD, "holds no rows"),
        ("start,end\n0,1\n", "column 'label' is missing"),
        (HEAD + "0,30,verse\n25,60,chorus\n", "line 3: chorus from 25 s overlaps verse, which ends at 30 s"),
        (HEAD + "30,20,verse\n", "line 2: verse ends at 20 s, but starts at 30 s"),
        (HEAD + "0,0,verse\n", "line 2: verse ends at 0 s, but starts at 0 s"),
        (HEAD + "-1,20,verse\n", "line 2: start -1 is no number from 0"),
        (HEAD + "0,nan,verse\n", "line 2: end 'nan' is not a number"),
        (HEAD + "0,1:30,verse\n", "line 2: end '1:30' is not a number"),
        (HEAD + "0,20,\n", "line 2: label is missing"),
    ],
)
def test_a_table_that_cannot_be_used_is_reported_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        read_sections(write(tmp_path, text))
    assert says in caught.value.what
    assert caught.value.hint


def test_an_overlap_of_rounding_is_none(tmp_path: Path) -> None:
    assert len(read_sections(write(tmp_path, HEAD + "0,30.02,a\n30,60,b\n"))) == 2
