"""Results as a notebook shows them."""

from __future__ import annotations

import pickle
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest
from tests.report.answered import audited
from tests.report.conftest import Folders
from tests.report.html import Document

from affetti import api
from affetti.inference.predictor import CurvePoint, SongPrediction
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
    assert "Map of" in html
    assert "Map of" not in checked(Scorecard.from_dict(card.to_dict())), "its arrays are in its folder"


def test_a_scorecard_of_five_parts_still_opens(folders: Folders) -> None:
    """As affetti 0.1 wrote it."""
    document = Scorecard.open(folders.score).to_dict()
    parts = document["quality"]["components"]
    document["quality"]["components"] = {name: parts[name] for name in document["quality"]["published"]["components"]}
    card = Scorecard.from_dict(document)
    assert list(card.quality.components) == ["frechet", "moments", "smoothness", "frequency", "range"]
    assert "fine steps" not in checked(card)


def test_a_study_shows_its_arms(folders: Folders) -> None:
    html = checked(StudyResult.open(folders.study))
    assert "real songs that no model was trained on, this run of flow changes CCC by" in html
    assert "on held-out real songs, with 95 % intervals" in html


def test_an_audit_shows_its_questions_and_claims(tmp_path: Path) -> None:
    html = checked(AuditResult.open(audited(tmp_path / "audit")))
    assert "What does timbre lose?" in html
    assert "Which claims of the study hold" in html
    assert "<audio" in html
    assert "Log-mel spectrogram" in html


def test_a_result_whose_folder_is_gone_or_damaged_is_shown_without_it(folders: Folders, tmp_path: Path) -> None:
    audit = AuditResult.open(audited(tmp_path / "audit"))
    for path in (tmp_path / "audit").rglob("*"):
        if path.suffix in (".npz", ".flac", ".wav"):
            path.write_bytes(b"cut short")
    assert "<audio" not in checked(audit)
    shutil.rmtree(tmp_path / "audit")
    html = checked(audit)
    assert "<audio" not in html
    assert "not in the audit’s folder" not in html
    copy = tmp_path / "score"
    shutil.copytree(folders.score, copy)
    card = Scorecard.open(copy)
    (copy / "pictures.npz").write_bytes(b"cut short")
    assert "Map of" not in checked(card)


@pytest.mark.parametrize(("name", "words"), [("flow", "makes clips"), ("student", "predicts emotions")])
def test_a_training_shows_its_table(folders: Folders, name: str, words: str) -> None:
    html = checked(TrainResult.open(getattr(folders, name)))
    assert words in html
    assert ("error range" in html) == (name == "student")
    assert f"Training curves of {name} over" in html


def test_a_generated_corpus_shows_clips_and_their_sounds_where_they_were_kept(folders: Folders, tmp_path: Path) -> None:
    made = api.generate.run(folders.flow, 5, tmp_path / "made", audio=True, workers=1)
    html = checked(made)
    assert "Valence–arousal plane" in html or "requested emotions" in html
    assert html.count("Log-mel spectrogram, flow-") == html.count("<audio") == 4
    (tmp_path / "made/audio/flow-000000.flac").unlink()
    html = checked(made)
    assert html.count("Log-mel spectrogram, flow-") == 4
    assert "<audio" not in html
    shutil.rmtree(tmp_path / "made")
    assert "Log-mel" not in checked(made)


def test_a_prepared_corpus_shows_its_plane_and_genres(tmp_path: Path) -> None:
    made = api.prepare.run("composed", tmp_path / "corpus", clips=16, folds=2, workers=1)
    html = checked(made)
    assert "Table of clips by genre" in html
    assert "Table of the label ceiling" in html


def test_a_prediction_shows_its_curve() -> None:
    curve = [CurvePoint(3.0, 0.1, 0.2), CurvePoint(4.0, None, None), CurvePoint(5.0, 0.3, 0.1)]
    html = checked(SongPrediction("song.wav", 0.2, 0.15, [0.0, 0.4], [-0.1, 0.4], curve=curve, silent=1))
    assert html.count('<img alt="The emotion curve') == 1
    assert "CurvePoint" not in html
    assert "<img" not in checked(SongPrediction("song.wav", error="too short"))


def test_the_folder_of_a_result_is_no_part_of_it(tmp_path: Path) -> None:
    result = Counted(3, "a")
    assert result.folder is None
    result.save(tmp_path)
    assert result.folder == tmp_path
    assert Counted.open(tmp_path / "result.json").folder == tmp_path
    assert Counted.open(tmp_path) == Counted(3, "a")
    assert "folder" not in str(result.to_dict())
    assert pickle.loads(pickle.dumps(result)).folder == tmp_path  # noqa: S301 - made here
    assert replace(result, clips=4).folder is None


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
