"""What one group of features adds to a regressor of log-mels: the difference of R², in % of the labels' variance.

Predictions are those of :func:`~affetti.studies.audit.probes.linear_probe.cross_val_subsets`, intervals are widened for
the choice of training songs (:func:`~affetti.studies.audit.probes.linear_probe.widen_interval`). A group that did not
help on validation songs is selected in no fold and adds exactly nothing, without an interval. That is no proof that it
has no effect, only that these songs show none to a linear regressor. One that helped in some folds alone adds nothing
in the others, and its note says so: its interval is narrow for that reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from affetti.studies.audit.answer import Measurement
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.probes import linear_probe
from affetti.studies.audit.probes.linear_probe import Floats, Texts

NEVER_SELECTED = "it improved the prediction of no validation songs, so the regressor left it out"
SOMETIMES_SELECTED = (
    "it was selected in {} of {} folds only, and adds nothing in the others: no proof of no effect there"
)
SubsetPredictions = Mapping[tuple[str, ...], Floats]
"""Valence and arousal predicted ``[N, 2]`` from the log-mel and each subset of groups."""


def added_variance(
    context: AuditContext, name: str, label: str, predictions: SubsetPredictions, group: str, axis: int
) -> Measurement:
    """R² that ``group`` adds for ``axis`` (0 valence, 1 arousal) to the log-mel alone."""
    columns = predictions[(group,)][:, axis], predictions[()][:, axis], context.corpus.labels[:, axis]
    measurement = Measurement.of_statistic(
        name, label, added_percent, *columns, songs=context.corpus.songs, seed=context.seed, unit="%"
    )
    return of_gain(measurement, columns[0] - columns[1], context.corpus.songs)


def of_gain(measurement: Measurement, changed: Floats, songs: Texts) -> Measurement:
    """``measurement`` of a gain with its interval for new training songs, and the note on its selection."""
    if measurement.value is not None and measurement.ci is not None:
        measurement = replace(measurement, ci=linear_probe.widen_interval(measurement.value, measurement.ci))
    return with_selection_note(measurement, changed, songs)


def with_selection_note(measurement: Measurement, changed: Floats, songs: Texts) -> Measurement:
    """``measurement``, without its interval where the group was never selected, and noting where it was left out.

    Args:
        measurement: what the group adds.
        changed: by how much the group changes predictions, or their errors, ``[N]`` or ``[N, K]``.
        songs: of each clip.
    """
    folds = linear_probe.n_folds_selected(changed, songs)
    if folds == 0:
        return replace(measurement, ci=None, note=NEVER_SELECTED)
    if folds < linear_probe.N_FOLDS:
        left_out = SOMETIMES_SELECTED.format(folds, linear_probe.N_FOLDS)
        return replace(measurement, note=f"{measurement.note}; {left_out}" if measurement.note else left_out)
    return measurement


def added_percent(more: Floats, less: Floats, target: Floats) -> float:
    """What ``more`` explains beyond ``less``, in % of the variance.

    Raises:
        InputError: the target does not vary.
    """
    return 100.0 * linear_probe.r2_gain(more, less, target)
