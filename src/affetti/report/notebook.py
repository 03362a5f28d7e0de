"""Results as a notebook shows them: the tables, figures and sounds of the report's section, as a fragment of HTML.

:class:`affetti.results.BaseResult` comes here for ``_repr_html_``. The fragment is self-contained: its style applies to
itself alone, it has no script, and it loads nothing. What lies in the folder of a result (the log of training, arrays,
log-mels, sounds) is shown where it is still there.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

from markupsafe import Markup, escape

from affetti.corpus import Corpus
from affetti.errors import AffettiError, InputError
from affetti.inference.predictor import SongPrediction
from affetti.report.audio_examples import draw_clips, one_thread
from affetti.report.audit import audit_section
from affetti.report.augmentation import study_section
from affetti.report.corpus import corpus_section
from affetti.report.curve import draw_curves
from affetti.report.listeners import listeners_section
from affetti.report.recordings import pair_section, recordings_section
from affetti.report.rendering import environment
from affetti.report.scorecard import score_section
from affetti.report.sources import audit_arrays, read_log, score_arrays
from affetti.report.training import training_section
from affetti.report.wording import NOTHING, number
from affetti.results import BaseResult, CorpusResult
from affetti.studies.audit.recordings.result import PairResult, RecordingsResult
from affetti.studies.audit.result import AuditResult
from affetti.studies.augmentation.results import StudyResult
from affetti.studies.listening.result import ListeningResult
from affetti.studies.scorecard.result import Scorecard
from affetti.training.result import TrainResult

T = TypeVar("T")
MAX_TEXT = 400
"""Letters of a field that are shown."""


def _scorecard(card: Scorecard) -> Markup:
    name = Path(card.fake).stem if card.generator is None else card.generator.generator
    with one_thread():
        return _section("score", score_section(card, name, _in_folder(card, score_arrays)))


def _study(result: StudyResult) -> Markup:
    return _section("arms", study_section(result, Path(result.corpus).name))


def _listening(result: ListeningResult) -> Markup:
    return _section("listeners", listeners_section(result))


def _audit(result: AuditResult) -> Markup:
    anchor, name = f"audit-{result.corpus_hash[:12]}-{result.seed}", Path(result.corpus).name
    folder, arrays = result.folder, _in_folder(result, lambda folder: audit_arrays(result, folder))
    try:
        here = folder if folder is not None and folder.is_dir() else None
        section = audit_section(result, anchor, name, folder=here, arrays=arrays)
    except InputError:  # a sound is damaged
        section = audit_section(result, anchor, name, arrays=arrays)
    return _section("audit", section)


def _recordings(result: RecordingsResult) -> Markup:
    with one_thread():
        return _section("recordings", recordings_section(result))


def _pair(result: PairResult) -> Markup:
    with one_thread():
        return _section("pairs", pair_section(result))


def _training(result: TrainResult) -> Markup:
    return _section("training", training_section(result, result.model, _in_folder(result, read_log) or ()))


def _corpus(result: CorpusResult) -> Markup:
    """The fields, and the corpus; of a generated one some clips, with their sound where it was kept."""
    fields = _fields(result)
    try:
        corpus = Corpus.open(result.corpus)
        html = fields + _section("corpus", corpus_section(corpus))
        return html + _section("clips", draw_clips(corpus)) if corpus.synthetic else html
    except AffettiError:  # it was moved or removed
        return fields


def _prediction(result: SongPrediction) -> Markup:
    fields = _fields(result, without=("curve",))
    if result.error is not None:
        return fields
    buffer = io.BytesIO()
    draw_curves([result])[0].savefig(buffer, dpi=100, format="png")
    picture = base64.b64encode(buffer.getvalue()).decode()
    label = "The emotion curve on the plane of valence and arousal, and over time"
    return fields + Markup('<figure><img alt="{}" src="data:image/png;base64,{}"></figure>\n').format(label, picture)


SECTIONS: Mapping[type[BaseResult], Callable[[Any], Markup]] = {
    Scorecard: _scorecard,
    StudyResult: _study,
    ListeningResult: _listening,
    AuditResult: _audit,
    TrainResult: _training,
    CorpusResult: _corpus,
    SongPrediction: _prediction,
    RecordingsResult: _recordings,
    PairResult: _pair,
}
"""What shows each type of result."""


def result_html(result: BaseResult) -> str:
    """A result as a fragment of HTML; one that the report has no section for as a table of its fields.

    Example:
        >>> from affetti.training.result import ClipCounts, SongCounts, TrainResult
        >>> result = TrainResult(
        ...     model="baseline", fold=0, n=ClipCounts(80, 10, 10), songs=SongCounts(10), steps=1, seed=0,
        ...     seconds=2.0, loss=None, parameters=0, corpus_hash="", versions={},
        ... )
        >>> "predicts emotions" in result_html(result)
        True
    """
    section = next((show for kind, show in SECTIONS.items() if isinstance(result, kind)), None)
    body = _fields(result) if section is None else section(result)
    return Markup('<div class="affetti">\n{style}\n{body}</div>\n').format(style=_style(), body=body)


def _in_folder(result: BaseResult, read: Callable[[Path], T]) -> T | None:
    """What ``read`` finds in the folder of a result; None where there is no folder, or it is damaged."""
    if result.folder is None:
        return None
    try:
        return read(result.folder)
    except AffettiError:
        return None


def _section(template: str, content: Any) -> Markup:
    html = environment().get_template(f"{template}.html").render(section=(content,), interactive=False)
    return Markup(html)  # noqa: S704 - the templates escape every value


def _style() -> Markup:
    """The style of the page, limited to the fragment."""
    sheet = environment().get_template("style.html").render()
    rules = sheet.partition("<style>")[2].partition("</style>")[0]
    # The page's own rules for its root and body become those of the fragment.
    rules = re.sub(r"(?m)^(\s*)(:root|body) \{", r"\1:scope {", rules)
    return Markup(f"<style>@scope (.affetti) {{{rules}}}</style>")  # noqa: S704 - a template without values


def _fields(result: BaseResult, without: Collection[str] = ()) -> Markup:
    rows = Markup("").join(
        Markup('<tr><th scope="row">{}</th><td>{}</td></tr>\n').format(name, _text(value))
        for name, value in result.to_dict().items()
        if name not in without
    )
    caption = escape(type(result).__name__)
    return Markup("<table>\n<caption>{}</caption>\n<tbody>\n{}</tbody>\n</table>\n").format(caption, rows)


def _text(value: object) -> str:
    """A field on one line."""
    if value is None:
        return NOTHING
    if isinstance(value, float):
        return number(value, 3)
    text = str(value)
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"
