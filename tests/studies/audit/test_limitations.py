from __future__ import annotations

from pathlib import Path

import pytest
from tests.material import write_corpus

from affetti.corpus import Corpus
from affetti.studies.audit.answer import Answer, Measurement
from affetti.studies.audit.claims import Finding, Verdict
from affetti.studies.audit.limitations import LOSSES, wording
from affetti.studies.audit.paper import NO_STUDY


@pytest.fixture
def plain(tmp_path: Path) -> Corpus:
    return write_corpus(tmp_path / "corpus")


def finding(verdict: Verdict) -> Finding:
    return Finding("c", "ceiling", "§1", "?", "…", (50, 70), "ceiling.x", None, None, 0, "", "", verdict, "", False)


def test_words_hold_what_was_measured_and_say_what_was_not(plain: Corpus) -> None:
    ladder = (
        Measurement("quality_roundtrip", "…", 91.4, (88.2, 94.0), 60),
        Measurement("penalty_genre", "…", 2.2, (0.0, 6.1), 13, unit="points"),
        Measurement("penalty_voice", "…", 20.2, (0.7, 62.4), 16, unit="points"),
    )
    findings = [finding(verdict) for verdict in ("supported", "contradicted", "contradicted", "undecided")]
    result = wording({"ceiling": Answer("…", ladder)}, findings, plain, composed=False)
    assert "keep 91 [88, 94] of 100 points" in result.paragraph
    assert "24 clips of 12 songs (made up)" in result.paragraph
    assert "lyrics, (not measured)" in result.paragraph
    assert "composed by rules" not in result.paragraph
    assert "Of 4 claims" in result.footnote
    assert "1 are supported, 2 contradicted and 1 undecided" in result.footnote
    assert [row.limitation for row in result.table] == [row.limitation for row in LOSSES]
    genre = next(row for row in result.table if row.limitation == "genre")
    assert genre.quality_impact == "2 points [0, 6] for one genre alone"
    lyrics = next(row for row in result.table if row.limitation == "lyrics")
    assert lyrics.quality_impact == "20 points [1, 62] for songs without words or voice"
    assert "bound nothing" in result.footnote
    assert genre.information_loss.startswith("(not measured)")


def test_a_quick_audit_and_composed_music_are_stated(plain: Corpus) -> None:
    paragraph = wording({}, [], plain, composed=True, quick=True).paragraph
    assert "quick audit" in paragraph
    assert "composed by rules" in paragraph
    assert "quick audit" not in wording({}, [], plain, composed=True).paragraph
    assert "composed by rules" not in wording({}, [], plain, composed=False, quick=True).paragraph


def test_words_for_a_paper_say_what_is_missing_where_nothing_was_given(plain: Corpus) -> None:
    result = wording({}, [], plain, composed=True)
    assert result.methods == NO_STUDY
    assert "composed by rules" in result.why_ccc
    assert len(result.future_work) == len(LOSSES)
