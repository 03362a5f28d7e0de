from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from affetti import tables
from affetti.errors import InputError

QUIET = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
text = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Z"]), min_size=1, max_size=8)


def table(cells: list[list[str]], delimiter: str, ends: str) -> str:
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter, lineterminator=ends).writerows([["id", "value"], *cells])
    return file.getvalue()


@given(
    cells=st.lists(st.lists(text, min_size=2, max_size=2), min_size=1, max_size=8),
    delimiter=st.sampled_from(tables.DELIMITERS),
    ends=st.sampled_from(["\n", "\r\n", "\r"]),
    mark=st.booleans(),
)
@QUIET
def test_the_output_of_a_csv_writer_is_read(
    tmp_path: Path, cells: list[list[str]], delimiter: str, ends: str, mark: bool
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes((("\ufeff" if mark else "") + table(cells, delimiter, ends)).encode())
    predicted = tables.read(path, ("id", "value"))
    assert [[row["id"], row["value"]] for row in predicted] == cells
    assert [row.line for row in predicted] == list(range(2, len(cells) + 2))
    expected = pd.read_csv(path, sep=delimiter, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    assert [row["value"] for row in predicted] == expected["value"].tolist()


@given(content=st.binary(max_size=300), ragged=st.booleans())
@QUIET
def test_any_bytes_are_rows_or_one_clear_error(tmp_path: Path, content: bytes, ragged: bool) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    try:
        predicted = tables.read(path, ("id",), ragged=ragged)
    except InputError as error:
        assert str(path) in str(error)
        assert "\n" not in str(error)
    else:
        assert all(isinstance(row["id"], str) for row in predicted if "id" in row.cells)


@given(value=st.floats(-1e6, 1e6), comma=st.booleans())
@QUIET
def test_a_number_is_what_was_written_with_a_point_or_a_comma(tmp_path: Path, value: float, comma: bool) -> None:
    path = tmp_path / "t.csv"
    written = repr(value).replace(".", ",") if comma else repr(value)
    path.write_text(f"id;value\n1;{written}\n", encoding="utf-8")
    assert tables.read(path, ("id", "value"))[0].number("value") == value


@pytest.mark.parametrize("declared", ["sep=;", '"sep=;"', "SEP=;", "sep=;;;"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_first_line_that_declares_the_delimiter_is_applied(tmp_path: Path, declared: str, mark: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(f"{mark}{declared}\r\nid;value\r\na,b;0,5\r\n".encode())
    (row,) = tables.read(path, ("id", "value"))
    assert (row["id"], row.number("value"), row.line) == ("a,b", 0.5, 3)


def test_trailing_columns_without_content_are_ignored_and_others_are_not(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,value,,\n1,2,,\n3,4,,,\n", encoding="utf-8")
    assert [row.cells for row in tables.read(path, ("id",))] == [{"id": "1", "value": "2"}, {"id": "3", "value": "4"}]
    path.write_text("id,value,,\n1,2,,x\n", encoding="utf-8")
    assert len(tables.read(path, ("id",))[0].cells) == 3
    path.write_text("id,value\n1,2,x\n", encoding="utf-8")
    with pytest.raises(InputError, match="3 cells, but 2 columns"):
        tables.read(path, ("id",))


@pytest.mark.parametrize("content", ["a\nb\n", "\ufeffa\r\n b\t \r\n\r\n", "a\rb", "a\n b\n \n\n"])
def test_a_list_is_read_as_editors_save_it(tmp_path: Path, content: str) -> None:
    path = tmp_path / "t.txt"
    path.write_bytes(content.encode())
    assert tables.read_list(path) == ["a", "b"]


def test_a_list_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    for content, says in ((None, "no such file"), (b"\n \n", "holds nothing"), (b"a\n\nb", "line 2 is blank")):
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(InputError, match=says):
            tables.read_list(path)


def test_headers_are_compared_without_blanks_and_case(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("\n song_ID, valence_ max_mean ,Arousal(mean)\n 7 , 1 , 2 \n", encoding="utf-8")
    (row,) = tables.read(path, ("song_id", "valence_max_mean", "arousal(mean)"))
    assert (row.line, row.number("valence_max_mean"), row["arousal(mean)"]) == (3, 1.0, "2")


def test_ragged_lines_keep_what_lies_beyond_the_header_and_harm_no_other(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('id,tag\n1,a,b,c\n2\n3,"d\n4,e\n', encoding="utf-8")
    predicted = tables.read(path, ("id",), ragged=True)
    assert [(row["id"], row.get("tag"), row.rest) for row in predicted] == [
        ("1", "a", ("b", "c")),
        ("2", "", ()),
        ("3", "d", ()),
        ("4", "e", ()),
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "column 'id' is missing (found: nothing)"),
        ("id,value\n", "holds no rows"),
        ("name,value\n1,2\n", "column 'id' is missing (found: name, value)"),
        ("id,value,ID \n1,2,3\n", "there are several columns 'id'"),
        ("id,value\n1,2\n\n3\n", "line 4: 1 cells, but 2 columns"),
    ],
)
def test_a_table_that_cannot_be_used_is_reported_with_its_line(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        tables.read(path, ("id",))
    assert caught.value.what == says
    assert caught.value.where == str(path)


@pytest.mark.parametrize(
    ("column", "settings", "says"),
    [
        ("a", {}, "line 2: a 'x' is not a number"),
        ("b", {}, "line 2: b 'nan' is not a number"),
        ("c", {"low": 1, "high": 9}, "line 2: c 9.5 is no number from 1 to 9"),
        ("c", {"low": 1, "whole": True}, "line 2: c 9.5 is no whole number from 1"),
        ("d", {}, "line 2: d '' is not a number"),
        ("e", {}, "line 2: e '' is not a number"),
    ],
)
def test_a_cell_that_is_not_a_number_is_reported_with_its_line(
    tmp_path: Path, column: str, settings: dict[str, float], says: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,a,b,c,d\n1,x,nan,9.5,\n", encoding="utf-8")
    (row,) = tables.read(path, ("id",))
    with pytest.raises(InputError) as caught:
        row.number(column, **settings)  # type: ignore[arg-type]
    assert caught.value.what == says
    assert row.number("d", empty=0.0) == row.number("e", empty=0.0) == 0.0


def test_missing_and_duplicate_ids_are_reported_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,v\n7,1\n8,2\n7,3\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"line 4: id 7 occurs twice \(also on line 2\)"):
        tables.unique(tables.read(path, ("id",)), "id")
    path.write_text("id,v\n7,1\n,2\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 3: id is missing"):
        tables.unique(tables.read(path, ("id",)), "id")
    path.write_text("id,v\n7,1\n8,2\n", encoding="utf-8")
    assert list(tables.unique(tables.read(path, ("id",)), "id")) == ["7", "8"]
