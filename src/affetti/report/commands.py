"""How to make it all again: the commands that made the sources, and what they ran on."""

from __future__ import annotations

import shlex
from typing import Any

from affetti.corpus import Corpus
from affetti.report.sources import Audit, Run, Score, Sources, Study
from affetti.studies.audit.registry import QUESTION_NAMES


def commands(sources: Sources) -> list[tuple[str, str]]:
    """What each source is, and the command that makes it."""
    found = [(f"corpus {corpus.path.name}", prepare(corpus)) for corpus in sources.corpora]
    found += [(f"run {run.name}", train(run)) for run in sources.runs]
    found += [(f"scorecard of {score.name}", score_of(score)) for score in sources.scores]
    found += [(f"study {study.path.name}", compare(study, sources)) for study in sources.studies]
    found += [(f"audit of {audit.name}", audit_of(audit, sources)) for audit in sources.audits]
    return found


def prepare(corpus: Corpus) -> str:
    """The command that makes a corpus; a placeholder stands for what it does not say."""
    meta = corpus.meta
    if corpus.synthetic:
        provenance = meta.get("provenance") or {}
        emotions = provenance.get("emotions", "uniform")
        return _line("generate", model="RUN", n=len(corpus), emotions=emotions, seed=meta.get("seed"), out=corpus.path)
    names = str(meta["source"]).split("+")
    composed = names == ["composed"]
    split = meta.get("split", "folds")
    switches = [name for name, value in (meta.get("options") or {}).items() if value is True]
    if (corpus.path / "audio").is_dir():
        switches.append("keep_audio")
    return _line(
        "prepare",
        *(names if composed else [f"{name}:PATH" for name in names]),
        **{name: value for name, value in (meta.get("options") or {}).items() if value is not True},
        preset=meta["preset"],
        clips=len(corpus) if composed else None,
        keys=(meta.get("planted") or {}).get("keys") if composed else None,
        windows=None if composed else meta.get("windows"),
        split=None if split == "folds" else split,
        folds=meta.get("folds") if split == "folds" else None,
        seed=meta.get("seed"),
        **dict.fromkeys(switches, ""),
        out=corpus.path,
    )


def train(run: Run) -> str:
    """The command that trains a run again, elsewhere."""
    config = run.config
    return _line(
        "train",
        run.kind,
        corpus=config.get("corpus", "CORPUS"),
        fold=run.meta["fold"],
        config=run.path / "config.json",
        out=run.path.with_name(f"{run.path.name}-again"),
    )


def score_of(score: Score) -> str:
    """The command of a scorecard."""
    result = score.result
    regressor = (result.get("regressor") or {}).get("run")
    return _line(
        "score",
        result["real"],
        result["fake"],
        fold=result["fold"],
        regressor=regressor,
        against=(result.get("against") or {}).get("fake"),
        seed=result["seed"],
        out=score.path,
    )


def compare(study: Study, sources: Sources) -> str:
    """The command of a study; its generators are named where they are among the sources."""
    result, config = study.result, study.config
    models = _models(config, sources)
    requested = result["requested"]
    sampling: dict[str, list[str]] = {}
    for name, value in requested["sampling"]:
        sampling.setdefault(name, []).append(f"{value:g}")
    budget = requested["budget"]
    return _line(
        "compare",
        corpus=result["corpus"],
        models=models or None,
        arms=requested["arms"] or None,
        train_fractions=",".join(f"{100 * fraction:g}" for fraction in requested["train_fractions"]) or None,
        sampling=[f"{name}={','.join(values)}" for name, values in sampling.items()] or None,
        training_steps=",".join(map(str, requested["training_steps"])) or None,
        budget=None if budget is None else f"{budget:g}s",
        **({"published_protocol": ""} if requested["published_protocol"] else {}),
        folds=None if models else len(result["folds"]),
        seeds=result["seeds"],
        ratio=result.get("ratio"),
        steps=config.get("steps"),
        batch_size=config.get("batch_size"),
        seed=result["seed"],
        out=study.path,
    )


def audit_of(audit: Audit, sources: Sources) -> str:
    """The command of an audit; its generators are named where they are among the sources."""
    result = audit.result
    asked = [found.name for found in audit.asked]
    return _line(
        "audit",
        result["corpus"],
        models=_models(audit.config, sources) or None,
        study=[str(path) for path in result.get("studies") or []] or None,
        only=asked if asked != list(QUESTION_NAMES) else None,
        **({"quick": ""} if result["quick"] else {}),
        seed=result["seed"],
        out=audit.path,
    )


def _models(config: dict[str, Any], sources: Sources) -> list[str]:
    """The runs that a study or an audit was given, a placeholder for those that are not among the sources."""
    by_weights = {run.meta["weights_sha256"]: str(run.path) for run in sources.runs}
    return [by_weights.get(digest, "RUN") for digest in config.get("models", [])]


def identities(sources: Sources) -> list[dict[str, Any]]:
    """Hash, seed and versions of every source."""
    rows = [
        {"what": f"corpus {c.path.name}", "hash": c.hash, "seed": c.meta.get("seed"), "fold": None, "versions": {}}
        for c in sources.corpora
    ]
    rows += [
        {
            "what": f"run {r.name}",
            "hash": r.meta["weights_sha256"],
            "seed": r.meta["seed"],
            "fold": r.meta["fold"],
            "versions": r.result.get("versions", {}),
        }
        for r in sources.runs
    ]
    rows += [
        {
            "what": f"scorecard of {s.name}",
            "hash": None,
            "seed": s.result["seed"],
            "fold": s.result["fold"],
            "versions": s.result.get("versions", {}),
        }
        for s in sources.scores
    ]
    rows += [
        {
            "what": f"study {s.path.name}",
            "hash": s.config.get("corpus_hash"),
            "seed": s.result["seed"],
            "fold": ", ".join(map(str, s.result["folds"])),
            "versions": s.result.get("versions", {}),
        }
        for s in sources.studies
    ]
    rows += [
        {
            "what": f"audit of {a.name}",
            "hash": a.result["corpus_hash"],
            "seed": a.result["seed"],
            "fold": None,
            "versions": a.result.get("versions", {}),
        }
        for a in sources.audits
    ]
    return rows


def _line(verb: str, *positional: object, **flags: object) -> str:
    """A command for a shell, a flag a line, so that it can be read on a phone and copied as it is."""
    lines = [" ".join(["affetti", verb, *(shlex.quote(str(value)) for value in positional)])]
    for name, value in flags.items():
        if value is not None:
            values = [] if value == "" else value if isinstance(value, list) else [value]
            shown = (f"{item:g}" if isinstance(item, float) else str(item) for item in values)
            lines.append(" ".join([f"--{name.replace('_', '-')}", *(shlex.quote(item) for item in shown)]))
    return " \\\n  ".join(lines)


def versions(rows: list[dict[str, Any]]) -> str:
    """The versions that the results were made with, each set once."""
    sets = dict.fromkeys(
        ", ".join(f"{name} {value}" for name, value in row["versions"].items()) for row in rows if row["versions"]
    )
    return "; ".join(sets)
