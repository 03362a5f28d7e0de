from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.material import LEAN, write_corpus

from affetti.corpus import Corpus
from affetti.errors import AffettiError, InputError, MismatchError, UsageError
from affetti.presets import FRONT_ENDS
from affetti.studies.augmentation.design import StudySettings, design_study
from affetti.studies.augmentation.study import augmentation_study
from affetti.training.train import TrainSettings, train_run


def test_sets_that_cannot_be_compared_are_refused_before_any_work(
    tmp_path: Path, corpus: Corpus, run_of: Callable[[str], Path], made: Callable[..., Path]
) -> None:
    flow = run_of("flow")
    wide = write_corpus(tmp_path / "wide", 8, 2, FRONT_ENDS["full-band"], "full-band")
    other = train_run("gan", corpus, 1, tmp_path / "gan1", TrainSettings(steps=1, batch_size=4, model=LEAN["gan"]))
    assert other.fold == 1
    aligned = TrainSettings(steps=1, batch_size=4, align=flow, beta=9.0)
    train_run("flow", corpus, 0, tmp_path / "aligned", aligned)
    single = write_corpus(tmp_path / "single", 6, fold=np.repeat([0, 1, 1, 1, 1, 1], 2))
    alone = write_corpus(tmp_path / "alone", 6, fold=np.repeat([0, 0, 0, 0, 0, 1], 2))
    flat = write_corpus(tmp_path / "flat", 8, labels=np.tile([[0.5, 0.1], [0.5, -0.1]], (8, 1)))
    overlapping = write_corpus(tmp_path / "overlapping", 12, song_id=np.repeat(sorted(set(corpus.songs))[:12], 2))
    cases: list[tuple[type[AffettiError], str, Any, dict[str, Any]]] = [
        (UsageError, "0 seeds", corpus, {"seeds": 0}),
        (UsageError, "0 folds", corpus, {"folds": 0}),
        (UsageError, "ratio 0", corpus, {"ratio": 0.0}),
        (UsageError, "ratio nan", corpus, {"ratio": float("nan")}),
        (UsageError, "--steps: 0", corpus, {"steps": 0}),
        (UsageError, "--seed: -1", corpus, {"seed": -1}),
        (UsageError, "a budget of 0 s", corpus, {"budget": 0.0}),
        (UsageError, "--train-fractions: 0 %", corpus, {"train_fractions": (0.0,)}),
        (UsageError, "were trained on all training songs", corpus, {"models": (flow,), "train_fractions": (0.5,)}),
        (UsageError, "--training-steps", corpus, {"models": (flow,), "training_steps": (10,)}),
        (UsageError, "unknown arm 'flwo'", corpus, {"arms": ("gan", "flwo")}),
        (UsageError, "there is no gan among the models", corpus, {"models": (flow,), "arms": ("gan",)}),
        (UsageError, "there is no flow among", corpus, {"models": (run_of("gan"),), "arms": ("flow-aligned",)}),
        (UsageError, "is an aligned run. Give the run that it was", corpus, {"models": (tmp_path / "aligned",)}),
        (UsageError, "no generator takes loudness=2", corpus, {"sampling": (("loudness", 2.0),)}),
        (UsageError, "arm 'flow:loudness=2': no sampling parameter", corpus, {"arms": ("flow:loudness=2",)}),
        (UsageError, "--folds: 3 folds of a corpus that has 2. Give 2 or fewer", corpus, {"folds": 3}),
        (UsageError, "--folds: 2 folds, of models for fold 0 alone. Leave", corpus, {"models": (flow,), "folds": 2}),
        (UsageError, "--contrast: gan is not among the arms. Add it to --arms; here: real, flow", corpus,
         {"models": (flow,), "arms": ("flow",), "contrasts": (("flow", "gan"),)}),
        (UsageError, "3 generator runs of 2 seeds. A seed is trained on one run: give 1 to 2, or --seeds 3", corpus,
         {"seeds": 2, "generator_runs": 3}),
        (UsageError, "a student does not generate", corpus, {"models": (run_of("student"),)}),
        (UsageError, "this model is given twice", corpus, {"models": (flow, flow)}),
        (UsageError, "0 (gan|flow) models for fold", corpus, {"models": (flow, tmp_path / "gan1")}),
        (MismatchError, "holds synthetic clips", Corpus.open(made("flow")), {}),
        (MismatchError, "made with front-end", wide, {"models": (flow,)}),
        (MismatchError, "of the test songs", overlapping, {"models": (flow,)}),
        (InputError, "fold 0 holds one test song", single, {}),
        (InputError, "fold 0 has one training song, too few to train on", alone, {}),
        (InputError, r"valence is 0.5 in all \d+ training clips", flat, {}),
    ]  # fmt: skip
    for kind, says, given, options in cases:
        with pytest.raises(kind, match=says) as caught:
            augmentation_study(given, tmp_path / "study", StudySettings(**options))
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "study").exists(), says


def test_a_sampling_parameter_becomes_an_arm_of_each_generator_that_has_it(corpus: Corpus) -> None:
    result = design_study(
        corpus, StudySettings(arms=("mixup",), sampling=(("truncation", 0.5), ("guidance", 2.0)), training_steps=(50,))
    )
    names = [arm.name for arm in result.arms]
    names = names[names.index("mixup") + 1 :]
    assert names == ["gan:truncation=0.5", "flow:guidance=2", "gan:trained=50", "flow:trained=50"]
    assert len(result.set_specs) == 4
    assert result.train_fractions == (1.0,)
