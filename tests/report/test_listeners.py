from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.listening_material import simulated, study, tidy, with_files
from tests.report.html import Document

from affetti.api import report
from affetti.errors import StorageError
from affetti.report.listeners import listeners_section
from affetti.report.notebook import result_html
from affetti.results import PointEstimate
from affetti.studies.listening.analysis import AnalysisInputs, analyse
from affetti.studies.listening.rating_table import RatingTable
from affetti.studies.listening.result import ListeningResult, RankAgreement, RegressorAgreement
from affetti.studies.listening.sequential import Analysis

NEVER = re.compile(r"\bNone\b|\bnan\b|Undefined")


def rated(shift: float = 1.0, scale: str = "quality", systems: int = 3, **inputs: Any) -> ListeningResult:
    """A study of simulated ratings."""
    ratings = simulated(listeners=6, clips=5, systems=systems, shift=shift, shared=True)
    return analyse(RatingTable.of(tidy(ratings, scale), "ratings"), AnalysisInputs(study="a/study", **inputs))


def emotional() -> ListeningResult:
    """A study of valence, whose requests are half of what is rated; a regressor and Quality Scores are compared."""
    table = tidy(simulated(listeners=6, clips=5, systems=2, shared=True), "valence")
    table["rating"] = np.tanh(table["rating"] / 3)
    mean = table.groupby("clip")["rating"].mean()
    requested = {str(clip): (float(value) / 2, 0.0) for clip, value in mean.items()}
    result = analyse(RatingTable.of(table, "ratings"), AnalysisInputs(requested=requested, predicted=requested))
    order = RankAgreement("quality", PointEstimate(1.0, (-1.0, 1.0)), 0.333, ("s0", "s1", "s2"), (10.0, 20.0, 30.0))
    return replace(result, quality_score=(order,))


def page_of(result: ListeningResult, folder: Path) -> str:
    """The page on a result."""
    result.save(folder / "results")
    made = report.run([folder / "results"], folder / "page.html")
    assert made.sections == ("summary", "listeners", "rerun")
    page = (folder / "page.html").read_text(encoding="utf-8")
    assert not Document(page).open
    assert not NEVER.search(page)
    return page


def test_means_pairs_reliability_and_variance_of_a_rating_study_are_shown(tmp_path: Path) -> None:
    result = rated()
    page = page_of(result, tmp_path)
    first, pair, variance = result.systems[0], result.pairs[0], result.variance[0]
    assert first.ci is not None
    assert pair.ci_simultaneous is not None
    assert f"{first.mean:.2f} [{first.ci[0]:.2f}, {first.ci[1]:.2f}]".replace("-", "−") in page
    assert f"±{variance.half_width:.2f}" in page
    assert f"{result.ratings} ratings by 6 listeners" in page
    for words in ("Nobody was left out", "Krippendorff’s α", "What limits the study", "s2 is higher", "listen results"):
        assert words in page, words
    assert "s2 above s0 by" in page, "the summary says which systems differ"
    drawn = Document(page)
    assert sum(attributes.get("class") == "chart" for tag, attributes in drawn.elements if tag == "svg") == 2


def test_control_regressor_and_order_of_systems_are_shown_where_they_were_measured(tmp_path: Path) -> None:
    result = emotional()
    page = page_of(result, tmp_path)
    slope = result.control[0].slope.value
    assert slope == pytest.approx(2.0, rel=0.2)
    assert "slope of perceived valence against requested" in page
    assert "How far a regressor agrees" in page
    assert "Kendall’s τ 1.00 [−1.00, 1.00]" in page
    assert "--scorecards s0=SCORE s1=SCORE s2=SCORE" in " ".join(page.replace("\\\n", "").split())
    assert isinstance(result.regressor[0], RegressorAgreement)


def test_preferences_medians_and_triangles_are_shown(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pairs, triangles = list[dict[str, Any]](), list[dict[str, Any]]()
    for listener in range(5):
        for request in range(4):
            chosen, right = float(rng.random() < 0.8), float(rng.random() < 0.9)
            row = {"listener": f"l{listener}", "condition": f"r{request}", "clip": f"r{request}-a"}
            for system, against, rating in (("a", "b", chosen), ("b", "a", 1 - chosen)):
                place = {"clip": f"r{request}-{system}", "system": system, "against": against}
                pairs.append(row | place | {"scale": "preference", "rating": rating})
            triangles.append(row | {"system": "a", "against": "b", "scale": "spotted", "rating": right})
    preferred = analyse(RatingTable.of(pd.DataFrame(pairs), "pairs"), AnalysisInputs(task="pair", study="p"))
    page = page_of(preferred, tmp_path / "pair")
    assert "Bradley-Terry strengths" in page
    assert f"{100 * (preferred.pairs[0].preferred or 0):.0f}</td>" in page
    spotted = analyse(RatingTable.of(pd.DataFrame(triangles), "triangles"), AnalysisInputs(task="spot", study="s"))
    page = page_of(spotted, tmp_path / "spot")
    assert "distinguished" in page
    test = spotted.triangles[0]
    assert test.ci is not None
    low, high = (f"{100 * end:.0f}" for end in test.ci)
    assert f"{100 * test.correct:.0f} [{low}, {high}] % correct, 33 % by guessing" in page
    similar = rated(scale="similarity", task="mushra")
    page = page_of(similar, tmp_path / "mushra")
    assert similar.systems[0].median is not None
    assert f"median similarity, with 95 % intervals. s0 {similar.systems[0].median.value:.2f}".replace("-", "−") in page


def test_without_intervals_the_page_says_so(tmp_path: Path) -> None:
    two = analyse(RatingTable.of(tidy(simulated(listeners=2, clips=4)), "ratings"), AnalysisInputs(study="few"))
    page = page_of(two, tmp_path)
    assert "Too few listeners for an interval: 2" in page
    assert "no interval" in page
    assert "ring" in page


def test_an_interim_analysis_says_its_level() -> None:
    result = rated(analysis=Analysis(1, 6, 20, 0.01))
    content = listeners_section(result)
    assert content.level == pytest.approx(99.0)
    assert "with 99 % intervals" in content.scales[0].means


def test_names_are_escaped_and_long_ones_cut_in_figures() -> None:
    result = rated()
    attack = "<b>" + "x" * 60
    renamed = tuple(replace(row, name=attack) if row.name == "s0" else row for row in result.systems)
    page = result_html(replace(result, systems=renamed))
    assert "<b>" not in page.partition("</style>")[2]
    assert "&lt;b&gt;" in page
    assert "…</text>" in listeners_section(replace(result, systems=renamed)).scales[0].means


def test_several_studies_are_named_and_ordered(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("b", "a")]
    for folder in folders:
        replace(rated(), study=f"studies/{folder.name}").save(folder)
    report.run(folders, tmp_path / "one.html")
    report.run(folders[::-1], tmp_path / "two.html")
    page = (tmp_path / "one.html").read_text(encoding="utf-8")
    assert page == (tmp_path / "two.html").read_text(encoding="utf-8")
    assert page.index("<h3>a</h3>") < page.index("<h3>b</h3>")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: with_files(study(), folder), "a listening study, not its results"),
        (lambda folder: cut_short(folder), "unfinished analysis"),
        (lambda folder: (folder.mkdir(), (folder / "result.json").write_text('{"verb": "listen"}')), "field missing"),
    ],
)
def test_folders_without_results_are_refused(make: Callable[[Path], Any], words: str, tmp_path: Path) -> None:
    make(tmp_path / "folder")
    with pytest.raises(StorageError, match=words) as caught:
        report.run([tmp_path / "folder"], tmp_path / "page.html")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "page.html").exists()


def cut_short(folder: Path) -> None:
    folder.mkdir()
    (folder / "config.json").write_text('{"verb": "listen"}', encoding="utf-8")
