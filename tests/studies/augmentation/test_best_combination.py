from __future__ import annotations

from pathlib import Path

import numpy as np

from affetti.corpus import Corpus
from affetti.storage import write_json
from affetti.studies.augmentation.arms import parse
from affetti.studies.augmentation.best_combination import resolve
from affetti.studies.augmentation.synthetic_sets import Place
from affetti.studies.augmentation.trials import STUDENT, StudyTask, Unit


def test_the_best_pair_is_chosen_on_validation_songs_alone(corpus: Corpus, tmp_path: Path) -> None:
    place = Place(0, 1.0, corpus.path)
    labels = corpus.labels[corpus.fold(0).validation]
    noise = {"specaugment": 0.9, "mixup": 0.1, "gan": 0.2, "flow": 0.8, "flow-shuffled": 0.0, "composer": 0.0}
    arms = [parse(name, 1.0) for name in noise]
    task = StudyTask((), (), tmp_path, 1, 8)
    rng = np.random.default_rng(0)
    for arm in arms:
        for seed in range(2):
            off = noise[arm.name] * rng.normal(size=labels.shape)
            write_json(task.path(Unit(arm, STUDENT, place, seed)), {"validation": (labels + off).tolist()})
    found = resolve(task, arms, place, 2, 1.0)
    assert found is not None
    assert found.name == "mixup+gan", "controls are no generators to choose from"
    assert resolve(task, [arm for arm in arms if arm.made is None], place, 2, 1.0) is None
