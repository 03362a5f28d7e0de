"""The best of signal augmentation and of generators, together.

Which arms those are is decided by CCC on the fold's validation songs, which no arm trains on and no test uses. When
not to use: to say that one arm is better than another; the choice is noisy, and only the arm that comes out is tested.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from affetti.studies.augmentation.arms import Arm, parse_arm
from affetti.studies.augmentation.comparison import weighted_concordance
from affetti.studies.augmentation.synthetic_sets import TrainingSubset
from affetti.studies.augmentation.trials import STUDENT, TrialTask, gather_predictions, open_cached
from affetti.training.registry import GENERATORS


def choose_best(task: TrialTask, arms: Sequence[Arm], place: TrainingSubset, seeds: int, ratio: float) -> Arm | None:
    """The arm that ``best`` stands for at ``place``; None where there is no signal arm, generator or validation song.

    Args:
        task: whose units have been worked off.
        arms: the arms of the study.
        place: fold and share.
        seeds: regressors an arm.
        ratio: the study's own.
    """
    signal = [arm for arm in arms if arm.signals and arm.synthetic is None]
    made = [
        arm
        for arm in arms
        if arm.synthetic is not None and not arm.signals and arm.use == "added" and arm.synthetic.kind in GENERATORS
    ]
    corpus = open_cached(place.corpus)
    rows = corpus.fold(place.fold).validation
    if not signal or not made or len(rows) < 2:
        return None
    labels = corpus.labels[rows]

    def held(arm: Arm) -> float:
        read = gather_predictions(task, STUDENT, [arm], [place], seeds, "validation")
        return float(weighted_concordance(read, labels, np.ones((1, len(labels)))).mean())

    return parse_arm(f"{max(signal, key=held).name}+{max(made, key=held).name}", ratio)
