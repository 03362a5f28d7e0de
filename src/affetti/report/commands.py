"""How to make it all again: the commands that made the sources, and what they ran on.

A command is printed for a shell, a flag a line. ``RUN``, ``CORPUS`` and ``PATH`` stand for folders that the sources do
not say.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from affetti.corpus import Corpus
from affetti.corpus.provenance import Provenance
from affetti.report.listeners import study_name
from affetti.report.sources import Audit, Run, Score, Sources, Study
from affetti.storage import is_folder
from affetti.studies.audit.recordings.result import PairResult, RecordingsResult
from affetti.studies.audit.registry import QUESTION_NAMES
from affetti.studies.listening.result import ListeningResult
from affetti.studies.scorecard.result import Requested

REPEATED = ("against",)
"""Flags that are given once for each of their values."""
BATCH_SIZE = 32
"""Clips a batch of ``affetti generate`` where none is given."""


@dataclass(frozen=True)
class Command:
    """A source and the command that makes it."""

    name: str
    command: str


@dataclass(frozen=True)
class Identity:
    """What distinguishes a source from others of the same name."""

    name: str
    hash: str | None
    seed: int | None
    fold: str | None
    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of affetti and of the libraries that it computed with."""


def commands(sources: Sources) -> list[Command]:
    """The command that makes each source."""
    return [
        *(Command(f"corpus {corpus.path.name}", corpus_command(corpus, sources)) for corpus in sources.corpora),
        *(Command(f"run {run.name}", train_command(run)) for run in sources.runs),
        *(Command(f"scorecard of {score.name}", score_command(score)) for score in sources.scores),
        *(Command(f"study {study.path.name}", compare_command(study, sources)) for study in sources.studies),
        *(Command(f"listening study {study_name(its)}", listen_command(its, sources)) for its in sources.listening),
        *(Command(f"audit of {audit.name}", audit_command(audit, sources)) for audit in sources.audits),
        *(Command("audit of recordings", recordings_command(result)) for result in sources.recordings),
        *(Command("two recordings", pair_command(result)) for result in sources.pairs),
    ]


def corpus_command(corpus: Corpus, sources: Sources) -> str:
    """The command that makes a corpus: ``affetti prepare``, or ``affetti generate`` of a synthetic one."""
    if corpus.synthetic:
        return _generate_command(corpus, corpus.provenance or Provenance(), sources)
    meta = corpus.meta
    names = str(meta["source"]).split("+")
    composed = names == ["composed"]
    split = meta.get("split", "folds")
    options = meta.get("options") or {}
    return _command(
        "prepare",
        *(names if composed else [f"{name}:PATH" for name in names]),
        **{name: value for name, value in options.items() if value is not True},
        front_end=meta["preset"],
        clips=len(corpus) if composed else None,
        keys=(meta.get("planted") or {}).get("keys") if composed else None,
        windows=None if composed else meta.get("windows"),
        split=None if split == "folds" else split,
        folds=meta.get("folds") if split == "folds" else None,
        seed=meta.get("seed"),
        **{name: True for name, value in options.items() if value is True},
        keep_audio=is_folder(corpus.path / "audio"),
        out=corpus.path,
    )


def _generate_command(corpus: Corpus, made: Provenance, sources: Sources) -> str:
    flags: dict[str, Any] = dict(made.conditions)
    if "instruments" in flags:
        flags["instruments"] = ",".join(flags["instruments"])
    if "lyrics" in flags:
        flags["lyrics"] = "/".join(str(flags["lyrics"]).split("\n"))
    songs = dict(made.songs or {})
    flags |= {name: songs.get(name) for name in ("curve", "curve_from", "form", "seconds")}
    curve = songs.get("curve") or songs.get("curve_from")
    return _command(
        "generate",
        model=_run_of(str(made.weights_sha256), sources),
        n=songs.get("n") or made.requested_clips or len(corpus),
        emotions=None if curve else made.emotions or "uniform",
        **flags,
        sampling=[f"{name}={_number(value)}" for name, value in made.sampling.items()],
        filter=None if made.filter is None else _corpus_of(made.corpus_hash, sources),
        audio=bool(made.audio),
        vocoder=made.vocoder,
        batch_size=None if made.batch_size == BATCH_SIZE else made.batch_size,
        seed=corpus.meta.get("seed"),
        out=corpus.path,
    )


def _run_of(weights: str, sources: Sources) -> str:
    """The run of these weights; a placeholder where it is not among the sources."""
    return next((str(run.path) for run in sources.runs if run.meta.weights_sha256 == weights), "RUN")


def _corpus_of(content_hash: str | None, sources: Sources) -> str:
    """The corpus of this content: a source, or where a run among the sources says it is, or a placeholder."""
    here = [corpus.path for corpus in sources.corpora if corpus.hash == content_hash]
    trained_on = [run.corpus for run in sources.runs if run.corpus_hash == content_hash]
    return str(next((path for path in [*here, *trained_on] if path), "CORPUS"))


def train_command(run: Run) -> str:
    """The command that trains a model again, into a folder beside its own."""
    return _command(
        "train",
        run.kind,
        corpus=run.corpus or "CORPUS",
        fold=run.meta.fold,
        config=run.path / "config.json",
        out=run.path.with_name(f"{run.path.name}-again"),
    )


def score_command(score: Score) -> str:
    """The command of a scorecard."""
    card = score.card
    requested = card.requested or Requested(
        regressor=None if card.regressor is None else card.regressor.run,
        against=() if card.against is None else (card.against.fake,),
    )
    return _command(
        "score",
        card.real,
        card.fake,
        train=requested.train,
        fold=card.fold,
        against=requested.against,
        regressor=requested.regressor,
        features=None if requested.features == "statistics" else requested.features,
        groups=requested.groups,
        conditions=requested.conditions,
        front_end=requested.preset,
        seed=card.seed,
        out=score.path,
    )


def compare_command(study: Study, sources: Sources) -> str:
    """The command of a study; its generators are named where they are among the sources."""
    result, config = study.result, study.config
    models = [_run_of(weights, sources) for weights in config.models]
    requested = result.requested
    sampling: dict[str, list[str]] = {}
    for name, value in requested.sampling:
        sampling.setdefault(name, []).append(_number(value))
    return _command(
        "compare",
        corpus=result.corpus,
        models=models,
        arms=requested.arms,
        train_fractions=",".join(f"{100 * fraction:g}" for fraction in requested.train_fractions) or None,
        sampling=[f"{name}={','.join(values)}" for name, values in sampling.items()],
        training_steps=",".join(map(str, requested.training_steps)) or None,
        budget=None if requested.budget is None else f"{_number(requested.budget)}s",
        published_protocol=requested.published_protocol,
        folds=None if models else len(result.folds),
        seeds=result.seeds,
        ratio=result.ratio,
        steps=config.steps,
        batch_size=config.batch_size,
        seed=result.seed,
        out=study.path,
    )


def listen_command(result: ListeningResult, sources: Sources) -> str:
    """The command of the analysis of a listening study; scorecards and regressor are named where they are sources."""
    ordered = next(iter(result.quality_score), None)
    scored = {score.card.quality.score: score.path for score in sources.scores}
    regressors = [run.path for run in sources.regressors]
    scores = [] if ordered is None else list(zip(ordered.systems, ordered.scores, strict=True))
    return _command(
        "listen results",
        result.study,
        scorecards=[f"{name}={scored.get(score, 'SCORE')}" for name, score in scores],
        model=(regressors[0] if len(regressors) == 1 else "RUN") if result.regressor else None,
        seed=result.seed,
        out=result.folder or "RESULTS",
    )


def audit_command(audit: Audit, sources: Sources) -> str:
    """The command of an audit; its generators are named where they are among the sources."""
    result = audit.result
    questions = [answered.id for answered in result.questions]
    return _command(
        "audit",
        result.corpus,
        models=[_run_of(weights, sources) for weights in audit.config.models],
        study=result.studies,
        only=questions if questions != list(QUESTION_NAMES) else None,
        quick=result.quick,
        seed=result.seed,
        out=audit.path,
    )


def recordings_command(result: RecordingsResult) -> str:
    """The command of an audit of recordings."""
    paths = [recording.path for recording in result.recordings]
    return _command("audit", *paths, **_recording_flags(result))


def pair_command(result: PairResult) -> str:
    """The command of a pair of recordings."""
    paths = result.first.path, result.second.path
    return _command("audit", *paths, pair=True, **_recording_flags(result))


def _recording_flags(result: RecordingsResult | PairResult) -> dict[str, Any]:
    """Flags that audits of recordings and of pairs share."""
    return {
        "model": result.model,
        "front_end": result.preset,
        "seconds": result.requested_seconds,
        "out": result.folder or "AUDIT",
    }


def identities(sources: Sources) -> list[Identity]:
    """Hash, seed and versions of every source."""
    return [
        *(Identity(f"corpus {its.path.name}", its.hash, its.meta.get("seed"), None) for its in sources.corpora),
        *(
            Identity(
                f"run {run.name}",
                run.meta.weights_sha256,
                run.meta.seed,
                str(run.meta.fold),
                run.result.versions,
            )
            for run in sources.runs
        ),
        *(
            Identity(
                f"scorecard of {score.name}",
                None,
                score.card.seed,
                None if score.card.fold is None else str(score.card.fold),
                score.card.versions,
            )
            for score in sources.scores
        ),
        *(
            Identity(
                f"study {study.path.name}",
                study.config.corpus_hash,
                study.result.seed,
                ", ".join(map(str, study.result.folds)),
                study.result.versions,
            )
            for study in sources.studies
        ),
        *(
            Identity(f"listening study {study_name(its)}", None, its.seed, None, its.versions)
            for its in sources.listening
        ),
        *(
            Identity(f"audit of {its.name}", its.result.corpus_hash, its.result.seed, None, its.result.versions)
            for its in sources.audits
        ),
        *(Identity("audit of recordings", None, None, None, its.versions) for its in sources.recordings),
        *(Identity("two recordings", None, None, None, its.versions) for its in sources.pairs),
    ]


def versions(rows: Sequence[Identity]) -> str:
    """The versions that the results were made with, each set once."""
    sets = dict.fromkeys(
        ", ".join(f"{name} {value}" for name, value in row.versions.items()) for row in rows if row.versions
    )
    return "; ".join(sets)


def _command(verb: str, *positional: object, **flags: object) -> str:
    """A command for a shell, a flag a line, so that it can be read on a phone and copied as it is.

    A flag that is None, False or empty is left out; True is a switch; several values follow their flag.
    """
    lines = [" ".join(["affetti", verb, *(shlex.quote(str(value)) for value in positional)])]
    for name, value in flags.items():
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            lines.append(flag)
        elif isinstance(value, list | tuple):
            if name in REPEATED:
                lines += [f"{flag} {shlex.quote(str(item))}" for item in value]
            elif value:
                lines.append(" ".join([flag, *(shlex.quote(str(item)) for item in value)]))
        elif value is not None and value is not False:
            text = _number(value) if isinstance(value, float) else str(value)
            # What begins with a minus would pass for a flag.
            lines.append(f"{flag}{'=' if text.startswith('-') else ' '}{shlex.quote(text)}")
    return " \\\n  ".join(lines)


def _number(value: float) -> str:
    """The shortest text that parses to ``value``."""
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)
