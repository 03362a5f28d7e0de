from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.material import present

from affetti.corpus import Corpus
from affetti.embedders.clip_set import ClipSet
from affetti.errors import InputError, UsageError
from affetti.studies.scorecard.requested_emotions import read_requested, with_requested


def folder(*names: str, left_out: tuple[str, ...] = ()) -> ClipSet:
    """A folder of clips of these names."""
    entries = tuple({"path": f"fakes/{name}", "reason": "silent"} for name in left_out)
    return ClipSet(
        "fakes",
        np.zeros((len(names), 4, 16)),
        np.array(names),
        files=tuple(Path("fakes") / name for name in names),
        names=np.array(names),
        left_out=entries,
    )


def table(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = path / "conditions.csv"
    path.write_text(text, encoding=encoding)
    return path


ROWS = "file,valence,arousal\na.wav,0.5,-0.25\nsub/b.wav,-1,1\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (ROWS, "utf-8"),
        (ROWS, "utf-8-sig"),
        (ROWS.replace("\n", "\r\n"), "utf-8"),
        (ROWS.replace(".5", ",5").replace("5,-0.25", "5;-0,25").replace("file,valence,arousal", "File;Valence;Arousal")
         .replace("wav,", "wav;").replace("-1,1", "-1;1"), "utf-8"),
        ("AROUSAL,Notes,FILE,VALENCE\n1,x,sub/b.wav,-1\n-0.25,y,a.wav,0.5\n", "utf-8"),
    ],
    ids=["plain", "byte-order mark", "CRLF", "semicolons and decimal commas", "other order and case of headers"],
)  # fmt: skip
def test_tables_as_people_save_them(tmp_path: Path, text: str, encoding: str) -> None:
    clips = with_requested(folder("a.wav", "sub/b.wav"), read_requested(table(tmp_path, text, encoding)))
    assert clips.labels is not None
    np.testing.assert_allclose(clips.labels, [[0.5, -0.25], [-1, 1]])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("file,valence\na.wav,0\n", "column 'arousal' is missing"),
        ("", "column 'file' is missing"),
        ("file,valence,arousal\n", "holds no rows"),
        (ROWS + "a.wav,0,0\n", "line 4: file a.wav occurs twice (also on line 2)"),
        (ROWS + ",0,0\n", "line 4: file is missing"),
        (ROWS.replace("0.5", "1.5"), "line 2: valence 1.5 is no number from -1 to 1"),
        (ROWS.replace("0.5", "nan"), "line 2: valence 'nan' is not a number"),
        (ROWS.replace("0.5", ""), "line 2: valence '' is not a number"),
        (ROWS.replace("-1,1", "-1,loud"), "line 3: arousal 'loud' is not a number"),
        (ROWS + "c.wav,0,0\n", "line 4: there is no clip 'c.wav'. Did you mean 'a.wav'?"),
        (ROWS + "x.flac,0,0\ny.flac,0,0\n", "line 4: there is no clip 'x.flac' (and 1 more rows). Remove the row"),
        (ROWS.replace("a.wav", "A.WAV"), "line 2: there is no clip 'A.WAV'. Did you mean 'a.wav': letter case counts"),
        (ROWS.partition("sub")[0], "1 of the 2 clips of fakes have no row, the first 'sub/b.wav'"),
        ("file,valence,arousal\na.wav,1,0\nsub/b.wav,1,0\n", "all clips are requested with valence 1 and arousal 0"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(tmp_path: Path, text: str, says: str) -> None:
    path = table(tmp_path, text)
    with pytest.raises(InputError) as caught:
        with_requested(folder("a.wav", "sub/b.wav"), read_requested(path))
    assert says in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="columns file, valence and arousal"):
        read_requested(tmp_path / "none.csv")


def test_rows_of_files_that_were_left_out_are_passed_over(tmp_path: Path) -> None:
    rows = read_requested(table(tmp_path, ROWS + "silent.wav,0,0\n"))
    assert with_requested(folder("a.wav", "sub/b.wav", left_out=("silent.wav",)), rows).labels is not None


def test_rows_of_an_array_go_by_their_number(tmp_path: Path) -> None:
    array = ClipSet("x/made.npy", np.zeros((2, 4, 16)), np.array(["0", "1"]))
    for names in (("1", "0"), ("made.npy[1]", "made.npy[0]")):
        rows = read_requested(table(tmp_path, f"file,valence,arousal\n{names[0]},-1,1\n{names[1]},0.5,-0.25\n"))
        np.testing.assert_allclose(present(with_requested(array, rows).labels), [[0.5, -0.25], [-1, 1]])
    kept = replace(array, names=np.array(["made.npy[0]", "made.npy[2]"]), silent=1)
    text = "file,valence,arousal\n0,0,0\n1,1,1\n2,-1,0\n"
    labels = present(with_requested(kept, read_requested(table(tmp_path, text))).labels)
    np.testing.assert_allclose(labels, [[0, 0], [-1, 0]])


def test_names_are_compared_by_their_normal_form(tmp_path: Path) -> None:
    rows = read_requested(table(tmp_path, "file,valence,arousal\ncafe\u0301.wav,0,0\nb.wav,1,1\n"))
    assert with_requested(folder("caf\u00e9.wav", "b.wav"), rows).labels is not None


def test_a_corpus_has_conditions_of_its_own(tmp_path: Path, corpus: Corpus) -> None:
    with pytest.raises(UsageError, match="whose clips have their conditions"):
        with_requested(
            ClipSet(str(corpus.path), corpus.mel, corpus.songs, corpus=corpus), read_requested(table(tmp_path, ROWS))
        )
