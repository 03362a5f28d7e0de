"""Words become the condition that a corpus's columns become."""

from __future__ import annotations

import numpy as np
import pytest
from tests.training.test_conditions import TEXT, table

from affetti.errors import UsageError
from affetti.inference.conditions import condition_columns, requested_condition
from affetti.training.conditions import conditions, fields_of


def test_words_become_the_condition_of_a_clip_that_has_them() -> None:
    fields = fields_of(table(), TEXT)
    condition = requested_condition(
        fields,
        TEXT,
        genre="jazz",
        mode="minor",
        section="chorus",
        instruments=("piano",),
        position=1.0,
        lyrics=None,
    )
    row = conditions(table(), fields, TEXT)[1]
    row[fields.columns["emotion"]] = np.nan
    row[fields.columns["spread"]] = np.nan
    np.testing.assert_array_equal(condition, row)
    sung = requested_condition(fields, TEXT, lyrics="one\ntwo\nthree\nfour")
    np.testing.assert_allclose(
        sung[fields.columns["lyrics"]], conditions(table(), fields, TEXT)[0, fields.columns["lyrics"]]
    )


@pytest.mark.parametrize(
    ("requested", "message"),
    [
        ({"genre": "jaz"}, r"unknown genre 'jaz'. Did you mean jazz\?"),
        ({"section": "solo"}, r"unknown section 'solo'. It knows chorus, intro, verse"),
        ({"instruments": ("piano", "kazoo")}, "unknown instruments 'kazoo'"),
        ({"mode": "dorian"}, "unknown mode 'dorian'"),
        ({"position": 2.0}, "position 2"),
        ({"tempo": "fast"}, "was not trained with tempo. It knows emotion, spread"),
    ],
)
def test_fields_that_the_model_does_not_have_are_refused(requested: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        requested_condition(fields_of(table(), TEXT), TEXT, **requested)


def test_conditions_become_the_columns_they_came_from() -> None:
    fields = fields_of(table(), TEXT)
    columns = condition_columns(fields, conditions(table(), fields, TEXT))
    for name in ("genre", "section", "mode", "instruments"):
        assert columns[name] == table()[name].tolist()
    np.testing.assert_array_equal(columns["valence"], table()["valence"])
