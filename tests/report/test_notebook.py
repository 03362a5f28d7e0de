"""Results as a notebook shows them."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from tests.report.answered import audited
from tests.report.conftest import Folders
from tests.report.html import Document

from affetti.results import BaseResult
from affetti.studies.audit.result import AuditResult
from affetti.studies.augmentation.results import StudyResult
from affetti.studies.scorecard.result import Scorecard
from affetti.training.result import TrainResult


@dataclass(frozen=True)
class Counted(BaseResult):
    verb: ClassVar[str | None] = "count"

    clips: int
    name: str
    share: float | None = None


def checked(result: BaseResult) -> str:
    """The fragment of a result, well formed and self-contained."""
    html = result._repr_html_()
    document = Document(html)
    assert not document.open
    assert html.startswith('<div class="affetti">')
    assert "<script" not in html
    assert "url(" not in html
    links = [str(a[name]) for _, a in document.elements for name in ("src", "href") if name in a]
    assert all(link.startswith(("data:", "#")) for link in links)
    assert not re.search(r"\bNone\b|\bnan\b|Undefined", html)
    return html


def test_a_scorecard_shows_its_parts_and_measures(folders: Folders) -> None:
    card = Scorecard.open(folders.score)
    html = checked(card)
    assert f"{card.quality.score:.0f} <small>" in html
    assert "Fréchet distance" in html
    assert "Bars of the parts of the Quality Score" in html


def test_a_study_shows_its_arms(folders: Folders) -> None:
    html = checked(StudyResult.open(folders.study))
    assert "real-longer" in html
    assert "on held-out real songs, with 95 % intervals" in html


def test_an_audit_shows_its_questions_and_claims(tmp_path: Path) -> None:
    html = checked(AuditResult.open(audited(tmp_path / "audit")))
    assert "What does timbre lose?" in html
    assert "Which claims of the study hold" in html
    assert "not in the audit’s folder" not in html
    assert "<audio" not in html


@pytest.mark.parametrize(("name", "words"), [("flow", "makes clips"), ("student", "predicts emotions")])
def test_a_training_shows_its_table(folders: Folders, name: str, words: str) -> None:
    html = checked(TrainResult.open(getattr(folders, name)))
    assert words in html
    assert ("error range" in html) == (name == "student")


def test_any_other_result_is_a_table_of_its_fields() -> None:
    html = checked(Counted(3, "<b>a</b>", None))
    assert '<tr><th scope="row">clips</th><td>3</td></tr>' in html
    assert "&lt;b&gt;a&lt;/b&gt;" in html
    assert '<tr><th scope="row">share</th><td>–</td></tr>' in html


def test_the_style_of_a_fragment_applies_to_nothing_else() -> None:
    style = Counted(1, "a")._repr_html_().partition("<style>")[2].partition("</style>")[0]
    assert style.startswith("@scope (.affetti) {")
    assert style.count("{") == style.count("}")
    assert ":root" not in style
    assert ":scope {" in style


def test_results_do_not_import_the_report() -> None:
    code = "import affetti.results, sys; sys.exit('affetti.report' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
