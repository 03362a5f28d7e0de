"""The question about harmony as a whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.material import write_corpus
from tests.studies.audit.sounding import hurried, sounding, struck

from affetti.progress import silent
from affetti.studies.audit.answer import Answer
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.questions import harmony


@pytest.fixture(autouse=True)
def _two_songs(monkeypatch: pytest.MonkeyPatch) -> None:
    compose = AuditContext.compose_in_all_keys
    monkeypatch.setattr(AuditContext, "compose_in_all_keys", lambda context, _: compose(context, 2))


def answered(context: AuditContext) -> Answer:
    with hurried():
        return harmony.measure(context, silent)


def test_a_corpus_with_sound_is_probed(tmp_path: Path) -> None:
    corpus = sounding(tmp_path / "c", [struck(i) for i in range(12)])
    answer = answered(AuditContext(corpus, tmp_path / "audit"))
    assert answer["chord_cqt"].value is not None
    assert answer["harmony_adds_valence"].n == 12
    assert "On this corpus harmony adds" in answer.sentence
    assert "nobody has written down those of this corpus" in " ".join(answer.cautions)
    assert answer.intervals is not None
    assert {answer[name].unit for name in answer.intervals.names} == {"%"}
    assert "needs a generator" in answer["key_strength_generated"].note


def test_without_sound_what_is_recognised_is_still_measured(tmp_path: Path) -> None:
    answer = answered(AuditContext(write_corpus(tmp_path / "c"), tmp_path / "audit"))
    assert answer["tonic_cqt"].n == 2
    assert "needs sound" in answer["harmony_adds_valence"].note
    assert answer.sentence.endswith("from 64, the chord of a bar in " + answer.sentence.rpartition("bar in ")[2])
    assert "On this corpus" not in answer.sentence


def test_a_quick_audit_composes_no_corpus_again(tmp_path: Path) -> None:
    """Songs of a corpus that kept no sound would have to be composed and rendered once more."""
    plain = write_corpus(tmp_path / "c")
    context = AuditContext(
        replace(plain, meta=plain.meta | {"source": "composed", "planted": {"keys": 1, "lyrics": {"voice": "none"}}}),
        tmp_path / "audit",
        quick=True,
    )
    assert "needs sound" in answered(context)["harmony_adds_valence"].note


def test_one_clip_alone_is_no_corpus_for_a_probe(tmp_path: Path) -> None:
    answer = answered(AuditContext(sounding(tmp_path / "c", [struck(0)]), tmp_path / "audit"))
    assert answer["harmony_adds_valence"].value is None
    assert answer["clips_with_key"].value is not None
