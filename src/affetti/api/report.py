"""``affetti report``: one self-contained HTML page.

The clips that the page shows are sampled here, with :class:`affetti.models.sampling.Sampler`; :mod:`affetti.report`
draws what it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from affetti.corpus import Corpus
from affetti.errors import UsageError
from affetti.models.sampling import Sampler
from affetti.progress import Progress, silent
from affetti.report.audio_examples import ExampleClip, Examples, one_thread
from affetti.report.page import render_page
from affetti.report.sources import Run, Sources, read_sources
from affetti.report.wording import signed
from affetti.results import BaseResult
from affetti.storage import write_text
from affetti.training import run as runs

SEED = 0
"""Of every sample on the page."""
QUANTILES = (0.1, 0.5, 0.9)
"""Of valence and of arousal: the emotions of the grid."""


@dataclass(frozen=True)
class ReportResult(BaseResult):
    """A page that was written."""

    verb: ClassVar[str | None] = "report"

    report: str
    """The file."""
    bytes: int
    sections: tuple[str, ...]


def run(
    sources: Sequence[str | Path] | str | Path,
    out: str | Path,
    *,
    title: str = "affetti report",
    progress: Progress = silent,
) -> ReportResult:
    """Write one self-contained HTML page.

    Args:
        sources: folders of corpora, runs, scorecards, studies, listening results and audits, in any order.
        out: the page; its name ends in ``.html``.
        title: heading of the page.
        progress: receives the sections and sounds done.

    Raises:
        UsageError: there are no sources, or ``out`` does not end in ``.html``.
        StorageError: a folder is missing, unfinished, damaged, or not of a kind that a report is about.
    """
    out = Path(out)
    if out.suffix.lower() != ".html":
        raise UsageError(
            f"{out.name!r} does not end in .html", where="--out", hint="name the page, such as report.html"
        )
    paths = [sources] if isinstance(sources, str | Path) else list(sources)
    opened = read_sources([Path(path) for path in paths])
    page = render_page(opened, sample_examples(opened), title=title, progress=progress)
    write_text(out, page.html)
    return ReportResult(str(out), len(page.html.encode()), page.sections)


def sample_examples(sources: Sources) -> list[Examples]:
    """Clips of nine emotions from each real corpus and the generators trained on it.

    Generators whose corpus is not among the sources have examples of their own, without real clips.
    """
    corpora = [corpus for corpus in sources.corpora if not corpus.synthetic]
    hashes = {corpus.hash for corpus in corpora}
    with one_thread():
        return [
            *(
                _examples(corpus, [run for run in sources.generators if run.corpus_hash == corpus.hash])
                for corpus in corpora
            ),
            *(_examples(None, [run]) for run in sources.generators if run.corpus_hash not in hashes),
        ]


def _examples(corpus: Corpus | None, generators: Sequence[Run]) -> Examples:
    trained = [runs.load(run.path) for run in generators]
    emotions = nine_emotions(trained[0].training_labels if corpus is None else corpus.labels)
    columns: list[tuple[ExampleClip, ...]] = []
    held_out = True
    if corpus is not None:
        trained_on: set[str] = set().union(*(model.songs for model in trained))
        rows, held_out = nearest_clips(corpus, emotions, trained_on)
        columns.append(tuple(_real_clip(corpus, row) for row in rows))
    for run, model in zip(generators, trained, strict=True):
        samples = Sampler(model.generator, model.front_end, SEED)(torch.from_numpy(emotions).float())
        waveforms = [None] * len(emotions) if samples.waveform is None else list(samples.waveform)
        columns.append(
            tuple(
                ExampleClip(run.name, "generated", mel, waveform)
                for mel, waveform in zip(samples.mel.numpy(), waveforms, strict=True)
            )
        )
    front = corpus.front_end if corpus is not None else trained[0].front_end
    return Examples(emotions, tuple(columns), front, tuple(run.name for run in generators), held_out)


def nine_emotions(labels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Nine emotions ``[9, 2]`` that a corpus has: quantiles of valence by those of arousal.

    Args:
        labels: valence and arousal ``[N, 2]``.

    Returns:
        Row by row from high arousal to low.
    """
    valence, arousal = (np.quantile(labels[:, axis], QUANTILES).round(2) for axis in (0, 1))
    return np.array([[v, a] for a in arousal[::-1] for v in valence])


def nearest_clips(corpus: Corpus, emotions: NDArray[np.float64], trained_on: set[str]) -> tuple[list[int], bool]:
    """The row of the clip nearest to each emotion, of different songs where there are enough.

    Returns:
        Rows, and whether none is of a song in ``trained_on``: they are not where other songs are left.
    """
    held_out = ~np.isin(corpus.songs, sorted(trained_on))
    rows = np.flatnonzero(held_out) if held_out.any() else np.arange(len(corpus))
    taken: set[str] = set()
    chosen: list[int] = []
    for emotion in emotions:
        free = rows[~np.isin(corpus.songs[rows], sorted(taken))]
        pool = free if len(free) else rows
        row = int(pool[np.linalg.norm(corpus.labels[pool] - emotion, axis=1).argmin()])
        taken.add(str(corpus.songs[row]))
        chosen.append(row)
    return chosen, bool(held_out.any())


def _real_clip(corpus: Corpus, row: int) -> ExampleClip:
    valence, arousal = corpus.labels[row].tolist()
    detail = f"{corpus.songs[row]}, labelled {signed(valence)}, {signed(arousal)}"
    return ExampleClip("real", detail, np.asarray(corpus.mel[row], dtype=np.float32))
