"""docs/results.md: its verdicts are what the rules give for its own numbers, and its sentences follow the verdicts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from affetti.studies.audit.answer import Measurement
from affetti.studies.audit.claims import Claim, claims, decide
from affetti.studies.augmentation.comparison import verdict
from affetti.studies.augmentation.results import ArmResult

PAGE = (Path(__file__).parents[1] / "docs" / "results.md").read_text(encoding="utf-8")
AUDIT = PAGE.partition("## Which published claims hold")[2]
CLAIMS = {claim.id: claim for claim in claims()}
NUMBER = r"[-+]?\d+(?:,\d{3})*(?:\.\d+)?"
VERDICTS = ("supported", "contradicted", "undecided")


@dataclass(frozen=True)
class ClaimRow:
    """A row of one of the tables of claims."""

    claim: Claim
    verdict: str
    words: str
    claimed: str
    measurement: Measurement


def numbers(text: str) -> list[float]:
    return [float(number.replace(",", "")) for number in re.findall(NUMBER, text)]


def claim_rows() -> Iterator[ClaimRow]:
    verdict = ""
    for line in AUDIT.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 6:
            continue
        if cells[0] == "id":
            verdict = cells[2]
        elif cells[0].startswith("`"):
            claim = CLAIMS[cells[0].strip("`")]
            measured = re.match(rf"({NUMBER})(?: \[({NUMBER}), ({NUMBER})\])?", cells[4])
            assert measured is not None, line
            value, *ends = (numbers(part)[0] for part in measured.groups() if part is not None)
            count, _, of = cells[5].partition(" ")
            ci = (ends[0], ends[1]) if ends else None
            measurement = Measurement(claim.measurement, "", value, ci, int(count), of, exact=ci is None)
            yield ClaimRow(claim, verdict, cells[2], cells[3], measurement)


ROWS = list(claim_rows())


def test_the_tables_are_there() -> None:
    assert {row.verdict for row in ROWS} == set(VERDICTS)
    assert len(ROWS) > 30


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.claim.id)
def test_the_rule_gives_the_verdict_of_the_table(row: ClaimRow) -> None:
    assert decide(row.claim, row.measurement, composed=True)[0] == row.verdict
    assert row.words == row.claim.claim
    expected = [end for end in (row.claim.low, row.claim.high) if abs(end) < float("inf")]
    assert numbers(row.claimed.replace(" to ", " ")) == pytest.approx(expected, rel=1e-3)


def sentences() -> list[str]:
    """Sentences of the text about claims, each on one line."""
    text = " ".join(line.strip() for line in AUDIT.splitlines() if not line.startswith(("|", "    ")))
    return re.split(r"(?<=[.:;*])\s+(?=[A-Z*`-])", text)


def test_every_verdict_in_the_text_is_that_of_the_table() -> None:
    verdicts = {row.claim.id: row.verdict for row in ROWS}
    named = [
        (name, match[2])
        for match in re.finditer(rf"((?:`[\w-]+`(?:, | and |\s)*)+)({'|'.join(VERDICTS)})", " ".join(AUDIT.split()))
        for name in re.findall(r"`([\w-]+)`", match[1])
    ]
    assert len(named) >= 15
    assert dict(named) == {name: verdicts[name] for name, _ in named}


def test_no_sentence_confirms_or_denies_a_claim_without_its_verdict() -> None:
    for sentence in sentences():
        if "as claimed" in sentence:
            assert "supported" in sentence, sentence
        if re.search(r"\bnot (?:by )?(?:half|-?\.?\d)", sentence):
            assert "contradicted" in sentence, sentence


def test_the_counts_of_verdicts_add_up() -> None:
    opening = " ".join(AUDIT.split("\n- ")[0].split())
    listed = re.search(
        r"Of (\d+) claims (\d+) are supported, (\d+) contradicted and (\d+) undecided:(.*?)\. The", opening
    )
    assert listed is not None
    total, supported, contradicted, undecided = (int(count) for count in listed.groups()[:4])
    assert total == supported + contradicted + undecided
    now = re.search(r"The list now has (\d+) claims: the other (\d+) were not measured", opening)
    assert now is not None
    assert len(claims()) == int(now[1]) == total + int(now[2])
    assert undecided == sum(int(count) for count in re.findall(r"\d+", listed[5]))
    assert supported == sum(row.verdict == "supported" for row in ROWS)
    assert contradicted == sum(row.verdict == "contradicted" for row in ROWS)


ARMS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if re.match(r"\| `[\w@.-]+` \| [\d.]+ \[[^|]*\| [+-]", line)
]
"""Arm, CCC, difference, simultaneous interval, P(harm), verdict, ridge."""


def test_the_tables_of_arms_are_there() -> None:
    assert len(ARMS) > 30


@pytest.mark.parametrize("arm", ARMS, ids=lambda arm: arm[0])
def test_the_rule_gives_the_verdict_of_an_arm(arm: list[str]) -> None:
    delta, low, high = numbers(arm[2])
    if not arm[3]:  # the reference, and what is set beside it
        assert outcome(arm[5]) not in OUTCOMES
        return
    ends = numbers(arm[3])
    row = SimpleNamespace(
        name=arm[0].strip("`"),
        delta=delta,
        delta_ci=(low, high),
        delta_ci_simultaneous=(ends[0], ends[1]),
        generator_runs=None,
        songs_needed=None,
    )
    assert outcome(arm[5]) in OUTCOMES
    assert outcome(verdict(cast(ArmResult, row), 49, 5, 1)) == outcome(arm[5])


OUTCOMES = ("helps", "harms", "can't tell")


def outcome(words: str) -> str:
    """A verdict in words, without what it is of and the number of songs it would take."""
    return re.split(r"[:(]", words)[0].replace("this run ", "").replace(" of this run", "").strip()
