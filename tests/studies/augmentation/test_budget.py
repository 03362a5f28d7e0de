from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.material import shorten

from affetti.corpus import Corpus
from affetti.errors import UsageError
from affetti.studies.augmentation import budget
from affetti.studies.augmentation.budget import StudyCost, estimate_seconds, fit_budget, measure_cost, plan_cost
from affetti.studies.augmentation.design import StudySettings, design_study
from affetti.studies.augmentation.results import LeftOut
from affetti.studies.augmentation.study import augmentation_study
from affetti.training.alignment import BETAS
from affetti.training.registry import FAMILIES, Budget

ASKED = StudySettings(arms=("mixup", "gan", "gan@4", "gan-shuffled"), seeds=2, steps=10)
FOUND = StudyCost(update=0.1, trial=1.0, generators={"gan": 0.5}, clip={"gan": 0.01})


def test_the_sum_is_that_of_regressors_generators_and_clips(corpus: Corpus) -> None:
    made = design_study(corpus, ASKED)
    train = len(corpus.fold(0).train)
    ridge = budget.RIDGE_SECONDS * train / 1_000 * 4  # real, gan, gan@4, gan-shuffled
    by_hand = (
        2 * 5 * (1 + 0.1 * 20)  # with the mixup
        + ridge
        + 2 * FAMILIES["gan"].budget("tiny").steps * 0.5  # two runs, for there are two seeds
        + 2 * (1 + 4) * train * 0.01
    )
    assert estimate_seconds(made, FOUND, made.arms) == pytest.approx(by_hand)
    reported = plan_cost(made, FOUND, 2)
    assert reported.seconds == pytest.approx(by_hand / 2, abs=0.1)
    assert reported.trials == 10
    assert reported.sets == ("gan", "gan@4")
    assert reported.bytes == 2 * 5 * train * 2 * 64 * 128
    half = design_study(corpus, replace(ASKED, train_fractions=(0.5,)))
    assert estimate_seconds(half, FOUND, half.arms) > 1.4 * by_hand


def test_a_budget_keeps_what_fits_in_the_order_of_the_table_and_is_remembered(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "measure_cost", lambda _: FOUND)
    made = design_study(corpus, replace(ASKED, budget=20.0))
    kept, left = fit_budget(made, tmp_path, 1)
    assert [arm.name for arm in kept.arms] == ["real", "mixup"]
    assert [row.name for row in left] == ["gan", "gan-shuffled", "gan@4"]
    assert left[0].seconds > 200, "it has its generator to pay for"
    monkeypatch.setattr(budget, "measure_cost", lambda _: replace(FOUND, update=100.0))
    assert fit_budget(made, tmp_path, 1) == (kept, left), "a resumed study is the same study"
    more = replace(made, settings=replace(made.settings, seeds=made.settings.seeds + 1))
    with pytest.raises(UsageError, match="real alone"):
        fit_budget(more, tmp_path, 1)  # with more arms, the choice is made again
    with pytest.raises(UsageError, match=r"--budget: real alone would take about \d+ s"):
        fit_budget(made, tmp_path / "other", 1)


def test_a_probe_measures_all_that_the_sum_needs(
    corpus: Corpus, run_of: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    shorten(monkeypatch, "gan", Budget(5, 4))
    made = design_study(corpus, replace(ASKED, batch_size=8))
    result = measure_cost(made)
    assert result.update > 0
    assert set(result.generators) == set(result.clip) == {"gan"}
    assert estimate_seconds(made, result, made.arms) > 0
    given = measure_cost(design_study(corpus, replace(ASKED, batch_size=8, models=(run_of("gan"),))))
    assert (set(given.generators), set(given.clip)) == (set(), {"gan"}), "what is given need not be trained"


def test_an_aligned_arm_costs_its_base_own_clips_and_a_training_for_each_beta(
    corpus: Corpus, run_of: Callable[[str], Path]
) -> None:
    cost = StudyCost(update=0.0, trial=0.0, generators={"flow": 0.5}, clip={"flow": 0.01})
    train, steps = len(corpus.fold(0).train), FAMILIES["flow"].budget("tiny").steps
    made = design_study(corpus, StudySettings(arms=("flow-aligned",), seeds=1))
    one = design_study(corpus, StudySettings(arms=("flow:beta=9-aligned",), seeds=1))
    ridge = budget.RIDGE_SECONDS * train / 1_000 * 2
    aligning = budget.ALIGNMENT_UPDATES * steps * 0.5
    by_hand = ridge + steps * 0.5 + 2 * train * 0.01
    assert estimate_seconds(made, cost, made.arms) == pytest.approx(by_hand + len(BETAS) * aligning)
    assert estimate_seconds(one, cost, one.arms) == pytest.approx(by_hand + aligning)
    given = design_study(corpus, StudySettings(arms=("flow-aligned",), seeds=1, models=(run_of("flow"),)))
    saved = replace(cost, given=("flow",))
    assert estimate_seconds(given, saved, given.arms) == pytest.approx(by_hand - steps * 0.5 + len(BETAS) * aligning)


def test_generator_runs_that_do_not_fit_are_named_with_what_would(corpus: Corpus) -> None:
    made = design_study(corpus, replace(ASKED, budget=20.0))
    left = (LeftOut(name="gan@4", seconds=9.0), LeftOut(name="mixup", seconds=9.0), LeftOut(name="best", seconds=9.0))
    (note,) = budget.runs_left_out(made, left)
    assert note == (
        "2 generator runs a fold do not fit the budget for gan@4: give more time, or --generator-runs 1, whose "
        "verdicts are on one run"
    )
    assert budget.runs_left_out(made, left[1:]) == ()
    assert budget.runs_left_out(design_study(corpus, replace(ASKED, generator_runs=1)), left) == ()


def test_pretraining_takes_updates_of_its_own_and_composed_songs_serve_all_folds(corpus: Corpus) -> None:
    names = ("composed-pretrained", "composed:pretraining=100-pretrained", "composed-pretrained-equal")
    made = design_study(corpus, StudySettings(arms=names, seeds=1, steps=10, folds=2))
    seconds = {arm.name: budget._trial_seconds(made, FOUND, arm) for arm in made.arms}
    assert seconds["real"] == pytest.approx(1 + 0.1 * 20)
    assert seconds["composed-pretrained"] == pytest.approx(1 + 0.1 * 40)
    assert seconds["composed:pretraining=100-pretrained"] == pytest.approx(1 + 0.1 * 120)
    assert seconds["composed-pretrained-equal"] == pytest.approx(1 + 0.1 * 20)
    train = sum(len(corpus.fold(fold).train) for fold in (0, 1))
    assert plan_cost(made, FOUND, 1).bytes == train // 2 * 2 * 64 * 128


def test_amounts_of_composed_songs_cost_what_the_largest_costs(corpus: Corpus) -> None:
    amounts = ("composed@1", "composed@5", "composed:keys=1@2")
    made = design_study(corpus, StudySettings(arms=amounts, seeds=1))
    train = len(corpus.fold(0).train)
    assert plan_cost(made, FOUND, 1).bytes == (5 + 2) * train * 2 * 64 * 128
    few = design_study(corpus, StudySettings(arms=amounts[:1], seeds=1))
    one_of_three = tuple(arm for arm in made.arms if arm.name in ("real", "composed@1"))
    assert estimate_seconds(made, FOUND, one_of_three) == estimate_seconds(few, FOUND, few.arms)


def test_a_budget_without_room_for_three_generator_runs_says_so_and_what_is_not_compared(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "measure_cost", lambda _: replace(FOUND, update=1e-3, trial=1e-3))
    chosen = StudySettings(
        arms=("gan", "mixup"), contrasts=(("gan", "mixup"),), seeds=3, steps=1, batch_size=8, budget=60.0
    )
    result = augmentation_study(corpus, tmp_path / "study", chosen)
    assert [row.name for row in result.arms] == ["real", "mixup"]
    assert result.primary is None
    notes = " | ".join(result.notes)
    assert "3 generator runs a fold do not fit the budget for gan: give more time, or --generator-runs 1" in notes
    assert "not compared, for an arm was left out: gan less mixup" in notes
