"""The audit: what a log-mel loses of music and emotion, what caps quality, and which published claims hold.

Eleven questions, a module each, are answered for one corpus. Each answer is saved at once, so that an audit can be
interrupted and resumed, and a question can run alone. Where the corpus lacks what a question needs, the answer is "not
measurable here: needs …", and the other questions still run. The claims of the study are then decided by
rules fixed beforehand, see :mod:`affetti.studies.audit.claims`.

When not to use: on synthetic corpora. Audit the real corpus, and give the generators as ``models``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from affetti import config as configuration
from affetti.corpus import Corpus
from affetti.errors import InputError, MismatchError, StorageError, UsageError
from affetti.execution import Executor, LocalExecutor
from affetti.inference.generation import GenerationSettings, generate_corpus
from affetti.output_lock import releases_outputs
from affetti.progress import Progress, silent
from affetti.provenance import versions
from affetti.storage import read_json, remove_partial, reserve_output, write_json
from affetti.studies.audit import study_measurements
from affetti.studies.audit.answer import Answer, Measurement, NotMeasurableError
from affetti.studies.audit.claims import STUDY_TOPIC, Finding, decide_all
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.limitations import wording
from affetti.studies.audit.listening_measurements import listening_measurements
from affetti.studies.audit.question import Question
from affetti.studies.audit.registry import QUESTION_NAMES, load_question, select_questions
from affetti.studies.audit.result import AnsweredQuestion, AuditedGenerator, AuditResult, CorpusSize
from affetti.studies.augmentation.results import StudyResult
from affetti.studies.scorecard.result import Scorecard
from affetti.training import run as runs
from affetti.training.field_variants import field_variants

MAX_GENERATED, MAX_GENERATED_QUICK = 384, 128
"""Clips that each generator makes, at most as many as its fold has test clips."""


@dataclass(frozen=True)
class AnswerTask:
    """Answers a range of questions and saves the answers; see :class:`affetti.execution.base.RangeTask`."""

    context: AuditContext
    names: tuple[str, ...]
    """Questions, in order."""

    def saved_in(self) -> Path:
        """The folder of the answers."""
        return self.context.folder / "answers"

    def inputs(self) -> tuple[Path, ...]:
        """The corpus, models, studies and generated clips."""
        generated = [path for _, path in self.context.generated]
        return (self.context.corpus.path, *self.context.models, *self.context.studies, *generated)

    def path(self, name: str) -> Path:
        """The file whose existence says that a question is answered."""
        return self.context.folder / "answers" / f"{name}.json"

    def done(self, start: int, stop: int) -> bool:
        """Whether all questions of the range are answered."""
        return all(self.answer(name) is not None for name in self.names[start:stop])

    def answer(self, name: str) -> Answer | None:
        """The saved answer; None where there is none, where it was cut short, or where one of its sounds is gone."""
        path = self.path(name)
        try:
            answer = configuration.structure(read_json(path), Answer, path)
        except (StorageError, UsageError):
            return None
        return answer if all((self.context.folder / sound.file).is_file() for sound in answer.sounds) else None

    def __call__(self, start: int, stop: int) -> None:
        """Answer questions ``start`` to ``stop``."""
        for name in self.names[start:stop]:
            answer = answer_question(load_question(name), self.context)
            write_json(self.path(name), configuration.unstructure(answer))


def answer_question(question: Question, context: AuditContext) -> Answer:
    """The answer of ``question``; where the corpus does not allow one, an answer that says what is needed."""
    try:
        return question.measure(context, silent)
    except NotMeasurableError as lack:
        return Answer(f"Not measurable here: needs {lack.needs}.", needs=lack.needs)
    except InputError as error:
        # Too few songs or clips for a statistic: the error says which.
        return Answer(f"Not measurable here: {error}.", needs=error.what)


@dataclass(frozen=True)
class FiledResults:
    """Folders of results that an audit may use, besides augmentation studies."""

    scorecards: tuple[Path, ...] = ()
    """Of synthetic sets at the corpus' front-end, for the words for a paper."""
    listening: tuple[Path, ...] = ()
    """Of listening studies (``listen results``), which decide claims that only listeners can."""


@releases_outputs
def audit_corpus(
    corpus: Corpus,
    out: Path,
    *,
    models: tuple[Path, ...] = (),
    studies: tuple[Path, ...] = (),
    filed: FiledResults = FiledResults(),
    only: tuple[str, ...] = (),
    quick: bool = False,
    seed: int = 0,
    executor: Executor | None = None,
    progress: Progress = silent,
) -> AuditResult:
    """Audit ``corpus`` into the folder ``out``; called again with the same arguments, it resumes.

    Args:
        corpus: real or composed music.
        out: folder of the audit.
        models: runs of generators; their clips are scored and played beside real ones.
        studies: augmentation studies of the same corpus, which decide the claims about gains.
        filed: scorecards and results of listening studies.
        only: questions to answer, all by default; answers that are already saved stay.
        quick: fewer songs, wider intervals.
        seed: of everything random.
        executor: where questions are answered; by default in this process.
        progress: called with each stage.

    Returns:
        the answers, the verdict on every claim, and words for a paper; also saved as ``result.json``.

    Raises:
        UsageError: an unknown question, or a run that is not of a generator.
        MismatchError: a synthetic corpus, another front-end, a study of another corpus.
        StorageError: the folder holds other work.
    """
    chosen = select_questions(only)
    check_inputs(corpus, models, studies)
    cards, said = open_scorecards(corpus, filed.scorecards), listening_measurements(filed.listening)
    executor = executor or LocalExecutor()
    arguments = {"verb": "audit", "corpus_hash": corpus.hash, "quick": quick, "seed": seed}
    reserve_output(out, arguments | {"models": [runs.load(path).meta.weights_sha256 for path in models]})
    remove_partial(out)
    context = AuditContext(corpus, out, quick, seed, models=models, studies=studies)
    context = _with_generated(context, executor, progress)
    task = AnswerTask(context, chosen)
    executor.map_ranges(task, len(chosen), 1, stage="audit", progress=progress)
    saved = {name: task.answer(name) for name in QUESTION_NAMES}
    answers = {name: answer for name, answer in saved.items() if answer is not None}
    findings = decide_claims(context, answers, said)
    result = AuditResult(
        questions=tuple(AnsweredQuestion.of(load_question(name), answer) for name, answer in answers.items()),
        findings=findings,
        wording=wording(
            answers,
            findings,
            corpus,
            composed=context.composed,
            quick=quick,
            studies=[StudyResult.open(path) for path in studies],
            scorecards=cards,
        ),
        corpus=str(corpus.path),
        corpus_hash=corpus.hash,
        front_end=corpus.front_end.hash,
        composed=context.composed,
        n=CorpusSize(len(corpus), int(corpus.meta["n_songs"])),
        generators=tuple(AuditedGenerator(name, str(path)) for name, path in context.generated),
        studies=tuple(str(path) for path in studies),
        quick=quick,
        seed=seed,
        versions=versions(),
    )
    result.save(out)
    return result


def decide_claims(
    context: AuditContext, answers: Mapping[str, Answer], listening: Mapping[str, Measurement] = MappingProxyType({})
) -> tuple[Finding, ...]:
    """The verdict on every claim, from the answers (by name of the question), the studies, and what listeners said."""
    measurements = {f"{name}.{one.name}": one for name, answer in answers.items() for one in answer.measurements}
    measurements |= {f"{STUDY_TOPIC}.{one.name}": one for one in study_measurements.study_measurements(context.studies)}
    questions = {name: load_question(name).text for name in QUESTION_NAMES}
    datasets = set(context.corpus.clips["dataset"].astype(str))
    return decide_all(
        measurements,
        questions | {STUDY_TOPIC: "Does synthetic data help?"},
        composed=context.composed,
        dataset=datasets.pop() if len(datasets) == 1 else "",
        corpus=str(context.corpus.path),
        listening=listening,
    )


def check_inputs(corpus: Corpus, models: tuple[Path, ...], studies: tuple[Path, ...]) -> None:
    """Check, before any work, that models and studies are of this corpus.

    Raises:
        UsageError: a run that is not of a generator, a run given twice, or a folder that is not a study.
        MismatchError: a synthetic corpus, another front-end, a model that saw its own test fold in training, a run or
            a study of another corpus.
    """
    if corpus.synthetic:
        raise MismatchError(
            "holds synthetic clips", where=corpus.path, hint="audit the real corpus; --models adds these"
        )
    weights: list[str] = []
    for path in models:
        trained = runs.load(path, flag="--models")
        if trained.kind not in runs.GENERATORS:
            raise UsageError(f"a {trained.kind} does not generate", where=path, hint="give runs of generators")
        corpus.require_front_end(trained.front_end, path)
        trained.require_unseen(corpus.songs[corpus.fold(trained.meta.fold).test])
        if trained.meta.corpus.content_hash != corpus.hash:
            raise MismatchError("was trained on another corpus", where=path, hint=f"give runs of {corpus.path}")
        if trained.meta.weights_sha256 in weights:
            raise UsageError(f"several runs of {trained.kind} are the same", where=path, hint="give each run once")
        weights.append(trained.meta.weights_sha256)
    for path in studies:
        document = read_json(path / "result.json")
        if not isinstance(document, dict) or document.get("verb") != "compare":
            raise UsageError("is not an augmentation study", where=path, hint="give the --out of affetti compare")
        if read_json(path / "config.json").get("corpus_hash") != corpus.hash:
            raise MismatchError("is a study of another corpus", where=path, hint=f"give one of {corpus.path}")


def generator_names(models: Sequence[runs.TrainedModel]) -> tuple[str, ...]:
    """A name for each run: its kind, the fields that it lacks or has beside others of its kind, and a number."""
    variants = field_variants(models)
    counts = [variants[: number + 1].count(name) for number, name in enumerate(variants)]
    return tuple(name if again == 1 else f"{name}_{again}" for name, again in zip(variants, counts, strict=True))


def open_scorecards(corpus: Corpus, paths: tuple[Path, ...]) -> list[Scorecard]:
    """The scorecards that were filed at ``paths``.

    Raises:
        UsageError: a result of another verb.
        MismatchError: a scorecard of another front-end.
        StorageError: there is no result, or it cannot be read.
    """
    scorecards: list[Scorecard] = []
    for path in paths:
        document = read_json(path / "result.json")
        if not isinstance(document, dict) or document.get("verb") != "score":
            raise UsageError("is not a scorecard", where=path, hint="give the --out of affetti score")
        scorecard = Scorecard.open(path)
        if scorecard.front_end != corpus.front_end.hash:
            raise MismatchError("is of another front-end", where=path, hint=f"give one of clips like {corpus.path}")
        scorecards.append(scorecard)
    return scorecards


def _with_generated(context: AuditContext, executor: Executor, progress: Progress) -> AuditContext:
    """The context with clips of each generator, for the emotions that it was trained on."""
    generated: list[tuple[str, Path]] = []
    models = [runs.load(path) for path in context.models]
    for path, trained, name in zip(context.models, models, generator_names(models), strict=True):
        n = min(
            context.sample_size(MAX_GENERATED, MAX_GENERATED_QUICK),
            len(context.corpus.fold(trained.meta.fold).test),
        )
        target = context.folder / "generated" / name
        settings = GenerationSettings(emotions="matched", seed=context.seed)
        generate_corpus(path, n, target, settings, executor=executor, progress=progress)
        generated.append((name, target))
    return replace(context, generated=tuple(generated))
