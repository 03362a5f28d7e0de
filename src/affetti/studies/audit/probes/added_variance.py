"""What one group of features adds to a regressor of log-mels: the difference of R², in % of the labels' variance.

Readings are those of :func:`probe.read_subsets`. A group that did not help to read songs held out is
let in nowhere and adds exactly nothing, without an interval: that is no proof of no effect, only that these songs show
none to a linear regressor. One that helped in some folds alone adds nothing in the others, and says so: its interval is
narrow for that reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from affetti.studies.audit.answer import Measurement
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.probes import linear_probe
from affetti.studies.audit.probes.linear_probe import Floats, Texts

NEVER_SELECTED = "it helped to read no songs held out, so the regressor left it out"
SOMETIMES_SELECTED = (
    "it was let in in {} of {} folds alone, and adds nothing in the others: no proof of no effect there"
)
SubsetPredictions = Mapping[tuple[str, ...], Floats]
"""Valence and arousal read ``[N, 2]`` from the log-mel and each subset of groups."""


def added_variance(
    context: AuditContext, name: str, label: str, readings: SubsetPredictions, group: str, axis: int
) -> Measurement:
    """What ``group`` adds for ``axis`` (0 valence, 1 arousal) where the log-mel alone stands beside it."""
    columns = readings[(group,)][:, axis], readings[()][:, axis], context.corpus.labels[:, axis]
    found = Measurement.of_statistic(
        name, label, added_percent, *columns, songs=context.corpus.songs, seed=context.seed, unit="%"
    )
    return with_selection_note(found, columns[0] - columns[1], context.corpus.songs)


def with_selection_note(found: Measurement, changed: Floats, songs: Texts) -> Measurement:
    """``found``, without its interval where the group was let in nowhere, and saying where it was left out.

    Args:
        found: what the group adds.
        changed: by how much the group changes readings, or their errors, ``[N]`` or ``[N, K]``.
        songs: of each clip.
    """
    folds = linear_probe.n_folds_selected(changed, songs)
    if folds == 0:
        return replace(found, ci=None, note=NEVER_SELECTED)
    if folds < linear_probe.N_FOLDS:
        left_out = SOMETIMES_SELECTED.format(folds, linear_probe.N_FOLDS)
        return replace(found, note=f"{found.note}; {left_out}" if found.note else left_out)
    return found


def added_percent(more: Floats, less: Floats, target: Floats) -> float:
    """What ``more`` explains beyond ``less``, in % of the variance.

    Raises:
        InputError: the target does not vary.
    """
    return 100.0 * linear_probe.r2_gain(more, less, target)
