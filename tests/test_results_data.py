"""What pages and pictures say of the results is what docs/results/ holds, and sentences follow their intervals."""

from __future__ import annotations

import dataclasses
import re
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

from affetti.studies.audit.claims import claims
from test_results_page import ARMS, NUMBER, PAGE, ROWS, numbers

ROOT = Path(__file__).parents[1]
GENERATED = r"<!-- results: [\w-]+ -->.*?<!-- end of results -->"
HYPHENS = PAGE.replace("−", "-")


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    """The names of docs/generate_results.py."""
    before = list(sys.path)
    try:
        return runpy.run_path(str(ROOT / "docs" / "generate_results.py"))
    finally:
        sys.path[:] = before


@pytest.fixture(scope="module")
def first(results: dict[str, Any]) -> Any:
    return results["read_edition"]("first")


def words_of(results: dict[str, Any]) -> Any:
    return sys.modules[results["contrast_words"].__module__]


def test_pages_and_pictures_are_those_of_the_data(results: dict[str, Any], first: Any) -> None:
    for path, text in results["files"](first).items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run python docs/generate_results.py"


def test_pictures_name_corpus_n_and_edition_and_have_words(results: dict[str, Any], first: Any) -> None:
    for name, draw in results["PICTURES"].items():
        text = re.sub(r"<[^>]*>", " ", draw(first))
        assert "first edition, exploratory" in text, name
        assert "composed music" in text, name
        assert re.search(r"\d+ (?:test )?(?:songs|claims)", text), name
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        for alt in re.findall(r"!\[([^]]*(?:\[[^]]*\][^]]*)*)\]\([\w./]*results-\w+\.svg\)", page.read_text("utf-8")):
            assert len(alt) > 40


def test_the_tables_of_methods_are_those_of_the_data(first: Any) -> None:
    rows = [row for table in first.tables for row in table.rows if table.version == "0.1"]
    assert len(rows) == len(ARMS)
    for row, cells in zip(rows, ARMS, strict=True):
        assert row.arm == cells[0].strip("`")
        assert numbers(cells[1]) == [row.value, *row.ci]
        assert numbers(cells[2]) == [row.difference, *row.difference_ci]
        assert numbers(cells[3]) == list(row.simultaneous_ci or ())


def shown(value: float, *, sign: bool = False) -> str:
    text = f"{value:{'+' if sign else ''}.3f}"
    return re.sub(r"^([+-]?)0\.", r"\1.", text)


def test_the_primary_contrasts_are_those_of_the_data(results: dict[str, Any], first: Any) -> None:
    tables = words_of(results).primary_tables(first)
    assert len(tables) == 3
    for table in tables:
        section = HYPHENS.partition(f"## {table.section}\n")[2].partition("\n## ")[0]
        assert f"{table.songs} real songs" in section or f"{table.songs} songs" in section
        for row in table.rows:
            assert shown(row.value) in section, row.arm
            if row.ci is not None:
                assert f"[{shown(row.ci[0])}, {shown(row.ci[1])}]" in section, row.arm
            if row.arm != table.reference:
                assert shown(row.difference, sign=True) in section, row.arm
                low, high = (shown(end, sign=True) for end in row.difference_ci)
                assert f"[{low}, {high}]" in section, row.arm
        finding = {"helps": "it helps", "harms": "it harms", "cannot tell": "no difference is shown"}
        sentence = " ".join(section.split())
        outcome = table.row(table.primary).outcome(table.primary)
        assert [words for words in finding.values() if words in sentence.partition("**Result**")[2]] == [
            finding[outcome]
        ]


def test_the_claims_are_those_of_the_page(first: Any) -> None:
    filed = {claim.id: claim for claim in first.audits[0].claims}
    assert list(filed) == [claim.id for claim in claims()]
    page = {row.claim.id: row for row in ROWS}
    for name, claim in filed.items():
        if name not in page:
            assert (claim.verdict, claim.value) == ("undecided", None)
            continue
        measured = page[name].measurement
        assert claim.verdict == page[name].verdict
        assert (claim.value, claim.ci, claim.n, claim.of) == (measured.value, measured.ci, measured.n, measured.of)


@pytest.mark.parametrize(
    ("ci", "outcome", "says"),
    [((0.01, 0.1), "helps", "a gain"), ((-0.1, -0.01), "harms", "a loss"), ((-0.01, 0.1), "cannot tell", "no differ")],
)
def test_a_sentence_says_what_its_interval_says(
    results: dict[str, Any], first: Any, ci: tuple[float, float], outcome: str, says: str
) -> None:
    words = words_of(results)
    table = words.primary_tables(first)[0]
    rows = [dataclasses.replace(row, difference_ci=ci) if row.arm == table.primary else row for row in table.rows]
    changed = dataclasses.replace(table, rows=tuple(rows))
    assert changed.row(changed.primary).outcome(changed.primary) == outcome
    assert says in words.contrast_words(changed)
    edition = dataclasses.replace(first, tables=(changed,))
    told = words.verdict_words(edition)
    assert told.endswith(("1 show a gain and 0 a loss", "0 show a gain and 1 a loss", "shows a gain or a loss"))
    assert ("1 show a gain" in told, "1 a loss" in told) == (outcome == "helps", outcome == "harms")


@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_no_result_is_told_by_hand(page: str) -> None:
    text = re.sub(GENERATED, "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    prose = re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL)
    told = (
        rf"[+−]\s?\d*\.\d|\[[+−-]?{NUMBER}, |\d %|\bCCC\b|\bQuality Score\b|\b(?:helps|harms|supported|contradicted)\b"
    )
    assert re.findall(told, prose) == ["helps"] * prose.count("whether training on it helps") + ["helps"] * (
        prose.count("know whether synthetic data helps")
    )
