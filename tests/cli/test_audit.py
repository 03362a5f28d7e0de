from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.material import write_corpus

from affetti.corpus import Corpus
from affetti.studies.audit.registry import QUESTION_NAMES

Affetti = Callable[..., Any]


@pytest.fixture
def plain(tmp_path: Path) -> Corpus:
    return write_corpus(tmp_path / "corpus", songs=20)


def test_an_audit_is_run_and_printed(affetti: Affetti, plain: Corpus, tmp_path: Path) -> None:
    requested = ("audit", plain.path, "--out", tmp_path / "audit", "--only", "structure", "--quick", "--workers", 1)
    ran = affetti(*requested)
    assert ran.code == 0, ran.err
    document = json.loads(affetti(*requested, "--json").out)
    assert document["questions"][0]["sentence"] in ran.out
    reported = [row for row in document["findings"] if row["topic"] == "structure"]
    assert f"{len(reported)} claims of the study: " in ran.out
    assert all(row["claim"] in ran.out for row in reported)
    assert (
        f"{len(document['findings']) - len(reported)} more claims belong to questions that were not selected" in ran.out
    )


def test_a_dry_run_writes_nothing(affetti: Affetti, plain: Corpus, tmp_path: Path) -> None:
    out = tmp_path / "audit"
    ran = affetti("audit", plain.path, "--out", out, "--dry-run")
    assert ran.code == 0, ran.err
    assert f"would answer {len(QUESTION_NAMES)} questions (information, lyrics" in ran.out
    assert not out.exists()
    plan = json.loads(affetti("audit", plain.path, "--out", out, "--dry-run", "--quick", "--json").out)
    assert plan["seconds"] < 200
    assert not out.exists()


def test_bad_input_ends_in_one_line(
    affetti: Affetti, plain: Corpus, run_of: Callable[[str], Path], tmp_path: Path
) -> None:
    for flags, says in (
        (("--only", "phases"), "there is no question 'phases'"),
        (("--models", tmp_path / "none"), "none"),
        (("--models", run_of("student")), "a student does not generate"),
        (("--study", run_of("student")), "is not an augmentation study"),
    ):
        ran = affetti("audit", plain.path, "--out", tmp_path / "audit", *flags)
        assert ran.code == 2, ran.out
        assert says in ran.complaint
    assert affetti("audit", tmp_path / "nowhere", "--out", tmp_path / "audit").code == 2
    assert not (tmp_path / "audit").exists()
