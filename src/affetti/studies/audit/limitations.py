"""Words for a paper: a limitations paragraph, a footnote and a table of losses, with the numbers that were measured.

The sentences on methods, future work and CCC are of :mod:`affetti.studies.audit.paper`.

They replace those that the study proposed for its own report (its §10 and §11), whose numbers were argued and
not measured. A number that this audit did not measure is called "(not measured)"; none is taken over from the study.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from affetti.corpus import Corpus
from affetti.studies.audit import paper
from affetti.studies.audit.answer import Answer, Measurement, format_measurement
from affetti.studies.audit.claims import Finding
from affetti.studies.augmentation.results import StudyResult
from affetti.studies.scorecard.result import Scorecard

QUICK_NOTE = " This was a quick audit, of few songs."
COMPOSED_NOTE = (
    " The music was composed by rules: these numbers are about representations and models, not about listeners."
)
OF_VARIANCE = "of the variance of emotion beyond the log-mel"
OF_LOSS = "of the loss from log-mel to sound"


@dataclass(frozen=True)
class Limitation:
    """A row of the table of losses."""

    limitation: str
    """What a log-mel is said to lose: ``lyrics``, ``timbre``, ``structure``, ``genre``, ``phase`` or ``harmony``."""
    information_loss: str
    """What was measured of the loss, with its interval."""
    quality_impact: str
    """The points of the Quality Score that it costs."""
    mitigation: str
    """What helps against it."""


@dataclass(frozen=True)
class Wording:
    """Words for a paper."""

    paragraph: str
    """A paragraph on the limitations of spectrograms."""
    footnote: str
    """How the score is calibrated, and how many claims hold."""
    table: tuple[Limitation, ...]
    methods: str = ""
    """What was generated, how it scores beside real clips, and what it gains on top of the recipe."""
    why_ccc: str = ""
    """Why CCC is not higher: the ceiling of the labels, what a probe finds, what the regressor finds."""
    future_work: tuple[str, ...] = ()
    """What to do next, that first which was measured to cost most."""


@dataclass(frozen=True)
class _Loss:
    """How a row of the table is made."""

    limitation: str
    loss: str
    """The measurement of its loss, ``question.measurement``."""
    digits: int
    loss_unit: str
    """What the loss is a percentage of."""
    penalty: str
    """The measurement of its cost in points; empty where there is none."""
    penalty_of: str
    """What costs these points."""
    mitigation: str


LOSSES: tuple[_Loss, ...] = (
    _Loss(
        "lyrics",
        "variance.lyrics",
        1,
        OF_VARIANCE,
        "ceiling.penalty_voice",
        "for songs without words or voice",
        "give the model the words beside the spectrogram",
    ),
    _Loss(
        "timbre",
        "variance.timbre",
        1,
        OF_VARIANCE,
        "ceiling.penalty_timbre",
        "for one instrument in all clips",
        "condition the generator on instruments",
    ),
    _Loss(
        "structure",
        "variance.structure",
        1,
        OF_VARIANCE,
        "ceiling.penalty_structure",
        "for one kind of section alone",
        "condition on section and position",
    ),
    _Loss(
        "genre",
        "variance.genre",
        1,
        OF_VARIANCE,
        "ceiling.penalty_genre",
        "for one genre alone",
        "condition on genre",
    ),
    _Loss(
        "phase",
        "phase.share_of_loss_phase",
        0,
        OF_LOSS,
        "ceiling.penalty_phase",
        "for lost phases",
        "invert the mel better, then a vocoder",
    ),
    _Loss(
        "harmony",
        "variance.harmony",
        1,
        OF_VARIANCE,
        "",
        "not measured: the score compares log-mels",
        "give the model harmony relative to the tonic, or a constant-Q transform",
    ),
)


def wording(
    answers: Mapping[str, Answer],
    findings: Sequence[Finding],
    corpus: Corpus,
    *,
    composed: bool,
    quick: bool = False,
    studies: Sequence[StudyResult] = (),
    scorecards: Sequence[Scorecard] = (),
) -> Wording:
    """Paragraphs, a footnote and a table, filled with what was measured.

    Args:
        answers: by name of the question.
        findings: the claims as they were decided.
        corpus: the audited corpus.
        composed: whether the corpus is composed.
        quick: whether fewer songs were taken.
        studies: augmentation studies of the same corpus.
        scorecards: of synthetic sets.
    """
    measurements = {f"{name}.{one.name}": one for name, answer in answers.items() for one in answer.measurements}
    table = tuple(
        Limitation(
            row.limitation,
            f"{_format(measurements, row.loss, row.digits)} {row.loss_unit}",
            f"{_format(measurements, row.penalty, 0)} {row.penalty_of}" if row.penalty else row.penalty_of,
            row.mitigation,
        )
        for row in LOSSES
    )
    source = f"{len(corpus)} clips of {corpus.meta['n_songs']} songs ({corpus.meta['source']})"
    paragraph = _paragraph(measurements, table, source)
    paragraph += QUICK_NOTE if quick else ""
    paragraph += COMPOSED_NOTE if composed else ""
    return Wording(
        paragraph,
        _footnote(findings),
        table,
        paper.methods_sentences(studies, scorecards),
        paper.ccc_sentences(measurements, studies) + (COMPOSED_NOTE if composed else ""),
        paper.future_work(measurements, {row.limitation: row.mitigation for row in LOSSES}, composed=composed),
    )


def _paragraph(measurements: Mapping[str, Measurement], table: Sequence[Limitation], source: str) -> str:
    kept, real = (_format(measurements, f"ceiling.quality_{name}", 0) for name in ("roundtrip", "real"))
    losses = "; ".join(f"{row.limitation}, {row.information_loss}" for row in table)
    return (
        f"Limitations of the spectrogram. On {source}, log-mel spectrograms turned into sound and back keep {kept} of "
        f"100 points of a Quality Score on which other real songs score {real}. "
        f"What a log-mel leaves out, measured: {losses}. Of composed songs the chord of a bar is recognised in "
        f"{_format(measurements, 'harmony.chord_mel_128', 0)} from 128 mel bands, in "
        f"{_format(measurements, 'harmony.chord_cqt', 0)} from a constant-Q transform. A linear regressor keeps "
        f"{_format(measurements, 'information.probe_kept_mel', 0)} of the emotion that it predicts from the linear "
        f"spectrogram. The disagreement of raters caps CCC at {_format(measurements, 'ceiling.label_ccc')}. Brackets "
        "are 95 % intervals over songs; some numbers are of fewer songs than the corpus has."
    )


def _footnote(findings: Sequence[Finding]) -> str:
    counts = Counter(finding.verdict for finding in findings)
    return (
        "Quality Score of affetti, calibrated on held-out real songs (100) and one clip repeated (25). "
        "Points for one kind alone, or without words, show what the score detects, and bound nothing. "
        f"Of {len(findings)} claims of a study of spectrogram GANs, on this corpus "
        f"{counts['supported']} are supported, "
        f"{counts['contradicted']} contradicted and {counts['undecided']} undecided."
    )


def _format(measurements: Mapping[str, Measurement], name: str, digits: int = 2) -> str:
    measurement = measurements.get(name)
    return "(not measured)" if measurement is None else format_measurement(measurement, digits)
