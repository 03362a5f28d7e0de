from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm
from tests.material import LEAN, composed

from affetti import api
from affetti.corpus import Corpus
from affetti.studies.audit.audit import audit_corpus, generator_names
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.counterfactuals.generator_penalties import combine, field_pairs, generator_penalties
from affetti.studies.audit.probes.genre_mix import mix_shift
from affetti.training import run as runs


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """A GAN with all fields, one without genre, one by the study's recipe."""
    root = tmp_path_factory.mktemp("runs")
    for name, without, seed in (("all", None, 0), ("blind", "genre", 0), ("again", "genre", 1)):
        lean = LEAN["gan"]
        api.train.run("gan", composed(), root / name, steps=2, batch_size=4, seed=seed, settings=lean, without=without)
    return tuple(root / name for name in ("all", "blind", "again"))


def test_runs_of_one_kind_are_named_for_what_they_lack(trained: tuple[Path, ...]) -> None:
    models = [runs.load(path) for path in trained]
    assert generator_names(models) == ("gan", "gan_without_genre", "gan_without_genre_2")
    assert generator_names(models[1:2]) == ("gan",)


def test_an_audit_takes_a_generator_with_and_without_a_field(trained: tuple[Path, ...], tmp_path: Path) -> None:
    corpus = Corpus.open(composed())
    result = audit_corpus(corpus, tmp_path / "audit", models=trained, only=("structure",), quick=True)
    assert [one.name for one in result.generators] == ["gan", "gan_without_genre", "gan_without_genre_2"]
    generated = tuple((one.name, Path(one.path)) for one in result.generators)
    context = AuditContext(corpus, tmp_path / "audit", quick=True, generated=generated, models=trained)
    assert len(field_pairs(context, "genre")) == 1, "one run has genres, and makes one pair"
    assert field_pairs(context, "lyrics") == []
    by_name = {one.name: one for one in generator_penalties(context)}
    assert "train gan --without lyrics" in by_name["penalty_lyrics_generator"].note
    penalty = by_name["penalty_genre_generator"]
    assert penalty.value is not None or "songs" in penalty.note
    blind = {one.name: one for one in mix_shift(context)}
    assert blind["mix_shift_blind"].value is not None
    assert blind["mix_shift_blind"].value == blind["mix_shift_gan_without_genre"].value


def test_the_interval_over_runs_is_students_and_holds_the_variance_within() -> None:
    value, (low, high) = combine([1.0, 2.0, 3.0], [(0.0, 0.0)] * 3)
    assert value == 2.0
    assert high - value == pytest.approx(4.302653 / np.sqrt(3), rel=1e-5)
    assert value - low == pytest.approx(high - value)
    half = float(norm.ppf(0.975))
    wide = combine([2.0, 2.0, 2.0], [(2.0 - half, 2.0 + half)] * 3)[1]
    assert wide[1] - 2.0 == pytest.approx(4.302653, rel=1e-3)
