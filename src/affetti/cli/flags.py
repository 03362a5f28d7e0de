"""Flags: a frozen dataclass a verb, read by tyro, layered over ``--config``.

A verb's dataclass holds ``None`` where a flag was not given, so that the layers can be distinguished: defaults <
``--config`` < flags. tyro's own errors become one line and exit code 2.
"""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import io
import re
import sys
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

import tyro

from affetti import config
from affetti.cli.main import VERBS
from affetti.cli.output import printing
from affetti.errors import UsageError

T = TypeVar("T")
RECORDED = ("verb", "affetti")
"""What every folder's ``config.json`` records besides its settings."""
RENAMED_FLAGS = {
    "dial": "sampling",
    "shares": "train_fractions",
    "returns": "training_steps",
    "front_end": "preset",
    "front-end": "preset",
}
"""Other names that ``--config`` files may have for settings: those of 0.1, and of a flag that is called otherwise."""
OLD_FLAGS = {
    "--preset": ("--front-end", "preset"),
    "--dial": ("--sampling", "sampling"),
    "--shares": ("--train-fractions", "train_fractions"),
    "--returns": ("--training-steps", "training_steps"),
}
"""Flags that still work and that ``--help`` does not list: their present name, and the field that it fills."""
TYRO_REWRITES = (
    (r"\bFor full helptext, (run|see).*$", ""),
    (r"^(Parsing error|Required options|Unrecognized options|Invalid \w+|Missing argument|Value error)\s*:?\s*", ""),
    (r"Error parsing (\S+): no type matching \S+ could be instantiated from \[(.*?)\].*", r"\1: \2 is invalid"),
    (r"(Perhaps you meant: \S+).*", r"\1"),
    (r",? 'None'", ""),
)
"""What is left out of tyro's messages, or said shorter."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class CommonFlags:
    """Flags that mean the same for every verb."""

    seed: int | None = None
    """Seed of all random numbers (default 0)."""
    config: Path | None = None
    """TOML or JSON file of these flags; a run's config.json too. Flags override it."""
    json: bool = False
    """Print one JSON document to stdout, nothing else."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LongFlags(CommonFlags):
    """Flags of verbs that take a while."""

    dry_run: bool = False
    """Print what would be read and written, its size and the time it takes; write nothing."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class EngineFlags:
    """Flags of verbs whose work can run elsewhere."""

    workers: int | None = None
    """Processes, or ranges at once on a cluster (default: one per core, or as many as the cluster has room for)."""
    engine: str | None = None
    """Where the work runs: local (default), processes on this machine; ray, a Ray cluster; slurm, array jobs."""
    address: str | None = None
    """With --engine ray: an existing cluster, auto, HOST:PORT or ray://HOST:PORT (default: one started for the run)."""
    resources: str | None = None
    """With --engine ray: what each range is given, such as cpus=1,gpus=0.25 (default cpus=1)."""
    slurm: str | None = None
    """With --engine slurm: options of the array jobs, such as partition=cpu,time=60,mem=4G,gres=gpu:1."""


def take_engine(settings: dict[str, Any]) -> None:
    """Replace the flags of an engine in ``settings`` by ``engine``, the engine that they name.

    Raises:
        UsageError: there is no such engine, an option is invalid, or belongs to another engine.
    """
    from affetti.execution import FLAGS, make_engine

    options = {flag: settings.pop(flag, None) for flag in FLAGS}
    settings["engine"] = make_engine(settings.get("engine") or "local", **options)


def parse(kind: type[T], arguments: list[str], verb: str) -> T:
    """Parse ``arguments`` into ``kind``; ``--help`` prints and exits 0.

    Raises:
        UsageError: the flags are invalid; the message is tyro's, on one line.
    """
    _require_paths(arguments)
    complaint = io.StringIO()
    doc = (kind.__doc__ or "").strip()
    if sys.flags.optimize > 1:  # docstrings are removed, and dataclasses put their signature in place
        doc = VERBS.get(verb, "")
    _hide_none_defaults(kind)
    arguments = [_present_name(argument, kind) for argument in arguments]
    try:
        with contextlib.redirect_stderr(complaint), printing():
            try:
                return tyro.cli(
                    kind,
                    args=arguments,
                    prog=f"affetti {verb}",
                    description=doc,
                    config=(tyro.conf.FlagCreatePairsOff,),
                )
            except SystemExit:
                sys.stdout.flush()
                raise
    except SystemExit as stop:
        if stop.code in (0, None):
            raise
        raise UsageError(_one_line(complaint.getvalue()), hint=f"see affetti {verb} --help") from None


def _present_name(argument: str, kind: type[Any]) -> str:
    """``argument`` with a flag of an older version under its present name."""
    flag, equals, value = argument.partition("=")
    present, name = OLD_FLAGS.get(flag, (flag, None))
    return f"{present}{equals}{value}" if name in kind.__dataclass_fields__ else argument


def _require_paths(arguments: list[str]) -> None:
    """Refuse the URL of a file: as a path it would be a folder ``s3:`` here.

    Raises:
        UsageError: names the first.
    """
    for before, argument in zip(["", *arguments], arguments, strict=False):
        url = re.match(r"(?:--?[\w-]+=|\w+:)?((?!https?:|ray:)[A-Za-z][\w+.-]+://.*)", argument)
        if url is not None and before != "--address":
            hint = "copy it, or mount its storage (s3fs, rclone mount), and give the path"
            raise UsageError("affetti reads and writes files by path, not by URL", where=url[1], hint=hint)


def _hide_none_defaults(kind: type[Any]) -> None:
    """Have ``--help`` leave out that a flag which may be left out is ``None`` by default, and ``None`` as its type.

    The help texts state the effective defaults.
    """
    hints = get_type_hints(kind, include_extras=True)
    for owner in kind.__mro__:
        own: dict[str, Any] = inspect.get_annotations(owner)
        for name in [name for name, hint in own.items() if isinstance(hint, str)]:  # others are annotated already
            shown = tyro.conf.arg(help_behavior_hint=_default_text, metavar=_metavar(hints[name]))
            own[name] = Annotated[hints[name], shown]
        if own:
            owner.__annotations__ = own


def _default_text(default: str) -> str:
    return "" if default in ("None", "False", "") else f"(default: {default})"


def _metavar(hint: Any) -> str | None:
    """What stands for the value of a flag that may be left out; None: as tyro has it."""
    if get_origin(hint) is Annotated:
        hint, *settings = get_args(hint)
        if any(getattr(setting, "metavar", None) is not None for setting in settings):
            return None
    arguments = get_args(hint)
    if get_origin(hint) not in (Union, UnionType) or NoneType not in arguments:
        return None
    (inner,) = (argument for argument in arguments if argument is not NoneType)
    choices = get_args(inner)
    return "{" + ",".join(map(str, choices)) + "}" if choices else inner.__name__.upper()


def _one_line(text: str) -> str:
    """What tyro framed in a box, on one line."""
    words = re.sub(r"[│╭╮╰╯─┌┐└┘]|-{4,}|\x1b\[[0-9;]*m", " ", text)
    words = " ".join(words.split())
    for pattern, instead in TYRO_REWRITES:
        words = re.sub(pattern, instead, words)
    # tyro lists choices in the order of a set, which differs from one process to the next.
    words = re.sub(r"(?<=Expected one of )\(([^()]*)\)", lambda match: f"({_sorted_choices(match[1])})", words)
    return words.strip(" .") or "wrong flags"


def _sorted_choices(text: str) -> str:
    choices = (choice.strip() for choice in text.split(","))
    return ", ".join(sorted(choice for choice in choices if choice not in ("", "'None'")))


def resolve(flags: Any, defaults: dict[str, Any], path: Path | None, known: tuple[str, ...] = ()) -> dict[str, Any]:
    """Layer ``defaults`` < the file at ``path`` < the flags that were given, as a dictionary.

    Args:
        flags: a dataclass whose ``None``, False or empty tuple means "not given".
        defaults: the values beneath.
        path: what ``--config`` named: TOML, JSON, or a run's ``config.json``.
        known: keys the file may hold besides the flags' own and :data:`RECORDED`, such as the hash of a run's corpus.

    Raises:
        UsageError: the file holds a setting that this verb does not know, or of another type.
    """
    values = {f.name: getattr(flags, f.name) for f in dataclasses.fields(flags)}
    given = {name: value for name, value in values.items() if value is not None and value is not False and value != ()}
    saved: dict[str, Any] = {}
    if path is not None:
        saved = config.read(path)
        saved = {RENAMED_FLAGS[key] if RENAMED_FLAGS.get(key) in values else key: value for key, value in saved.items()}
        recorded = {*RECORDED, *known}
        config.require_known(saved, {*values, *recorded}, path)
        saved = {key: value for key, value in saved.items() if key not in recorded and value is not None}
    merged = {name: it for name, it in (defaults | saved | given).items() if name not in ("config", "json", "dry_run")}
    checked = config.structure(merged, type(flags), path or "flags")
    return {name: getattr(checked, name) for name in merged}
