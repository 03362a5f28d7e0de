"""The summary on top of the page: the main questions, answered in sentences with the numbers of the sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from affetti.corpus import Corpus
from affetti.emotion import AXES
from affetti.report.listeners import study_name
from affetti.report.sources import Audit, Run, Score, Sources, Study
from affetti.report.wording import difference, duration, estimate, listed, number, plural, typeset, with_interval
from affetti.studies.audit.claims import Verdict
from affetti.studies.augmentation.results import StudyResult
from affetti.studies.listening.result import ListeningResult, PairDifference
from affetti.studies.scorecard.result import AxisConditioning

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
"""What a claim of the study can be."""
MAX_WIDTH = 50.0
"""Width of the interval of the Quality Score above which it says almost nothing."""
AS_REAL, IN_PART = 0.8, 0.4
"""Slope and correlation of synthetic clips over those of real ones, at least, to follow their conditions as real songs
follow their labels, and in part."""
MEASURES = {"ccc": "CCC", "accuracy": "Quadrant accuracy"}
"""What the differences of a study are of, by its ``measure``."""


@dataclass(frozen=True)
class Answer:
    """What an answer is about, and the answer."""

    subject: str
    text: str


@dataclass(frozen=True)
class AnsweredQuestion:
    """A question and its answers."""

    question: str
    answers: tuple[Answer, ...]


def summary(sources: Sources) -> tuple[AnsweredQuestion, ...]:
    """The questions that the sources can answer, with an answer a source."""
    by_question = {
        "What was made": _made(sources),
        "How good is it?": [_quality(score) for score in sources.scores],
        "Does it follow the emotion?": [line for score in sources.scores for line in _conditioning(score)],
        "Does training on it help?": [line for study in sources.studies for line in _gains(study.result)],
        "What do listeners say?": [line for result in sources.listening for line in _listeners(result)],
        "What caps quality?": [line for audit in sources.audits for line in _ceiling(audit)],
        "Which claims hold?": [line for audit in sources.audits for line in _claims(audit)],
        "How far to trust this": _limits(sources),
    }
    return tuple(AnsweredQuestion(question, tuple(answers)) for question, answers in by_question.items() if answers)


def different_corpora(sources: Sources) -> str:
    """The caution where sources are of several corpora; empty where they are of one."""
    by_corpus: dict[str, list[str]] = {its.hash: [its.path.name] for its in sources.corpora if not its.synthetic}
    for name, corpus_hash in [
        *((run.name, run.corpus_hash) for run in sources.runs),
        *((study.path.name, study.config.corpus_hash) for study in sources.studies),
        *((audit.path.name, audit.result.corpus_hash) for audit in sources.audits),
    ]:
        if corpus_hash:
            by_corpus.setdefault(corpus_hash, []).append(name)
    if len(by_corpus) < 2:
        return ""
    groups = "; ".join(", ".join(names) for names in by_corpus.values())
    return f"these sources are of {len(by_corpus)} corpora, whose numbers cannot be compared. By corpus: {groups}."


def _made(sources: Sources) -> list[Answer]:
    return [_corpus(corpus) for corpus in sources.corpora] + [_generator(run) for run in sources.generators]


def _corpus(corpus: Corpus) -> Answer:
    clips = f"{plural(len(corpus), 'clip')} of {corpus.front_end.seconds:g} s"
    songs = plural(int(corpus.meta["n_songs"]), "song")
    if corpus.synthetic:
        return Answer("synthetic corpus", f"{clips}, {corpus.meta['source']}.")
    if corpus.composed:
        meaning = "“Real” below means these songs, not what a network made."
        return Answer("corpus", f"{songs} composed by rules, cut into {clips}. {meaning}")
    return Answer("corpus", f"{songs}, cut into {clips}, from {corpus.meta['source']}.")


def _generator(run: Run) -> Answer:
    result = run.result
    return Answer(
        run.name,
        f"{result.parameters / 1e6:.1f} million parameters, trained for {plural(result.steps, 'step')} "
        f"({duration(result.seconds)}) on {plural(result.n.train, 'clip')} of {plural(result.songs.train, 'song')}.",
    )


def _quality(score: Score) -> Answer:
    card = score.card
    quality = card.quality
    low, high = quality.ci
    text = (
        f"{quality.score:.0f} [{low:.0f}, {high:.0f}] of 100, {quality.tier}; held-out real songs are 100 by "
        f"definition. {_variety(score)}The study’s published formula gives {quality.published.score:.0f}."
    )
    if card.contains_real:
        text += f" CAUTION: {plural(card.contains_real, 'clip')} of this set are real ones: this scores no generator."
    if card.trained_on:
        text += " Caution: the generator was trained on songs it is compared with here."
    if high - low > MAX_WIDTH:
        text += " The interval is too wide to say much: more songs are needed."
    return Answer(score.name, text)


def _variety(score: Score) -> str:
    recall, coverage = score.card.measures.get("recall"), score.card.measures.get("coverage")
    if recall is None or coverage is None or recall.value is None or coverage.value is None:
        return ""
    return (
        f"Recall {recall.value:.2f} (real music {number(recall.floor)}), "
        f"coverage {coverage.value:.2f} ({number(coverage.floor)}). "
    )


def _conditioning(score: Score) -> list[Answer]:
    conditioning = score.card.conditioning
    if conditioning is None:
        return [Answer(score.name, "not measurable here: needs two labelled corpora, or a regressor.")]
    axes = (("arousal", conditioning.arousal), ("valence", conditioning.valence))
    return [Answer(f"{score.name}, {name}", _follows(axis)) for name, axis in axes]


def _follows(axis: AxisConditioning) -> str:
    slope, correlation, relative = axis.slope, axis.correlation, axis.relative
    if slope is None or correlation is None:
        return f"not measurable here: {axis.reason or 'needs clips conditioned on different emotions'}."
    text = f"Slope {estimate(slope)}, correlation {estimate(correlation)}"
    if axis.real:
        reference = f"{number(axis.real.slope.value)} and {number(axis.real.correlation.value)}"
        text += f"; held-out real songs have {reference}"
    if correlation.ci and correlation.ci[0] <= 0:
        return f"No sign that it does. {text}."
    if relative is None:
        return f"It responds; how well is unknown, as the regressor does not follow real songs beyond doubt. {text}."
    slope_share = with_interval(relative.slope, relative.slope_ci)
    text += f": {slope_share} and {with_interval(relative.correlation, relative.correlation_ci)} of theirs"
    least = min(relative.slope, relative.correlation)
    degree = "About as real songs do" if least >= AS_REAL else "In part" if least >= IN_PART else "Weakly"
    return f"{degree}. {text}."


def _gains(result: StudyResult) -> list[Answer]:
    """Whether each generator and SpecAugment helps, by the measure of the study."""
    arms = {arm.name: arm for arm in result.arms}
    generated = {made.name for made in result.synthetic}
    lines: list[Answer] = []
    for name in [*(name for name in arms if name in generated), *({"specaugment"} & set(arms))]:
        arm = arms[name]
        verdict = (arm.verdict or "").replace("'", "’")
        change = difference(arm.delta, arm.delta_ci, 3)
        text = f"{verdict[:1].upper()}{verdict[1:]}. {MEASURES[result.measure]} on real songs changes by {change}."
        control = arms.get(f"{name}-shuffled")
        if control is not None and control.delta_ci[0] > 0:
            text += (
                " But the control, the same clips with each other’s emotions, gains "
                f"{difference(control.delta, control.delta_ci, 3)}: "
                "more clips may help, but nothing shows that their emotions do."
            )
        lines.append(Answer(name if name in generated else f"{name} (needs no generator)", text))
    return lines


def _listeners(result: ListeningResult) -> list[Answer]:
    """Which systems differ on each scale that is no emotion, how far emotions are perceived, triangle tests."""
    lines: list[Answer] = []
    for scale in dict.fromkeys(pair.scale for pair in result.pairs if pair.scale not in AXES):
        pairs = [pair for pair in result.pairs if pair.scale == scale]
        differ = [text for pair in pairs if (text := _differs(pair))]
        undecided = len(pairs) - len(differ)
        parts = differ + ([f"{plural(undecided, 'pair')} undecided"] if undecided else [])
        lines.append(Answer(f"{study_name(result)}, {scale}", f"{listed(parts)}."))
    lines += [
        Answer(f"{row.system}, {row.axis} perceived", f"Slope {estimate(row.slope)} of what was requested.")
        for row in result.control
    ]
    for test in result.triangles:
        ci = None if test.ci is None else [100 * end for end in test.ci]
        share = f"{with_interval(100 * test.correct, ci, 0)} % correct, 33 % by guessing"
        decided = test.p is not None and test.p < result.analysis.alpha
        lines.append(Answer(f"{test.a} and {test.b}", f"{'Distinguished' if decided else 'Can’t tell'}: {share}."))
    return lines


def _differs(pair: PairDifference) -> str:
    """That two systems differ; empty where it is undecided."""
    if pair.ci_simultaneous is None or pair.ci_simultaneous[0] <= 0 <= pair.ci_simultaneous[1]:
        return ""
    above, below = (pair.a, pair.b) if pair.difference > 0 else (pair.b, pair.a)
    ends = sorted(abs(end) for end in pair.ci_simultaneous)
    return f"{above} above {below} by {with_interval(abs(pair.difference), ends)}"


def _ceiling(audit: Audit) -> list[Answer]:
    return [
        Answer(audit.name, typeset(answered.sentence))
        for answered in audit.result.questions
        if answered.id == "ceiling"
    ]


def _claims(audit: Audit) -> list[Answer]:
    verdicts = [finding.verdict for finding in audit.result.findings]
    if not verdicts:
        return []
    counts = listed([f"{verdicts.count(verdict)} {verdict}" for verdict in VERDICTS])
    return [Answer(audit.name, f"Of {plural(len(verdicts), 'claim')} of the study, {counts}.")]


def _limits(sources: Sources) -> list[Answer]:
    lines: list[Answer] = []
    if (
        any(corpus.composed for corpus in sources.corpora)
        or any(run.meta.corpus.source == "composed" for run in sources.runs)
        or any(audit.result.composed for audit in sources.audits)
    ):
        text = (
            "Music and labels follow rules: the results are about representations and models, "
            "and say nothing about how people feel."
        )
        lines.append(Answer("composed corpus", text))
    lines += [Answer("study", _tested(study)) for study in sources.studies]
    lines += [
        Answer(audit.name, "A quick audit: few songs, wide intervals.")
        for audit in sources.audits
        if audit.result.quick
    ]
    brackets = "95 % intervals: over songs of real music, clips of synthetic sets, songs and seeds of the study" + (
        ", listeners and clips of a listening study." if sources.listening else "."
    )
    return [*lines, Answer("square brackets", brackets)]


def _tested(study: Study) -> str:
    result = study.result
    text = (
        f"Tested on {plural(result.test.n, 'real clip')} of {plural(result.test.songs, 'song')}, "
        f"with {plural(result.seeds, 'seed')} and {plural(len(result.folds), 'fold')}"
    )
    return f"{text}: exploratory, not a verdict." if result.exploratory else f"{text}."
