"""The section on training: what models were trained on, their loss curves, and how well regressors predict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from affetti.corpus.ceiling import LabelCeiling, ceiling
from affetti.report import figures
from affetti.report.drawing import legend_line
from affetti.report.sources import Sources
from affetti.training.registry import FAMILIES, GENERATORS
from affetti.training.result import TrainResult

CURVES = ("loss", "loss_discriminator", "gap")
"""Logged values that are drawn."""


@dataclass(frozen=True)
class TrainingSection:
    """What the template ``training.html`` needs of one run."""

    name: str
    result: TrainResult
    generates: bool
    """Whether the model makes clips; otherwise it predicts emotions."""
    adversarial: bool
    """Whether it was trained against a discriminator."""
    figure: Markup | None
    """Loss curves; None where nothing was logged."""
    legend: tuple[tuple[str, Markup], ...]
    ceiling: LabelCeiling
    """Of the labels of the corpus; without values where the corpus is not known."""


def training_sections(sources: Sources) -> tuple[TrainingSection, ...]:
    """Each run, in reading order."""
    ceilings = {corpus.hash: ceiling(corpus.clips) for corpus in sources.corpora if not corpus.synthetic}
    return tuple(
        training_section(run.result, run.name, run.log, ceilings.get(run.corpus_hash or "")) for run in sources.runs
    )


def training_section(
    result: TrainResult,
    name: str,
    log: Sequence[dict[str, float]] = (),
    labels: LabelCeiling | None = None,
) -> TrainingSection:
    """Draw a run.

    Args:
        result: what training returned.
        name: of the run.
        log: lines of ``metrics.jsonl``.
        labels: the ceiling of the labels of the corpus.
    """
    keys = [key for key in CURVES if any(key in line for line in log)]
    return TrainingSection(
        name=name,
        result=result,
        generates=result.model in GENERATORS,
        adversarial=result.model in FAMILIES and FAMILIES[result.model].adversarial,
        figure=figures.curves(log, keys, name) if len(log) > 1 and keys else None,
        legend=tuple((key.replace("_", " of the "), legend_line(number)) for number, key in enumerate(keys)),
        ceiling=labels or LabelCeiling(),
    )
