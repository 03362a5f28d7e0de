"""Words for a paper: a limitations paragraph, a footnote and a table of losses, filled with what was measured.

They replace those that the published study proposed for its own report (its §10 and §11), whose numbers were argued and
not measured. A number that this audit did not measure is said to be unmeasured; nothing is taken over from the study.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from affetti.corpus import Corpus
from affetti.studies.audit.answer import Answer, Measurement, format_measurement

QUICK_NOTE = " This was a quick audit, of few songs."
OF_VARIANCE = "of the variance of emotion beyond the log-mel"
OF_LOSS = "of the loss from log-mel to sound"
LOSSES: tuple[tuple[str, tuple[str, int, str], tuple[str, str], str], ...] = (
    (
        "lyrics",
        ("variance.lyrics", 1, OF_VARIANCE),
        ("penalty_voice", "for songs without words or voice"),
        "give the model the words beside the spectrogram",
    ),
    (
        "timbre",
        ("variance.timbre", 1, OF_VARIANCE),
        ("penalty_timbre", "for one instrument in all clips"),
        "condition the generator on instruments",
    ),
    (
        "structure",
        ("variance.structure", 1, OF_VARIANCE),
        ("penalty_structure", "for one kind of section alone"),
        "condition on section and position",
    ),
    (
        "genre",
        ("variance.genre", 1, OF_VARIANCE),
        ("penalty_genre", "for one genre alone"),
        "condition on genre",
    ),
    (
        "phase",
        ("phase.share_of_loss_phase", 0, OF_LOSS),
        ("penalty_phase", "for lost phases"),
        "invert the mel better, then a vocoder",
    ),
)
"""Limitation, what measures its loss (name, decimals, of what), its penalty (name, for what), what helps against it."""


def wording(
    answers: Mapping[str, Answer], findings: list[dict[str, Any]], corpus: Corpus, *, quick: bool = False
) -> dict[str, Any]:
    """``paragraph``, ``footnote`` and ``table`` (rows of ``limitation, information_loss, quality_impact, mitigation``).

    Args:
        answers: of the audit, by question.
        findings: the claims as they were decided.
        corpus: what was audited.
        quick: whether fewer songs were taken.
    """
    found = {f"{name}.{its.name}": its for name, answer in answers.items() for its in answer.measurements}
    source = f"{len(corpus)} clips of {corpus.meta['n_songs']} songs ({corpus.meta['source']})"
    composed = bool(corpus.meta.get("planted"))
    limits = (
        " The music was composed by rules: these numbers are about representations and models, not about listeners."
        if composed
        else ""
    )
    kept = _told(found, "ceiling.quality_roundtrip", 0)
    losses = "; ".join(f"{name}, {_told(found, by, digits)} {of}" for name, (by, digits, of), _, _ in LOSSES)
    paragraph = (
        f"Limitations of the spectrogram. On {source}, log-mel spectrograms turned into sound and back keep {kept} of "
        f"100 points of a Quality Score on which other real songs score {_told(found, 'ceiling.quality_real', 0)}. "
        f"What a log-mel leaves out, measured: {losses}. A linear regressor keeps "
        f"{_told(found, 'information.probe_kept_mel', 0)} of the emotion it reads off the linear spectrogram. "
        f"Disagreement of raters caps CCC at {_told(found, 'ceiling.label_ccc')}. Brackets are 95 % intervals over "
        f"songs; not every number is of all of them.{QUICK_NOTE if quick else ''}{limits}"
    )
    counts = Counter(str(row["verdict"]) for row in findings)
    footnote = (
        "Quality Score of affetti, calibrated on held-out real songs (100) and one clip repeated (25). "
        "Points for one kind alone, or without words, show what the score sees, and bound nothing. "
        f"Of {len(findings)} claims of an unpublished study of spectrogram GANs, on this corpus "
        f"{counts['supported']} are supported, "
        f"{counts['contradicted']} contradicted and {counts['undecided']} undecided."
    )
    table = [
        {
            "limitation": name,
            "information_loss": f"{_told(found, by, digits)} {of}",
            "quality_impact": f"{_told(found, f'ceiling.{penalty}', 0)} {what}",
            "mitigation": against,
        }
        for name, (by, digits, of), (penalty, what), against in LOSSES
    ]
    return {"paragraph": paragraph, "footnote": footnote, "table": table}


def _told(found: Mapping[str, Measurement], name: str, digits: int = 2) -> str:
    its = found.get(name)
    return "(not measured)" if its is None else format_measurement(its, digits)
