from __future__ import annotations

from pathlib import Path

import numpy as np

from affetti.corpus import Corpus
from affetti.storage import write_json
from affetti.studies.augmentation.arms import parse_arm
from affetti.studies.augmentation.best_combination import choose_best
from affetti.studies.augmentation.synthetic_sets import TrainingSubset
from affetti.studies.augmentation.trials import STUDENT, Trial, TrialResult, TrialTask


def test_the_best_pair_is_chosen_on_validation_songs_alone(corpus: Corpus, tmp_path: Path) -> None:
    place = TrainingSubset(0, 1.0, corpus.path)
    labels = corpus.labels[corpus.fold(0).validation]
    noise = {"time-stretch": 0.9, "mixup": 0.1, "gan": 0.2, "flow": 0.8, "flow-shuffled": 0.0, "composer": 0.0}
    arms = [parse_arm(name, 1.0) for name in noise]
    task = TrialTask((), (), tmp_path, 1, 8)
    rng = np.random.default_rng(0)
    for arm in arms:
        for seed in range(2):
            prediction = labels + noise[arm.name] * rng.normal(size=labels.shape)
            pairs = tuple((float(valence), float(arousal)) for valence, arousal in prediction)
            result = TrialResult(arm.name, STUDENT, 0, 1.0, seed, 10, 2, prediction=(), validation=pairs)
            write_json(task.path(Trial(arm, STUDENT, place, seed)), result.to_dict())
    actual = choose_best(task, arms, place, 2, 1.0)
    assert actual is not None
    assert actual.name == "mixup+gan", "controls are no generators to choose from"
    assert choose_best(task, [arm for arm in arms if arm.synthetic is None], place, 2, 1.0) is None
