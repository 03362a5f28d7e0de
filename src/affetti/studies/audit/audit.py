"""The audit: what a log-mel loses of music and emotion, what caps quality, and which published claims hold.

Eight questions, a file each, are asked of one corpus; each is filed when it is answered, so that an audit may be cut
and resumed, and a question may be asked alone. What a corpus lacks makes a question "not measurable here: needs …" and
the others are asked all the same. The claims of the published study are then decided by rules fixed beforehand, see
:mod:`claims`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from affetti import config as configuration
from affetti.corpus import Corpus
from affetti.errors import InputError, MismatchError, StorageError, UsageError
from affetti.execution.local import map_ranges
from affetti.inference.generation import generate_corpus
from affetti.progress import Progress, silent
from affetti.provenance import versions
from affetti.storage import read_json, remove_partial, reserve_output, write_json
from affetti.studies.audit import study_measurements
from affetti.studies.audit.answer import Answer, NotMeasurableError, Question
from affetti.studies.audit.claims import STUDY_TOPIC, decide_all
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.limitations import wording
from affetti.studies.audit.questions import ceiling, genre, information, lyrics, phase, structure, timbre, variance
from affetti.training import run as runs

QUESTIONS: tuple[Question, ...] = (
    information.QUESTION,
    lyrics.QUESTION,
    timbre.QUESTION,
    structure.QUESTION,
    genre.QUESTION,
    phase.QUESTION,
    variance.QUESTION,
    ceiling.QUESTION,
)
"""In the order of the study's own argument."""
MAX_GENERATED, MAX_GENERATED_QUICK = 384, 128
"""Clips that each generator is asked for, at most as many as its fold has test clips."""


@dataclass(frozen=True)
class AnswerTask:
    """Asks a range of questions and files their answers. Idempotent."""

    context: AuditContext
    names: tuple[str, ...]

    def path(self, name: str) -> Path:
        """The file whose existence says that a question is answered."""
        return self.context.folder / "answers" / f"{name}.json"

    def done(self, start: int, stop: int) -> bool:
        """Whether all questions of the range are answered."""
        return all(self.answer(name) is not None for name in self.names[start:stop])

    def answer(self, name: str) -> Answer | None:
        """What was filed; None where nothing was, where it was cut short, or where a sound of it is gone."""
        path = self.path(name)
        try:
            answer = configuration.structure(read_json(path), Answer, path)
        except (StorageError, UsageError):
            return None
        return answer if all((self.context.folder / sound.file).is_file() for sound in answer.sounds) else None

    def __call__(self, start: int, stop: int) -> None:
        """Ask questions ``start`` to ``stop``."""
        for name in self.names[start:stop]:
            write_json(self.path(name), configuration.unstructure(answer_question(by_name(name), self.context)))


def answer_question(question: Question, context: AuditContext) -> Answer:
    """The answer of ``question``; where the corpus does not allow one, an answer that says what is needed."""
    try:
        return question.measure(context, silent)
    except NotMeasurableError as lack:
        return Answer(f"Not measurable here: needs {lack.needs}.", needs=lack.needs)
    except InputError as error:
        # Too few songs or clips for a statistic: the measure says which.
        return Answer(f"Not measurable here: {error}.", needs=error.what)


def audit_corpus(
    corpus: Corpus,
    out: Path,
    *,
    models: tuple[Path, ...] = (),
    studies: tuple[Path, ...] = (),
    only: tuple[str, ...] = (),
    quick: bool = False,
    seed: int = 0,
    workers: int = 1,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Audit ``corpus`` into the folder ``out``; called again, it goes on where it was.

    Args:
        corpus: real or composed music.
        out: folder of the audit.
        models: runs of generators, whose clips are scored and listened to beside real ones.
        studies: augmentation studies of the same corpus, whose differences decide what is claimed of them.
        only: questions to ask, all by default; answers that are there already stay.
        quick: fewer songs, wider intervals.
        seed: of everything random.
        workers: processes.
        progress: told of stages.

    Returns:
        the document that ``affetti audit --json`` prints.

    Raises:
        UsageError: an unknown question, or a run that generates nothing.
        MismatchError: a synthetic corpus, another front-end, a study of another corpus.
        StorageError: the folder holds other work.
    """
    chosen = select_questions(only)
    check_inputs(corpus, models, studies)
    asked = {"verb": "audit", "corpus_hash": corpus.hash, "quick": quick, "seed": seed}
    asked |= {"models": [str(runs.load(path).meta["weights_sha256"]) for path in models]}
    reserve_output(out, asked)
    remove_partial(out)
    context = AuditContext(
        corpus, out, quick, seed, _generated(corpus, out, models, quick, seed, workers, progress), models, studies
    )
    task = AnswerTask(context, chosen)
    map_ranges(task, len(chosen), 1, done=task.done, workers=workers, stage="audit", progress=progress)
    filed = {question.name: task.answer(question.name) for question in QUESTIONS}
    answers = {name: answer for name, answer in filed.items() if answer is not None}
    findings = decide_claims(context, answers)
    result: dict[str, Any] = {
        "verb": "audit",
        "questions": [_told(by_name(name), answer) for name, answer in answers.items()],
        "findings": findings,
        "wording": wording(answers, findings, corpus, quick=quick),
        "corpus": str(corpus.path),
        "corpus_hash": corpus.hash,
        "front_end": corpus.front_end.hash,
        "composed": context.composed,
        "n": {"clips": len(corpus), "songs": int(corpus.meta["n_songs"])},
        "generators": [{"name": name, "path": str(path)} for name, path in context.generated],
        "studies": [str(path) for path in studies],
        "quick": quick,
        "seed": seed,
        "versions": versions(),
    }
    write_json(out / "result.json", result)
    return result


def decide_claims(context: AuditContext, answers: dict[str, Answer]) -> list[dict[str, Any]]:
    """The verdict on every claim, from the answers and the augmentation studies."""
    found = {f"{name}.{its.name}": its for name, answer in answers.items() for its in answer.measurements}
    found |= {f"{STUDY_TOPIC}.{its.name}": its for its in study_measurements.study_measurements(context.studies)}
    asks = {question.name: question.text for question in QUESTIONS} | {STUDY_TOPIC: "Does synthetic data help?"}
    names = set(context.corpus.clips["dataset"].astype(str))
    dataset = names.pop() if len(names) == 1 else ""
    where = str(context.corpus.path)
    return decide_all(found, asks, composed=context.composed, dataset=dataset, corpus=where)


def select_questions(only: tuple[str, ...]) -> tuple[str, ...]:
    """The questions asked for, in their order.

    Raises:
        UsageError: one is unknown.
    """
    known = tuple(question.name for question in QUESTIONS)
    for name in only:
        if name not in known:
            raise UsageError(f"there is no question {name!r}", where="--only", hint=f"choose from {', '.join(known)}")
    return tuple(name for name in known if not only or name in only)


def check_inputs(corpus: Corpus, models: tuple[Path, ...], studies: tuple[Path, ...]) -> None:
    """Refuse what does not belong to the corpus, before any work is done.

    Raises:
        UsageError: a run that generates nothing, or a folder that is no study.
        MismatchError: a synthetic corpus, another front-end, a model that heard its own test fold, a study of another
            corpus.
    """
    if corpus.synthetic:
        raise MismatchError(
            "holds synthetic clips", where=corpus.path, hint="audit the real corpus; --models adds these"
        )
    kinds: list[str] = []
    for path in models:
        trained = runs.load(path)
        if trained.kind not in runs.GENERATORS:
            raise UsageError(f"a {trained.kind} does not generate", where=path, hint="give runs of generators")
        corpus.require_front_end(trained.front_end, path)
        trained.require_unseen(corpus.songs[corpus.fold(int(trained.meta["fold"])).test])
        if trained.meta["corpus"]["content_hash"] != corpus.hash:
            raise MismatchError("was trained on another corpus", where=path, hint=f"give runs of {corpus.path}")
        kinds.append(trained.kind)
    double = {kind for kind in kinds if kinds.count(kind) > 1}
    if double:
        raise UsageError(f"several runs of {min(double)}", where="--models", hint="give one of each kind")
    for path in studies:
        document = read_json(path / "result.json")
        if not isinstance(document, dict) or document.get("verb") != "compare":
            raise UsageError("is no augmentation study", where=path, hint="give the --out of affetti compare")
        if read_json(path / "config.json").get("corpus_hash") != corpus.hash:
            raise MismatchError("is a study of another corpus", where=path, hint=f"give one of {corpus.path}")


def by_name(name: str) -> Question:
    """The question of that name."""
    return next(question for question in QUESTIONS if question.name == name)


def _generated(
    corpus: Corpus, out: Path, models: tuple[Path, ...], quick: bool, seed: int, workers: int, progress: Progress
) -> tuple[tuple[str, Path], ...]:
    """What each generator makes of the emotions it was trained on."""
    found: list[tuple[str, Path]] = []
    for path in models:
        trained = runs.load(path)
        n = min(MAX_GENERATED_QUICK if quick else MAX_GENERATED, len(corpus.fold(int(trained.meta["fold"])).test))
        target = out / "generated" / trained.kind
        generate_corpus(path, n, target, emotions="matched", seed=seed, workers=workers, progress=progress)
        found.append((trained.kind, target))
    return tuple(found)


def _told(question: Question, answer: Answer) -> dict[str, Any]:
    plain = configuration.unstructure(answer)
    return {"id": question.name, "question": question.text, "method": question.method, **plain}
