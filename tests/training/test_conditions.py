from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from affetti.errors import UsageError
from affetti.models.generators.conditioning import Fields
from affetti.training.conditions import FieldChoice, conditions, fields_of
from affetti.training.text_embedders import HashedText

TEXT = HashedText()


def table(**changed: list[object]) -> pd.DataFrame:
    columns: dict[str, list[object]] = {
        "song_id": ["a", "a", "b", "c"],
        "start": [10.0, 40.0, 0.0, 5.0],
        "valence": [0.1, 0.2, -0.3, 0.4],
        "arousal": [0.5, 0.6, 0.7, -0.8],
        "valence_std": [0.2, 0.2, np.nan, 0.3],
        "arousal_std": [0.2, 0.1, 0.1, 0.3],
        "mode": ["major", "minor", "", "minor"],
        "genre": ["rock", "jazz", "", "rock"],
        "instruments": ["bass|drums", "piano", "", "drums|piano"],
        "section": ["verse", "chorus", "verse", "intro"],
        "lyrics": ["one\ntwo\n\nthree", "", "la", "five words are in here"],
    }
    return pd.DataFrame(columns | changed)


def test_fields_are_what_the_clips_can_teach() -> None:
    assert fields_of(table(), TEXT) == Fields(
        True, True, ("jazz", "rock"), ("bass", "drums", "piano"), ("chorus", "intro", "verse"), True, 3, TEXT.size
    )


def test_a_field_of_one_value_or_none_is_left_out() -> None:
    plain = table(
        start=[0.0] * 4,
        valence_std=[np.nan] * 4,
        mode=["major"] * 4,
        genre=[""] * 4,
        instruments=["piano"] * 4,
        section=["verse", "", "", ""],
        lyrics=[""] * 4,
    )
    assert fields_of(plain, TEXT) == Fields()
    assert conditions(plain, Fields(), TEXT).tolist() == table()[["valence", "arousal"]].to_numpy().tolist()


def test_each_row_becomes_the_condition_of_its_columns() -> None:
    fields = fields_of(table(), TEXT)
    result = conditions(table(), fields, TEXT)
    at = fields.columns
    np.testing.assert_array_equal(result[:, at["emotion"]], table()[["valence", "arousal"]])
    np.testing.assert_array_equal(result[:, at["mode"]].ravel(), [1, -1, np.nan, -1])
    np.testing.assert_array_equal(result[:, at["genre"]].ravel(), [1, 0, np.nan, 1])
    np.testing.assert_array_equal(result[:, at["section"]].ravel(), [2, 0, 2, 1])
    np.testing.assert_array_equal(result[:, at["instruments"]], [[1, 1, 0], [0, 0, 1], [np.nan] * 3, [0, 1, 1]])
    np.testing.assert_array_equal(result[:, at["position"]].ravel(), [0.25, 1, np.nan, 1])
    lines = result[:, at["lyrics"]].reshape(4, 3, TEXT.size)
    np.testing.assert_array_equal(np.isfinite(lines).all(axis=2), [[1, 1, 1], [0, 0, 0], [1, 0, 0], [1, 0, 0]])
    np.testing.assert_allclose(lines[0], TEXT(["one", "two", "three"]))


def test_a_name_not_seen_in_training_requests_nothing() -> None:
    fields = fields_of(table(), TEXT)
    strange = conditions(table(genre=["polka", "jazz", "rock", ""]), fields, TEXT)
    np.testing.assert_array_equal(strange[:, fields.columns["genre"]].ravel(), [np.nan, 0, 1, np.nan])


def taught() -> Fields:
    return fields_of(table(), TEXT)


def test_fields_are_chosen_by_name_and_emotion_stays() -> None:
    assert list(FieldChoice.parse("emotion,genre", None).apply(taught()).columns) == ["emotion", "genre"]
    assert list(FieldChoice.parse(["mode"], None).apply(taught()).columns) == ["emotion", "mode"]
    assert list(FieldChoice.parse("emotion", None).apply(taught()).columns) == ["emotion"]
    left = FieldChoice.parse(None, "lyrics, section,genre").apply(taught())
    assert list(left.columns) == ["emotion", "spread", "mode", "instruments", "position"]
    assert FieldChoice.parse(None, None).apply(taught()) == taught()


def test_conditions_of_chosen_fields_have_their_columns_alone() -> None:
    fields = FieldChoice.parse("mode", None).apply(taught())
    assert conditions(table(), fields, TEXT).shape == (4, 3)


@pytest.mark.parametrize(
    ("only", "without", "says"),
    [
        ("emotion,genres", None, "--fields: there is no field 'genres'. Choose from emotion, spread"),
        (None, "", "--without: there is no field ''"),
        (None, "emotion", "always conditioned on emotion"),
        ("genre", "section", "both --fields and --without"),
    ],
)
def test_a_choice_that_cannot_be_is_refused(only: str | None, without: str | None, says: str) -> None:
    with pytest.raises(UsageError, match=re.escape(says)):
        FieldChoice.parse(only, without)


def test_a_field_that_the_clips_do_not_teach_is_refused_either_way() -> None:
    plain = fields_of(table(genre=["rock"] * 4), TEXT)
    for choice in (FieldChoice.parse("genre", None), FieldChoice.parse(None, "genre")):
        with pytest.raises(UsageError, match="the training clips teach no genre"):
            choice.apply(plain)
