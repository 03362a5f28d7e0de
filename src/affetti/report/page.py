"""Sources in, one self-contained HTML page out.

The page needs no network: style, script, images and sounds are inside it, and a content security policy forbids
anything else. The same sources give the same bytes: there is no date on it and no random number in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from affetti.progress import Progress, silent
from affetti.report import commands
from affetti.report.audio_examples import ExampleGrid, Examples, draw_examples, one_thread
from affetti.report.audit import AuditSection, audit_section
from affetti.report.augmentation import StudySection, study_section
from affetti.report.corpus import corpus_section
from affetti.report.listeners import ListenersSection, listeners_section
from affetti.report.recordings import PairSection, RecordingsSection, pair_section, recordings_section
from affetti.report.rendering import environment
from affetti.report.scorecard import ScoreSection, score_section
from affetti.report.sources import Sources
from affetti.report.summary import AnsweredQuestion, different_corpora, summary
from affetti.report.training import training_sections


@dataclass(frozen=True)
class Summary:
    """What the template ``summary.html`` needs."""

    caution: str
    """That sources are of different corpora; empty where they are not."""
    questions: tuple[AnsweredQuestion, ...]


@dataclass(frozen=True)
class Rerun:
    """What the template ``rerun.html`` needs."""

    commands: tuple[commands.Command, ...]
    identities: tuple[commands.Identity, ...]
    versions: str


@dataclass(frozen=True)
class Section:
    """A section of the page."""

    id: str
    """Name of its template, and its anchor."""
    title: str
    content: Any
    """What the template needs; empty where no source is of its kind."""


@dataclass(frozen=True)
class Page:
    """A page."""

    html: str
    sections: tuple[str, ...]
    """Ids of its sections, in reading order."""


def render_page(
    sources: Sources,
    examples: Sequence[Examples] = (),
    *,
    title: str = "affetti report",
    progress: Progress = silent,
) -> Page:
    """Render the page.

    Args:
        sources: what it is about.
        examples: clips with spectrograms and players, for the section on listening.
        title: heading of the page.
        progress: receives the sections and sounds done.
    """
    builders = _builders(sources, examples, progress)
    sections: list[Section] = []
    for number, (name, heading, build) in enumerate(builders):
        progress("report", number, len(builders))
        content = build()
        if content:
            sections.append(Section(name, heading, content))
    html = environment().get_template("report.html").render(title=title, sections=sections)
    progress("report", len(builders), len(builders))
    return Page(html, tuple(section.id for section in sections))


def _builders(
    sources: Sources, examples: Sequence[Examples], progress: Progress
) -> list[tuple[str, str, Callable[[], Any]]]:
    """Id, title and content of each section, in reading order."""
    return [
        ("summary", "In short", lambda: _summary(sources)),
        ("corpus", "The corpus on the emotion plane", lambda: tuple(map(corpus_section, sources.corpora))),
        ("training", "Training", lambda: training_sections(sources)),
        ("listening", "See and hear", lambda: _listening(examples, progress)),
        ("score", "Scorecard", lambda: _scores(sources, progress)),
        ("arms", "Does synthetic data help?", lambda: _studies(sources)),
        ("listeners", "What listeners say", lambda: _listeners(sources)),
        ("audit", "What the spectrogram loses, and which claims hold", lambda: _audits(sources, progress)),
        ("recordings", "What each representation keeps of a recording", lambda: _recordings(sources)),
        ("pairs", "How alike two recordings are", lambda: _pairs(sources)),
        ("rerun", "How to run it again", lambda: _rerun(sources)),
    ]


def _summary(sources: Sources) -> Summary | None:
    """Of recordings alone there is none: it is about corpora and what was trained on them."""
    if not any((sources.corpora, sources.runs, sources.scores, sources.studies, sources.listening, sources.audits)):
        return None
    return Summary(different_corpora(sources), summary(sources))


def _recordings(sources: Sources) -> tuple[RecordingsSection, ...]:
    with one_thread():
        return tuple(recordings_section(result) for result in sources.recordings)


def _pairs(sources: Sources) -> tuple[PairSection, ...]:
    with one_thread():
        return tuple(pair_section(result) for result in sources.pairs)


def _listening(examples: Sequence[Examples], progress: Progress) -> tuple[ExampleGrid, ...]:
    with one_thread():
        return tuple(draw_examples(shown, progress) for shown in examples)


def _scores(sources: Sources, progress: Progress) -> tuple[ScoreSection, ...]:
    with one_thread():
        return tuple(score_section(score.card, score.name, score.arrays, progress) for score in sources.scores)


def _studies(sources: Sources) -> tuple[StudySection, ...]:
    return tuple(study_section(study.result, study.path.name) for study in sources.studies)


def _listeners(sources: Sources) -> tuple[ListenersSection, ...]:
    return tuple(listeners_section(result) for result in sources.listening)


def _rerun(sources: Sources) -> Rerun:
    identities = tuple(commands.identities(sources))
    return Rerun(tuple(commands.commands(sources)), identities, commands.versions(identities))


def _audits(sources: Sources, progress: Progress) -> tuple[AuditSection, ...]:
    front_ends = {corpus.hash: corpus.front_end for corpus in sources.corpora}
    sections: list[AuditSection] = []
    for number, audit in enumerate(sources.audits, start=1):
        progress("audits", number - 1, len(sources.audits))
        front = front_ends.get(audit.result.corpus_hash)
        sections.append(
            audit_section(
                audit.result, f"audit-{number}", audit.name, folder=audit.path, arrays=audit.arrays, front=front
            )
        )
    return tuple(sections)
