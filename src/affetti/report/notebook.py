"""Results as a notebook shows them: the tables and figures of the report's section, as a fragment of HTML.

:class:`affetti.results.BaseResult` comes here for ``_repr_html_``. The fragment is self-contained: its style applies to
itself alone, it has no script, and it loads nothing. What lies beside a result in its folder (sounds, log-mels, the log
of training) is not in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from affetti.report.audit import audit_section
from affetti.report.augmentation import study_section
from affetti.report.rendering import environment
from affetti.report.scorecard import score_section
from affetti.report.training import training_section
from affetti.report.wording import NOTHING, number
from affetti.results import BaseResult
from affetti.studies.audit.result import AuditResult
from affetti.studies.augmentation.results import StudyResult
from affetti.studies.scorecard.result import Scorecard
from affetti.training.result import TrainResult

MAX_TEXT = 400
"""Letters of a field that are shown."""


def _scorecard(card: Scorecard) -> Markup:
    name = Path(card.fake).stem if card.generator is None else card.generator.generator
    return _section("score", score_section(card, name))


def _study(result: StudyResult) -> Markup:
    return _section("arms", study_section(result, Path(result.corpus).name))


def _audit(result: AuditResult) -> Markup:
    anchor = f"audit-{result.corpus_hash[:12]}-{result.seed}"
    return _section("audit", audit_section(result, anchor, Path(result.corpus).name))


def _training(result: TrainResult) -> Markup:
    return _section("training", training_section(result, result.model))


SECTIONS: Mapping[type[BaseResult], Callable[[Any], Markup]] = {
    Scorecard: _scorecard,
    StudyResult: _study,
    AuditResult: _audit,
    TrainResult: _training,
}
"""The section of the report that shows each type of result."""


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


def _fields(result: BaseResult) -> Markup:
    rows = Markup("").join(
        Markup('<tr><th scope="row">{}</th><td>{}</td></tr>\n').format(name, _text(value))
        for name, value in result.to_dict().items()
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
