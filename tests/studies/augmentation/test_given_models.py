from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.material import LEAN, generated, shorten, write_corpus

from affetti import api
from affetti.corpus import Corpus
from affetti.errors import UsageError
from affetti.studies.augmentation.arms import parse_arm
from affetti.studies.augmentation.design import StudySettings, design_study
from affetti.studies.augmentation.results import StudyResult
from affetti.studies.augmentation.study import augmentation_study
from affetti.training import run as runs
from affetti.training.conditions import FieldChoice
from affetti.training.registry import Budget
from affetti.training.train import TrainSettings, train_run

WITHOUT = "flow_without_mode"


@pytest.fixture(scope="module")
def models(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two flows with all fields and two without mode, by other seeds; and others."""
    root = tmp_path_factory.mktemp("runs")
    trainings: dict[str, dict[str, Any]] = {
        "flow": {},
        "flow-again": {"seed": 1},
        WITHOUT: {"without": ("mode",)},
        f"{WITHOUT}-again": {"without": ("mode",), "seed": 1},
        "emotion": {"fields": ()},
        "longer": {"without": ("mode",), "steps": 2},
        "smaller": {"without": ("mode",), "model": LEAN["flow"] | {"components": 4}},
    }
    for name, settings in trainings.items():
        given = {"steps": 1, "batch_size": 4, "model": LEAN["flow"], **settings}
        train_run("flow", corpus, 0, root / name, TrainSettings(**given))
    return {name: root / name for name in trainings}


def settings(models: dict[str, Path], *names: str, **others: Any) -> StudySettings:
    """A study of a moment, with the named runs."""
    given = {"models": tuple(models[name] for name in names), "seeds": 1, "steps": 1, "batch_size": 8}
    return StudySettings(**{**given, **others})


def made_by(study: Path, name: str) -> str:
    """Hash of the weights that made a set of a study."""
    return str(Corpus.open(study / "synthetic" / name).meta["provenance"]["weights_sha256"])


def test_runs_that_differ_in_fields_are_arms_whose_difference_is_a_contrast(
    corpus: Corpus, models: dict[str, Path], tmp_path: Path
) -> None:
    names = ("flow", WITHOUT, f"{WITHOUT}-again", "flow-again")
    chosen = settings(models, *names, arms=("flow", WITHOUT, f"{WITHOUT}:guidance=2"), seeds=2)
    result: StudyResult = augmentation_study(corpus, tmp_path / "study", chosen)
    assert [row.name for row in result.arms] == ["real", "flow", WITHOUT, f"{WITHOUT}:guidance=2"]
    assert [(row.arm, row.reference) for row in result.contrasts] == [("flow", WITHOUT)], "the gain of the condition"
    assert result.generator_runs == 2, "runs with the same fields are repeated runs"
    for name, folder in (("flow", "flow-f0"), ("flow-again", "flow-f0-r1")):
        assert made_by(tmp_path / "study", folder) == runs.load(models[name]).meta.weights_sha256
    for name, folder in ((WITHOUT, f"{WITHOUT}-f0"), (f"{WITHOUT}-again", f"{WITHOUT}-guidance=2-f0-r1")):
        assert made_by(tmp_path / "study", folder) == runs.load(models[name]).meta.weights_sha256


def test_runs_that_differ_in_fields_are_arms_by_default(corpus: Corpus, models: dict[str, Path]) -> None:
    names = [arm.name for arm in design_study(corpus, settings(models, "flow", WITHOUT)).arms]
    assert names == ["real", "null", "c-mixup", "time-stretch", "flow", WITHOUT, "flow-pretrained", "flow-shuffled"]
    alone = design_study(corpus, settings(models, "emotion", WITHOUT, arms=("flow", "flow_with_emotion")))
    assert {spec.fields for spec in alone.set_specs} == {FieldChoice(), FieldChoice(only=())}
    sampled = design_study(corpus, settings(models, "flow", WITHOUT, arms=("null",), sampling=(("mode", 2.0),)))
    assert [arm.name for arm in sampled.arms][-1] == "flow:mode=2", "a generator without mode has no such parameter"


def test_a_study_trains_generators_without_a_field(
    corpus: Corpus, models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shorten(monkeypatch, "flow", Budget(1, 4))
    chosen = settings(models, arms=(WITHOUT, f"{WITHOUT}-aligned"))
    plan = api.compare.plan(corpus.path, tmp_path / "study", arms=chosen.arms, seeds=1, workers=1)
    assert plan.arms == ("real", WITHOUT, f"{WITHOUT}-aligned")
    augmentation_study(corpus, tmp_path / "study", settings(models, arms=(WITHOUT, f"{WITHOUT}:beta=9-aligned")))
    for name in (f"{WITHOUT}-f0", f"{WITHOUT}-beta=9-aligned-f0"):
        fields = runs.load(tmp_path / "study/runs" / name).fields
        assert "genre" in fields.columns
        assert "mode" not in fields.columns


def test_names_of_fields_are_parts_of_the_names_of_arms() -> None:
    name = "mixup+flow_without_genre_section:guidance=2,trained=40@2-filtered"
    spec = parse_arm(name, 1.0).synthetic
    assert spec is not None
    assert (spec.kind, spec.variant, spec.fields.without) == (
        "flow",
        "flow_without_genre_section",
        ("genre", "section"),
    )
    assert spec.generator == "flow_without_genre_section:trained=40"
    assert parse_arm(spec.name_for(1.0), 1.0).synthetic == spec


def test_ambiguous_names_of_fields_are_refused_in_one_line(
    corpus: Corpus, models: dict[str, Path], tmp_path: Path
) -> None:
    plain = write_corpus(tmp_path / "plain", 8)
    cases: list[tuple[str, Corpus, StudySettings]] = [
        (f"steps is 2, and 1 in .*: {WITHOUT} would name either. Compare other settings in a study",
         corpus, settings(models, "flow", WITHOUT, "longer")),
        ("components is 4, and 8 in", corpus, settings(models, WITHOUT, "smaller")),
        (f"1 {WITHOUT} models for fold 0, of another 2. Give as many runs", corpus,
         settings(models, "flow", "flow-again", WITHOUT)),
        (f"there is no {WITHOUT} among the models.*here: flow", corpus, settings(models, "flow", arms=(WITHOUT,))),
        ("2 runs, of 1 models of each kind", corpus,
         settings(models, "flow", WITHOUT, seeds=2, generator_runs=2)),
        ("another name of the same set. Use flow_without_genre_section", corpus,
         settings(models, arms=("flow_without_section_genre",))),
        ("always conditioned on emotion. Use flow", corpus, settings(models, arms=("flow_without_emotion",))),
        ("null has no condition. Use null", corpus, settings(models, arms=("null_without_genre",))),
        ("unknown arm 'flow_without_colour'", corpus, settings(models, arms=("flow_without_colour",))),
        ("unknown arm .*flow_without'", corpus, settings(models, arms=("flow_without",))),
        ("the training clips teach no genre", plain, settings(models, arms=("flow_without_genre",))),
        (f"cannot be called '{WITHOUT}'", corpus, settings(models, clips=((WITHOUT, generated()),))),
    ]  # fmt: skip
    for says, given, chosen in cases:
        with pytest.raises(UsageError, match=says) as caught:
            design_study(given, chosen)
        assert "\n" not in str(caught.value), says


def test_the_command_line_says_which_runs_it_would_use(
    affetti: Callable[..., Any], corpus: Corpus, models: dict[str, Path], tmp_path: Path
) -> None:
    ran = affetti(
        "compare", "--corpus", corpus.path, "--models", models["flow"], models[WITHOUT], "--arms", "flow", WITHOUT,
        "--out", tmp_path / "study", "--dry-run",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert f"3 arms: real, flow, {WITHOUT}" in ran.out
    assert not (tmp_path / "study").exists()
