from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from affetti.models.generators.conditioning import ConditionEmbedding, Fields
from affetti.models.generators.shared_fields import copy_fields

DIM = 12
OLD = Fields(
    spread=True, mode=True, genres=("folk", "jazz", "rock"), instruments=("bass", "drums"), sections=("a", "b"), lines=1
)


def embedding(fields: Fields, seed: int) -> ConditionEmbedding:
    torch.manual_seed(seed)
    return ConditionEmbedding(DIM, fields)


def condition(fields: Fields, **values: list[float]) -> Tensor:
    """Two conditions; NaN but for the fields that are given."""
    rows = torch.full((2, fields.width), torch.nan)
    for name, value in values.items():
        rows[:, fields.columns[name]] = torch.tensor(value)
    return rows


def test_of_equal_fields_all_weights_are_taken() -> None:
    fields = replace(OLD, text=5, lines=2)
    old, new = embedding(fields, 0), embedding(fields, 1)
    shared = copy_fields(new, old, {})
    assert shared.taken == tuple(fields.columns)
    assert shared.new == shared.left_out == ()
    for name, value in old.state_dict().items():
        assert torch.equal(new.state_dict()[name], value), name


@pytest.mark.parametrize("emotion", [[0.3, -0.7], [torch.nan, torch.nan]])
def test_a_field_that_is_left_out_is_as_if_unspecified(emotion: list[float]) -> None:
    fields = Fields(mode=True)
    old, new = embedding(replace(OLD, lines=0), 0), embedding(fields, 1)
    shared = copy_fields(new, old, {})
    assert shared.left_out == ("spread", "genre", "instruments", "section")
    given = {"emotion": emotion, "mode": [1.0]}
    torch.testing.assert_close(new(condition(fields, **given)), old(condition(old.fields, **given)))


def test_what_stood_for_a_field_that_is_left_out_goes_on_standing_for_it() -> None:
    old, new = embedding(Fields(spread=True), 0), embedding(Fields(), 1)
    stand_in = torch.randn(DIM)
    copy_fields(new, old, {"spread": stand_in})
    rows = condition(Fields(), emotion=[0.5, 0.1])
    torch.testing.assert_close(
        new(rows), old.embed_field("emotion", condition(old.fields, emotion=[0.5, 0.1])) + stand_in
    )


def test_names_keep_their_weights_wherever_they_stand() -> None:
    old = embedding(Fields(genres=("folk", "jazz", "rock"), instruments=("bass", "drums")), 0)
    fields = Fields(genres=("jazz", "metal"), instruments=("accordion", "bass"))
    new = embedding(fields, 1)
    metal = new.embed_field("genre", condition(fields, genre=[1.0])).clone()
    shared = copy_fields(new, old, {})
    assert shared.taken == ("emotion", "genre", "instruments")
    assert shared.new == ("genre: metal", "instruments: accordion")
    assert shared.left_out == ("genre: folk|rock", "instruments: drums")
    jazz = new.embed_field("genre", condition(fields, genre=[0.0]))
    torch.testing.assert_close(jazz, old.embed_field("genre", condition(old.fields, genre=[1.0])))
    torch.testing.assert_close(new.embed_field("genre", condition(fields, genre=[1.0])), metal)
    bass = new.embed_field("instruments", condition(fields, instruments=[0.0, 1.0]))
    torch.testing.assert_close(bass, old.embed_field("instruments", condition(old.fields, instruments=[1.0, 0.0])))


def test_a_field_without_a_name_of_the_old_one_begins_as_usual() -> None:
    old, new = embedding(Fields(sections=("a", "b")), 0), embedding(Fields(sections=("verse", "chorus")), 1)
    before = {name: value.clone() for name, value in new.state_dict().items()}
    shared = copy_fields(new, old, {})
    assert (shared.taken, shared.new, shared.left_out) == (("emotion",), ("section",), ("section",))
    for name in ("encoders.section.table.weight", "nulls.section"):
        assert torch.equal(new.state_dict()[name], before[name])


def test_lyrics_of_another_text_embedder_are_left_out() -> None:
    old, new = embedding(Fields(lines=2, text=5), 0), embedding(Fields(lines=4, text=5), 1)
    before = new.state_dict()["encoders.lyrics.net.weight"].clone()
    shared = copy_fields(new, old, {}, same_text=False)
    assert (shared.new, shared.left_out) == (("lyrics",), ("lyrics",))
    assert torch.equal(new.state_dict()["encoders.lyrics.net.weight"], before)
    assert copy_fields(new, old, {}).taken == ("emotion", "lyrics")
    assert torch.equal(new.state_dict()["line.weight"], old.state_dict()["line.weight"])
