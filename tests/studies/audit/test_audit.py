from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.material import write_corpus

from affetti import api
from affetti.corpus import Corpus
from affetti.errors import MismatchError, StorageError, UsageError
from affetti.studies.audit import audit
from affetti.studies.audit.audit import FiledResults, audit_corpus
from affetti.studies.audit.registry import QUESTION_NAMES, load_question
from affetti.studies.audit.result import AuditResult


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Made-up music of one genre with no words, sections, instruments or sound."""
    return write_corpus(tmp_path_factory.mktemp("plain") / "corpus", songs=20)


@pytest.fixture(scope="module")
def document(plain: Corpus, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("audit") / "audit"
    audit_corpus(plain, out, only=("structure", "variance", "ceiling"), quick=True)
    return json.loads((out / "result.json").read_text())


def test_the_document_has_the_keys_of_the_contract(document: dict[str, Any]) -> None:
    assert len(document["findings"]) >= 30
    for row in document["findings"]:
        assert {"id", "question", "claim", "measured", "ci", "n", "verdict"} <= set(row)
        assert row["verdict"] in ("supported", "contradicted", "undecided")
    assert [entry["id"] for entry in document["questions"]] == ["structure", "variance", "ceiling"]
    for entry in document["questions"]:
        assert entry["question"].endswith("?")
        assert entry["sentence"]
        assert entry["method"]
    assert set(document["wording"]) == {"paragraph", "footnote", "table", "methods", "why_ccc", "future_work"}


def test_missing_parts_are_reported_and_the_rest_is_measured(document: dict[str, Any]) -> None:
    by = {entry["id"]: entry for entry in document["questions"]}
    ceiling = {result["name"]: result for result in by["ceiling"]["measurements"]}
    assert ceiling["quality_roundtrip"]["value"] is not None
    assert "not measurable here: needs sound" in ceiling["quality_bands_128"]["note"]
    reported = json.dumps(by["structure"])
    assert "ot measurable here" in reported
    unmeasured = [row for row in document["findings"] if row["measured"] is None]
    assert unmeasured
    assert all(row["verdict"] == "undecided" and row["reason"] for row in unmeasured)


def test_an_audit_resumes(plain: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "audit"
    first = audit_corpus(plain, out, only=("structure",), quick=True)
    requested: list[str] = []
    ask = audit.answer_question

    def counted(question: Any, context: Any) -> Any:
        requested.append(question.name)
        return ask(question, context)

    monkeypatch.setattr(audit, "answer_question", counted)
    second = audit_corpus(plain, out, only=("structure", "variance"), quick=True)
    assert requested == ["variance"]
    assert second.questions[0] == first.questions[0]
    third = audit_corpus(plain, out, only=("structure",), quick=True)
    assert [entry.id for entry in third.questions] == ["structure", "variance"]  # what is there stays


def test_refusals_come_before_any_work(
    plain: Corpus, corpus: Corpus, run_of: Callable[[str], Path], made: Callable[[str], Path], tmp_path: Path
) -> None:
    out = tmp_path / "audit"
    with pytest.raises(UsageError, match="there is no question 'lyric'"):
        audit_corpus(plain, out, only=("lyric",))
    with pytest.raises(MismatchError, match="holds synthetic clips"):
        audit_corpus(Corpus.open(made("flow")), out)
    with pytest.raises(UsageError, match="a student does not generate"):
        audit_corpus(corpus, out, models=(run_of("student"),))
    with pytest.raises(UsageError, match="several runs of gan"):
        audit_corpus(corpus, out, models=(run_of("gan"), run_of("gan")))
    with pytest.raises(StorageError):
        audit_corpus(corpus, out, studies=(tmp_path / "nothing",))
    with pytest.raises(UsageError, match="is not an augmentation study"):
        audit_corpus(corpus, out, studies=(run_of("gan"),))
    with pytest.raises(UsageError, match="is not a scorecard"):
        audit_corpus(corpus, out, filed=FiledResults(scorecards=(run_of("gan"),)))
    with pytest.raises(StorageError):
        audit_corpus(corpus, out, filed=FiledResults(scorecards=(tmp_path / "nothing",)))
    assert not out.exists()


def test_a_folder_of_other_work_is_left_alone(plain: Corpus, tmp_path: Path) -> None:
    out = tmp_path / "audit"
    audit_corpus(plain, out, only=("structure",), quick=True)
    with pytest.raises(StorageError, match="quick was True, is False"):
        audit_corpus(plain, out, only=("structure",))


def test_the_verb_is_a_function(plain: Corpus, tmp_path: Path) -> None:
    result = api.audit.run(plain.path, tmp_path / "audit", only=["structure"], quick=True, workers=1)
    assert result == AuditResult.open(tmp_path / "audit")
    assert result.to_dict()["verb"] == "audit"
    assert (tmp_path / "audit" / "answers" / "structure.json").is_file()


def test_every_question_is_named_for_its_file_and_says_how_it_is_answered() -> None:
    files = {file.stem for file in (Path(audit.__file__).parent / "questions").glob("[!_]*.py")}
    assert files == set(QUESTION_NAMES)
    for name in QUESTION_NAMES:
        question = load_question(name)
        assert question.name == name
        assert question.text.endswith("?"), name
        assert len(question.method) > 80, name


def test_an_audit_of_affetti_0_1_opens(document: dict[str, Any], tmp_path: Path) -> None:
    old = json.loads(json.dumps(document))
    for row in old["findings"]:
        row["by"], row["people"] = row.pop("measurement"), row.pop("needs_listeners")
    (tmp_path / "result.json").write_text(json.dumps(old))
    result = AuditResult.open(tmp_path)
    assert json.loads(json.dumps(result.to_dict())) == document
    assert list(document) == list(result.to_dict())
