from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.material import LEAN

from affetti.corpus import Corpus
from affetti.errors import UsageError
from affetti.training import run as runs
from affetti.training.conditions import ALL_FIELDS, FieldChoice
from affetti.training.field_variants import field_variants, is_variant, parse_variant, variant_name
from affetti.training.train import TrainSettings, train_run


def test_names_of_fields_can_be_parsed() -> None:
    choices = (ALL_FIELDS, FieldChoice(only=()), FieldChoice(only=("genre", "lyrics")), FieldChoice(without=("mode",)))
    for choice in choices:
        name = variant_name("flow", choice)
        assert parse_variant(name.removeprefix("flow")) == choice
        assert is_variant(name, ("gan", "flow")) == (choice != ALL_FIELDS)
    with pytest.raises(UsageError, match="always conditioned on emotion"):
        parse_variant("_without_emotion")


def test_generators_of_one_kind_are_named_by_the_fewer_of_what_they_have_and_lack(
    corpus: Corpus, run_of: Callable[[str], Path], tmp_path: Path
) -> None:
    whole = runs.load(run_of("flow"))
    trained = {"mode": TrainSettings(fields=("mode",)), "none": TrainSettings(fields=())}
    for name, settings in trained.items():
        lean = TrainSettings(
            steps=1, batch_size=4, model=LEAN["flow"], fields=settings.fields, without=settings.without
        )
        train_run("flow", corpus, 0, tmp_path / name, lean)
    mode, none = (runs.load(tmp_path / name) for name in trained)
    assert len(whole.fields.columns) > 3
    assert field_variants([whole, mode, none, runs.load(run_of("gan"))]) == (
        "flow", "flow_with_mode", "flow_with_emotion", "gan",
    )  # fmt: skip
    assert field_variants([mode, none]) == ("flow", "flow_without_mode")
    assert field_variants([none, none]) == ("flow", "flow"), "repeated runs"
