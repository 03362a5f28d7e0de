"""What listening studies say of the claims that only listeners can decide.

The column ``listening`` of ``claims.csv`` names the task, the scale, and a system or a difference of two, such as
``mushra similarity reference - griffin_lim``: a study whose systems are so named decides the claim. Of several studies
the first that has the systems counts. ``n`` is the number of listeners or of clips, whichever is smaller.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from affetti.studies.audit.answer import Measurement
from affetti.studies.listening.result import ListeningResult

UNITS = "listeners or clips"


def listening_measurements(results: Sequence[Path]) -> dict[str, Measurement]:
    """Means and differences of the studies, by what ``claims.csv`` calls them.

    Args:
        results: folders that ``affetti listen results --out`` wrote.

    Raises:
        StorageError: a folder holds no such result.
    """
    measured: dict[str, Measurement] = {}
    for path in results:
        for one in _measurements(ListeningResult.open(path)):
            measured.setdefault(one.name, one)
    return measured


def _measurements(result: ListeningResult) -> list[Measurement]:
    units: dict[tuple[str, str], int] = {}
    made: list[Measurement] = []
    for it in result.systems:
        units[it.scale, it.name] = min(it.listeners, it.clips)
        name = f"{result.task} {it.scale} {it.name}"
        label = f"mean {it.scale} of {it.name}, by listeners"
        made.append(Measurement(name, label, it.mean, it.ci, units[it.scale, it.name], UNITS, it.scale))
    for it in result.pairs:
        n = min(units[it.scale, it.a], units[it.scale, it.b])
        for a, b, sign in ((it.a, it.b, 1), (it.b, it.a, -1)):
            ends = None if it.ci is None else sorted((sign * it.ci[0], sign * it.ci[1]))
            ci = None if ends is None else (ends[0], ends[1])
            label = f"{it.scale} of {a} minus {b}, by listeners"
            name = f"{result.task} {it.scale} {a} - {b}"
            made.append(Measurement(name, label, sign * it.difference, ci, n, UNITS, it.scale))
    return made
