"""The page that goes through the study has a row for each of its claims, in the section that states it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from affetti.studies.audit.claims import Claim, claims

PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "the-study.md"
ROWS = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"\| \d", line)]


@pytest.mark.parametrize("claim", claims(), ids=lambda claim: claim.id)
def test_a_claim_has_a_row_in_its_section(claim: Claim) -> None:
    rows = [row for row in ROWS if f"`{claim.id}`" in row]
    section = claim.section.removeprefix("§")
    stated = [row.split("|")[1].strip() for row in rows]
    assert any(section == number or section.startswith(f"{number}.") for number in stated), stated


def test_no_row_names_a_claim_that_does_not_exist() -> None:
    known = {claim.id for claim in claims()}
    topics = {claim.id.partition("-")[0] for claim in claims()} - {"gain", "raters", "returns", "efficiency"}
    named = {name for row in ROWS for name in re.findall(r"`([a-z]+-[a-z0-9-]+)`", row)}
    assert {name for name in named if name.partition("-")[0] in topics} <= known


def test_every_section_of_the_study_has_a_row() -> None:
    numbers = {row.split("|")[1].strip() for row in ROWS}
    sections = {1: 2, 2: 4, 3: 3, 4: 3, 5: 4, 6: 4, 7: 3, 8: 3, 9: 3, 10: 3, 12: 2}
    expected = {f"{chapter}.{part}" for chapter, parts in sections.items() for part in range(1, parts + 1)}
    assert expected | {"11", "13"} <= numbers
