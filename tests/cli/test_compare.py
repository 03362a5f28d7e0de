from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from affetti.cli.compare import _parse, text
from affetti.corpus import Corpus
from affetti.results import PointEstimate
from affetti.studies.augmentation.results import (
    ArmResult,
    BestArm,
    EmotionAgreement,
    LearningCurvePoint,
    LeftOut,
    MethodRow,
    MixedTestSet,
    PublishedClaim,
    PublishedProtocol,
    SeedRange,
    StudyResult,
    TestSet,
    TrainingStepsRow,
)

Affetti = Callable[..., Any]


def test_a_study_is_run_and_printed(
    affetti: Affetti, corpus: Corpus, run_of: Callable[[str], Path], tmp_path: Path
) -> None:
    compare = ("compare", "--corpus", corpus.path, "--out", tmp_path / "study", "--models", run_of("flow"))
    compare += ("--arms", "flow", "--seeds", 1, "--steps", 1, "--batch-size", 8, "--workers", 1)
    ran = affetti(*compare)
    assert ran.code == 0, ran.err
    assert ran.out.startswith("On 10 real songs that no model was trained on, this run of flow changes CCC by ")
    assert "tested on 80 real clips of 10 songs never seen, 1 seeds, folds [0]" in ran.out
    document = json.loads(affetti(*compare, "--json").out)
    assert [row["name"] for row in document["arms"]] == ["real", "flow"]
    for row in document["arms"]:
        assert f"{row['ccc']:.3f}" in ran.out
        assert row["verdict"] in ran.out
    assert document["test"]["synthetic"] == 0


def test_an_unknown_arm_is_refused(affetti: Affetti, corpus: Corpus, tmp_path: Path) -> None:
    ran = affetti("compare", "--corpus", corpus.path, "--out", tmp_path / "study", "--arms", "flwo")
    assert ran.code == 2
    assert "unknown arm 'flwo'" in ran.complaint
    assert not (tmp_path / "study").exists()


def test_typed_values_are_parsed_or_refused_in_one_line(affetti: Affetti, corpus: Corpus, tmp_path: Path) -> None:
    requested = ("compare", "--corpus", corpus.path, "--out", tmp_path / "study")
    for flags, says in (
        (("--budget", "soon"), "--budget: 'soon' is no time"),
        (("--train-fractions", "10;20"), "--train-fractions: '10;20' is no list of numbers"),
        (("--shares", "0,100"), "--train-fractions: 0 %"),
        (("--sampling", "guidance"), "--sampling: '' is no list of numbers"),
        (("--dial", "loudness=2"), "no generator takes loudness=2"),
        (("--returns", "0"), "--training-steps: 0 updates"),
        (("--arms", "waveform"), "the corpus kept no audio"),
        (("--clips", "theirs"), "--clips: 'theirs' is not a set of clips. Write NAME=CORPUS"),
        (("--clips", f"flow={corpus.path}"), "--clips: a set of clips cannot be called 'flow'"),
        (("--trained-on", "undeclared"), "--trained-on: there are no clips to declare"),
        (("--arms", "mixup", "--contrast", "mixup", "gan"), "--contrast: gan is not among the arms. Add it to --arms"),
        (
            ("--arms", "mixup", "--contrast", "real", "specaugment"),
            "--contrast: real and specaugment are one arm, real",
        ),
        (("--contrast", "flow"), "--contrast"),
        (("--augment", "specaug"), "--augment: unknown augmentation 'specaug'"),
        (("--generator-runs", "4"), "--generator-runs: 4 generator runs of 3 seeds"),
        (("--generator-runs", "0"), "--generator-runs: 0 generator runs"),
        (("--arms", "composed:keys=40"), "keys cannot be '40'"),
    ):
        ran = affetti(*requested, *flags)
        assert ran.code == 2, flags
        assert says in ran.complaint, ran.complaint
        assert not (tmp_path / "study").exists()


@pytest.mark.parametrize(("typed", "seconds"), [("90s", 90), ("30m", 1_800), ("1.5h", 5_400), ("2", 120)])
def test_times_are_read(typed: str, seconds: float) -> None:
    assert _parse({"budget": typed}) == {"budget": seconds}


def test_lists_are_read() -> None:
    parsed = _parse(
        {"train_fractions": "10,100", "training_steps": "100,400", "sampling": ("guidance=1,2.5", "truncation=0.5")}
    )
    assert parsed == {
        "train_fractions": (0.1, 1.0),
        "training_steps": (100, 400),
        "sampling": (("guidance", 1.0), ("guidance", 2.5), ("truncation", 0.5)),
    }


def test_all_results_of_a_study_are_printed() -> None:
    arm = ArmResult(
        name="real-longer", ccc_valence=0.3, ccc_arousal=0.3, ccc=0.3, ci=(0.2, 0.4), accuracy=0.6,
        accuracy_ci=(0.5, 0.7), delta=0.0, delta_ci=(0.0, 0.0), verdict="the reference",
    )  # fmt: skip
    half = PointEstimate(0.5)
    method = MethodRow(
        name="flow", quality=40.0, emotion={"arousal": EmotionAgreement(ccc=half, slope=PointEstimate(0.4))},
        delta=0.01, n=9, claimed=PublishedClaim(quality="65–80", information="", emotion=""),
    )  # fmt: skip
    over_seeds = SeedRange(value=0.5, range=(0.5, 0.5))
    protocol = PublishedProtocol(
        honest=False, why="mixed", generator="gan", seeds=1, test=MixedTestSet(test=9, synthetic=6),
        real=over_seeds, mixed=over_seeds, mixed_on_real=over_seeds, gain=0.0,
    )  # fmt: skip
    printed = text(
        StudyResult(
            arms=(arm,),
            measure="accuracy",
            test=TestSet(n=10, songs=2),
            seeds=1,
            folds=(0,),
            detectable=0.06,
            best=(BestArm(fold=0, arm="mixup+flow"),),
            hierarchy=(method,),
            training_steps=(TrainingStepsRow(name="flow", quality=None, n=9, kind="flow", updates=100, seconds=9.0),),
            curve=(LearningCurvePoint(train_fraction=0.1, songs=4, arms=(arm,)),),
            left_out=(LeftOut(name="gan@4", seconds=100.0),),
            published_protocol=protocol,
            corpus="corpus",
            seed=0,
        )
    )
    for words in (
        "right",
        "0.600",
        "mixup+flow",
        "65–80",
        "no original",
        "–",
        "NOT honest",
        "not run",
        "gan@4",
        "0.060",
    ):
        assert words in printed, words
