from __future__ import annotations

from pathlib import Path

import pytest

from affetti.errors import InputError
from affetti.studies.listening.imports import import_ratings


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "ratings.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_tidy_table_is_read_without_the_names_of_listeners(tmp_path: Path) -> None:
    text = (
        "listener,clip,system,scale,rating,requested_valence,requested_arousal\n"
        "ann@example.org,c1,real,valence,0.5,0.4,0.1\nbob,c1,real,valence,0.3,0.4,0.1\nann@example.org,c2,gan,valence,0,,\n"
    )
    made = import_ratings(written(tmp_path, text))
    assert made.table.table["listener"].tolist() == ["L0001", "L0002", "L0001"]
    assert made.task == "rate"
    assert made.requested == {"c1": (0.4, 0.1)}


def test_webmushras_table_is_read_and_everything_personal_dropped(tmp_path: Path) -> None:
    text = (
        "session_test_id,email,age,session_uuid,trial_id,rating_stimulus,rating_score,rating_time,rating_comment\n"
        "t,ann@example.org,30,u1,trial1,reference,100,3,nice\nt,ann@example.org,30,u1,trial1,anchor35,20,3,\n"
        "t,bob@example.org,31,u2,trial1,reference,98,3,\nt,bob@example.org,31,u2,trial1,anchor35,30,3,\n"
    )
    made = import_ratings(written(tmp_path, text))
    assert made.task == "mushra"
    assert made.table.scales == ("similarity",)
    assert set(made.table.table["system"]) == {"reference", "anchor35"}
    assert "example.org" not in made.table.table.to_csv()
    assert made.table.table["condition"].unique().tolist() == ["trial1"]


def test_a_column_for_each_system_is_read(tmp_path: Path) -> None:
    made = import_ratings(written(tmp_path, "listener;clip;real;gan\na;1;4,5;3\nb;1;4;\n"), "naturalness")
    assert made.table.scales == ("naturalness",)
    assert made.table.table[["system", "rating"]].to_numpy().tolist() == [["real", 4.5], ["gan", 3.0], ["real", 4.0]]
    assert made.table.table["condition"].unique().tolist() == ["1"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "ratings.csv"),
        ("a,b\n1,2\n", "no table of ratings (columns: a, b)"),
        ("listener,clip,system,scale,rating\n", "holds no rows"),
        ("listener,clip,system,scale,rating\n,c1,real,quality,3\n", "line 2: no listener is named"),
        ("listener,clip,system,scale,rating\na,c1,real,quality,x\n", "line 2: rating 'x' is not a number"),
        ("listener,clip,system,scale,rating\na,c1,real,quality,nan\n", "not a number"),
        ("listener,clip,system,scale,rating\na,c1,real,quality,3\na,c1,real,quality,4\n", "twice"),
        ("listener,clip,real,gan\na,1,4,x\n", "gan 'x' is not a number"),
        ("session_uuid,trial_id,rating_stimulus,rating_score\nu,t,C1,101\n", "rating_score 101"),
    ],
)
def test_a_broken_table_is_one_line(text: str, named: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        import_ratings(written(tmp_path, text))
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)
