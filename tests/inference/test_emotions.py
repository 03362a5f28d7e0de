from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from affetti.errors import AffettiError, InputError
from affetti.inference.emotions import choose_emotions

LABELS = np.random.default_rng(0).uniform(-1, 1, (10, 2))


def test_uniform_emotions_fill_the_plane() -> None:
    drawn = choose_emotions("uniform", 4_000, LABELS, 0)
    counts, _, _ = np.histogram2d(*drawn.T, bins=4, range=[[-1, 1]] * 2)
    assert counts.min() > 190, "250 expected in each of sixteen cells"
    assert np.array_equal(drawn, choose_emotions("uniform", 4_000, LABELS, 0))
    assert not np.array_equal(drawn, choose_emotions("uniform", 4_000, LABELS, 1))


def test_matched_emotions_are_the_training_labels_each_as_often() -> None:
    drawn = choose_emotions("matched", 25, LABELS, 0)
    rows = [int(np.flatnonzero((row == LABELS).all(axis=1))[0]) for row in drawn]
    assert set(np.bincount(rows, minlength=10)) == {2, 3}
    assert rows[:10] != list(range(10))


@pytest.mark.parametrize(
    ("emotions", "point"),
    [("sad", (-0.6, -0.4)), (" Happy ", (0.6, 0.4)), ("0.5,-1", (0.5, -1)), ("-1, 0.25", (-1, 0.25))],
)
def test_one_emotion_is_requested_for_all_clips(emotions: str, point: tuple[float, float]) -> None:
    np.testing.assert_allclose(choose_emotions(emotions, 3, LABELS, 0), [point] * 3)


def test_a_table_is_used_in_turn(tmp_path: Path) -> None:
    table = tmp_path / "emotions.csv"
    table.write_text("name,arousal,valence\na,0.1,-0.2\nb,1,-1\n")
    np.testing.assert_allclose(choose_emotions(str(table), 3, LABELS, 0), [[-0.2, 0.1], [-1, 1], [-0.2, 0.1]])


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffvalence,arousal\n-0.2,0.1\n1,-1\n",
        "valence;arousal\r\n-0,2;0,1\r\n1;-1\r\n",
        "sep=;\nvalence;arousal\n-0,2;0,1\n1;-1\n",
        " Valence , Arousal ,\n -0.2 , 0.1 ,\n1,-1,\n\n",
        "arousal\tvalence\n0.1\t-0.2\n-1\t1\n",
    ],
)
def test_a_table_is_read_as_spreadsheets_save_it(tmp_path: Path, content: str) -> None:
    table = tmp_path / "emotions.csv"
    table.write_bytes(content.encode())
    np.testing.assert_array_equal(choose_emotions(str(table), 2, LABELS, 0), [[-0.2, 0.1], [1, -1]])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "no such file"),
        ("", "column 'valence' is missing"),
        ("valence,arousal\n", "holds no rows"),
        ("valence,energy\n0,0\n", "column 'arousal' is missing"),
        ("valence,arousal\n0,0\n0,1.1\n", "line 3: arousal 1.1 is no number from -1 to 1"),
        ("valence,arousal\n0,0\n0,\n", "line 3: arousal '' is not a number"),
        ("valence,arousal\n0,high\n", "not a number"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(tmp_path: Path, content: str | None, says: str) -> None:
    table = tmp_path / "emotions.csv"
    if content is not None:
        table.write_text(content)
    with pytest.raises(InputError, match=says) as caught:
        choose_emotions(str(table), 3, LABELS, 0)
    assert caught.value.where == str(table)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("emotions", "says"),
    [
        ("hapy", "Did you mean happy"),
        ("unifrom", "Did you mean uniform"),
        ("matchd", "Did you mean matched"),
        ("xyzzy", "Write V,A or one of"),
        ("0.5", "is not an emotion"),
        ("1,2,3", "is not an emotion"),
        ("0.5,1.5", r"arousal 1\.5 lies outside"),
        ("nan,0", "valence nan lies outside"),
    ],
)
def test_an_invalid_emotion_is_refused(emotions: str, says: str) -> None:
    with pytest.raises(AffettiError, match=says):
        choose_emotions(emotions, 3, LABELS, 0)


def test_gaps_are_where_labels_are_rare_but_not_absent() -> None:
    rng = np.random.default_rng(0)
    labels = np.concatenate([rng.normal([-0.4, 0.0], 0.1, (900, 2)), rng.normal([0.3, 0.0], 0.1, (100, 2))])
    drawn = choose_emotions("gaps", 2_000, labels, 0)
    assert np.abs(drawn).max() <= 1
    near_many = np.linalg.norm(drawn - [-0.4, 0.0], axis=1) < 0.1
    near_few = np.linalg.norm(drawn - [0.3, 0.0], axis=1) < 0.1
    assert near_few.sum() > 3 * near_many.sum()
    assert (drawn[:, 1] > 0.6).mean() == 0, "such emotions are not in the training clips"
    assert np.array_equal(drawn, choose_emotions("gaps", 2_000, labels, 0))


def test_gaps_of_labels_on_a_line_are_refused() -> None:
    with pytest.raises(InputError, match="lie on a line"):
        choose_emotions("gaps", 3, np.tile(np.linspace(-1, 1, 20)[:, None], 2), 0)


def test_matched_keeps_all_that_a_clip_fulfils() -> None:
    conditions = np.random.default_rng(0).uniform(-1, 1, (6, 5))
    drawn = choose_emotions("matched", 6, conditions, 0)
    assert sorted(map(tuple, drawn)) == sorted(map(tuple, conditions))
