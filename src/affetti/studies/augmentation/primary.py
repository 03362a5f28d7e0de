"""The study's primary contrast: one difference, in one sentence.

It is the first ``--contrast``, else the first synthetic set on top of the recipe against ``real``: chosen before
anything is measured, so that its interval and p-value need no adjustment for the other arms.
"""

from __future__ import annotations

import numpy as np

from affetti.studies.augmentation.arm_results import (
    ArmResult,
    ContrastResult,
    Difference,
    Measure,
    PrimaryContrast,
)
from affetti.studies.augmentation.comparison import MIN_RUNS, REFERENCE, choose_measure, needed_number
from affetti.studies.augmentation.design import StudyDesign

MEASURED: dict[Measure, str] = {"ccc": "CCC", "accuracy": "the share of clips in the right quadrant"}


def primary_contrast(
    design: StudyDesign,
    pair: tuple[str, str],
    arms: tuple[ArmResult, ...],
    contrasts: tuple[ContrastResult, ...],
) -> PrimaryContrast:
    """The primary contrast of a study.

    Args:
        design: the study.
        pair: the arm and what it is compared with.
        arms: the rows of the study, whose differences are from ``real``.
        contrasts: its other contrasts.
    """
    first, second = pair
    rows: list[Difference] = [row for row in arms if second == REFERENCE and row.name == first]
    rows += [row for row in contrasts if (row.arm, row.reference) == pair]
    row, corpus = rows[0], design.corpus
    test = np.concatenate([corpus.fold(fold).test for fold in design.folds])
    songs = int(np.unique(corpus.songs[test]).size)
    seeds = design.seeds if design.regressor.seeded else None
    return PrimaryContrast(
        arm=first,
        reference=second,
        sentence=primary_sentence(pair, row, songs, seeds, choose_measure(corpus.labels)),
        delta=row.delta,
        ci=row.delta_ci,
        p=1.0 if row.p_alone is None else row.p_alone,
        n_songs=songs,
        generator_runs=row.generator_runs,
        seeds=design.seeds,
    )


def primary_sentence(pair: tuple[str, str], row: Difference, songs: int, seeds: int | None, measure: Measure) -> str:
    """The contrast in one sentence.

    Args:
        pair: the arm and what it is compared with.
        row: the difference.
        songs: real test songs.
        seeds: regressors an arm; None: they are fitted without chance.
        measure: what the difference is of.
    """
    low, high = row.delta_ci
    runs = row.generator_runs
    subject = f"this run of {pair[0]}" if runs == 1 else pair[0]
    seeds_named = "" if seeds is None else f" and {seeds} seed{'s' * (seeds > 1)}"
    if runs is None or runs == 1:
        over = f"songs{seeds_named}" + (", and says nothing of another run" if runs == 1 else "")
    else:
        each = " of one seed each" if runs == seeds else f" of {seeds} seeds in all"
        over = f"songs and {runs} generator runs" + ("" if seeds is None else each)
    p = 1.0 if row.p_alone is None else row.p_alone
    shown = f"p = {p:.2g}" if p >= 0.001 else "p < 0.001"
    if low > 0 or high < 0:
        finding = f"it {'helps' if low > 0 else 'harms'}"
    elif row.songs_needed_alone is None:
        finding = "no difference is shown, and more songs alone would not show one of this size"
    else:
        needed = needed_number(row.songs_needed_alone, songs)
        finding = f"no difference is shown, and one of this size would take {needed} songs"
    few = f" ({MIN_RUNS} runs or more are needed for a verdict on the method)" if runs == 2 else ""
    return (
        f"On {songs} real songs that no model was trained on, {subject} changes {MEASURED[measure]} by "
        f"{row.delta:+.3f} against {pair[1]} (95 % interval {low:+.3f} to {high:+.3f}, {shown}, over {over}): "
        f"{finding}{few}."
    )
