"""``affetti audit``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from affetti.cli.flags import EngineFlags, LongFlags, parse, resolve, take_engine
from affetti.cli.output import note, print_plan, print_result
from affetti.cli.progress import show_progress
from affetti.errors import UsageError
from affetti.storage import is_file, is_folder
from affetti.studies.audit.registry import QUESTION_NAMES

if TYPE_CHECKING:
    from affetti.studies.audit.claims import Finding
    from affetti.studies.audit.result import AuditResult

OF_A_CORPUS = (
    "models",
    "study",
    "scorecards",
    "listening",
    "only",
    "quick",
    "workers",
    "engine",
    "address",
    "resources",
    "slurm",
)
OF_RECORDINGS = ("pair", "model", "preset", "seconds", "device")
"""Flags that belong to one of the two kinds of audit."""


@dataclass(frozen=True)
class Flags(EngineFlags, LongFlags):
    """Measure what a log-mel loses of music and emotion, what limits quality, and which published claims hold.

    Of audio files: what each representation keeps of them, without labels and without a corpus.
    """

    corpus: tyro.conf.Positional[Annotated[tuple[Path, ...], tyro.conf.arg(metavar="CORPUS|AUDIO...")]] = ()
    """A corpus of real or composed music; or audio files and folders of them."""
    out: Path | None = None
    """Folder of the audit; of audio files it may be left out, and then there are no sounds and no page."""
    models: tuple[Path, ...] = field(default=())
    """Runs of generators: their clips are scored, and played beside real clips in the report."""
    study: tuple[Path, ...] = field(default=())
    """Augmentation studies of this corpus, which decide the claims about gains."""
    scorecards: tuple[Path, ...] = field(default=())
    """Scorecards (the --out of score) of synthetic sets, for the words for a paper."""
    listening: tuple[Path, ...] = field(default=())
    """Results of listening studies (the --out of listen results), which decide claims that only listeners can."""
    only: Annotated[
        tuple[str, ...], tyro.conf.arg(help=f"Questions to answer (default all): {', '.join(QUESTION_NAMES)}.")
    ] = field(default=())
    quick: bool = False
    """Fewer songs and wider intervals."""
    pair: bool = False
    """Of two audio files: how alike they are."""
    model: str | None = None
    """Of audio files: a regressor, which predicts the emotion of each sound, as predict --model (default: shipped)."""
    preset: Annotated[str | None, tyro.conf.arg(name="front-end")] = None
    """Of audio files: front-end of the log-mels (default paper)."""
    seconds: float | None = None
    """Of audio files: seconds from the middle of each that are audited (default 30)."""
    device: str | None = None
    """Of audio files: where the regressor runs: cpu (default), cuda, mps or auto."""


def run(arguments: list[str]) -> int:
    """Run the verb."""
    flags = parse(Flags, arguments, "audit")
    if flags.pair or is_audio(flags.corpus):
        return _recordings(flags)
    settings = resolve(flags, {"seed": 0}, flags.config, ("corpus_hash",))
    _require_kind(flags, OF_RECORDINGS, "audio files")
    if len(flags.corpus) != 1:
        raise UsageError(f"{len(flags.corpus)} corpora", where="CORPUS", hint="name one corpus, or audio files")
    if "out" not in settings:
        raise UsageError("no folder for the audit", where="--out", hint="name a new folder")
    corpus, out = Path(settings.pop("corpus")[0]), Path(settings.pop("out"))
    take_engine(settings)
    settings["studies"] = settings.pop("study", ())
    from affetti import api

    if flags.dry_run:
        print_plan(api.audit.plan(corpus, out, **settings), flags.json)
        return 0
    with show_progress() as progress:
        result = api.audit.run(corpus, out, progress=progress, **settings)
    if result.composed:
        note("note: on a composed corpus, results are about representations and models, never about how people feel")
    print_result(result.to_dict(), flags.json, text(result))
    return 0


def is_audio(paths: Sequence[Path]) -> bool:
    """Whether paths name recordings: files, several paths, or a folder that holds audio and no corpus."""
    from affetti.signal.audio import AUDIO_SUFFIXES
    from affetti.signal.audio_files import list_audio

    if len(paths) != 1:
        return len(paths) > 1
    path = paths[0]
    if is_file(path) or path.suffix.lower() in AUDIO_SUFFIXES:
        return True
    corpus = is_file(path / "corpus.json") or is_folder(path / ".work")
    return is_folder(path) and not corpus and bool(list_audio(path).files)


def _recordings(flags: Flags) -> int:
    """Audit audio files, or a pair of them."""
    _require_kind(flags, OF_A_CORPUS, "a corpus")
    if flags.pair and len(flags.corpus) != 2:
        raise UsageError(f"{len(flags.corpus)} recordings", where="--pair", hint="name two audio files")
    settings = resolve(flags, {"preset": "paper", "seconds": 30.0, "device": "cpu"}, flags.config)
    paths = [Path(path) for path in settings.pop("corpus")]
    for name in ("pair", "seed"):
        settings.pop(name, None)
    from affetti import api
    from affetti.cli.recordings_text import pair_text, recordings_text

    if flags.dry_run:
        plan = api.compare_recordings.plan(*paths, **settings) if flags.pair else None
        print_plan(plan or api.audit_recordings.plan(paths, **settings), flags.json)
        return 0
    with show_progress() as progress:
        if flags.pair:
            pair, result = api.compare_recordings.run(*paths, progress=progress, **settings), None
        else:
            pair, result = None, api.audit_recordings.run(paths, progress=progress, **settings)
    if pair is not None:
        for line in pair.notes:
            note(f"note: {line}")
        print_result(pair.to_dict(), flags.json, pair_text(pair))
    if result is not None:
        for recording in result.recordings:
            if recording.error is not None:
                note(f"skipped {recording.path}: {recording.error}")
        print_result(result.to_dict(), flags.json, recordings_text(result))
    return 0


def _require_kind(flags: Flags, names: Sequence[str], kind: str) -> None:
    """Refuse flags that belong to the other kind of audit."""
    given = [name for name in names if getattr(flags, name) not in (None, False, ())]
    if given:
        raise UsageError(f"is for {kind}", where=f"--{given[0]}", hint=f"leave it out, or name {kind}")


def text(result: AuditResult) -> str:
    """The audit for a terminal: the sentence of each question, then the claims that these and the studies decide."""
    lines = [f"{question.id}: {question.sentence}" for question in result.questions]
    topics = {question.id for question in result.questions} | ({"study"} if result.studies else set())
    rows = [finding for finding in result.findings if finding.topic in topics]
    verdicts = [finding.verdict for finding in rows]
    counts = ", ".join(f"{verdicts.count(name)} {name}" for name in ("supported", "contradicted", "undecided"))
    lines += ["", f"{len(rows)} claims of the study: {counts}", *map(_claim, rows)]
    if others := len(result.findings) - len(rows):
        lines.append(f"{others} more claims belong to questions that were not selected, or need --study")
    return "\n".join(lines)


def _claim(finding: Finding) -> str:
    measured = "not measured"
    if finding.measured is not None:
        measured = f"{finding.measured:.3g}"
        if finding.ci:
            measured += f" [{finding.ci[0]:.3g}, {finding.ci[1]:.3g}]"
    return f"  {finding.verdict:<12} {finding.section:<6} {finding.claim}; measured: {measured}"
