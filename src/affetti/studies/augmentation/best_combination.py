"""The arm ``best``: the best signal augmentation and the best generator, together.

They are chosen by CCC on the fold's validation songs, which no arm is trained on and no test uses. When not to use: to
say that one arm is better than another; the choice is noisy, and only the combination is tested.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from affetti.studies.augmentation.arms import Arm, parse_arm
from affetti.studies.augmentation.comparison import weighted_concordance
from affetti.studies.augmentation.synthetic_sets import TrainingSubset
from affetti.studies.augmentation.trials import TrialTask, open_cached, validation_predictions
from affetti.training.registry import GENERATORS


def choose_best(task: TrialTask, arms: Sequence[Arm], subset: TrainingSubset, seeds: int, ratio: float) -> Arm | None:
    """The arm that ``best`` stands for; None where there is no signal arm, no generator or no validation song.

    Args:
        task: whose trials are done.
        arms: the arms of the study.
        subset: fold and fraction of the training songs.
        seeds: regressors an arm.
        ratio: the study's own.
    """
    own = [arm for arm in arms if not arm.plain and not arm.shuffled]
    signal = [arm for arm in own if arm.signals and arm.synthetic is None]
    generated = [
        arm
        for arm in own
        if arm.synthetic is not None and not arm.signals and arm.use == "added" and arm.synthetic.kind in GENERATORS
    ]
    corpus = open_cached(subset.corpus)
    rows = corpus.fold(subset.fold).validation
    if not signal or not generated or len(rows) < 2:
        return None
    labels = corpus.labels[rows]

    def validation_ccc(arm: Arm) -> float:
        prediction = validation_predictions(task, arm, subset, seeds)
        return float(weighted_concordance(prediction, labels, np.ones((1, len(labels)))).mean())

    return parse_arm(
        f"{max(signal, key=validation_ccc).name}+{max(generated, key=validation_ccc).name}", ratio, task.recipe
    )
