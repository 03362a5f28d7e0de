"""``affetti push``: a run or a corpus as a repository of the Hugging Face Hub, with its card.

It is the one verb that sends anything. It uses the login of ``huggingface_hub`` (``hf auth login``); a repository is
private unless ``public`` is set.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Literal

from affetti.corpus import Corpus, exchange
from affetti.corpus.licence import obligations
from affetti.errors import InputError, MissingDependencyError, StorageError, UsageError, first_line
from affetti.inference.hub import FILES
from affetti.results import BaseResult
from affetti.storage import is_file
from affetti.training import run as runs
from affetti.weights import is_shipped

LICENCE_NOT_DECLARED = "none declared"
"""What ``licence`` must be where the data declares none."""


@dataclass(frozen=True)
class PushResult(BaseResult):
    """A repository that was written."""

    verb: ClassVar[str | None] = "push"

    repository: str
    """``USER/NAME``."""
    kind: Literal["model", "dataset"]
    url: str
    licence: str
    """Of the data."""
    obligations: tuple[str, ...]
    """What follows from it, see :func:`affetti.corpus.licence.obligations`."""
    public: bool
    files: tuple[str, ...]


def run(
    repository: str,
    *,
    model: str | Path | None = None,
    corpus: str | Path | None = None,
    licence: str | None = None,
    public: bool = False,
) -> PushResult:
    """Send a run or a corpus to the Hub.

    Args:
        repository: ``USER/NAME``; it is made where it does not exist.
        model: folder of a finished run.
        corpus: folder of a corpus: its log-mels, from which sound can be made, with labels and folds.
        licence: the licence of the data as the corpus states it: to repeat it is to have read it.
        public: whether everyone may read it; an existing repository stays as it is.

    Raises:
        UsageError: not one of ``model`` and ``corpus``; no name; the licence was not repeated. The message states it.
        StorageError: the folder is missing, unfinished or has no card.
        MissingDependencyError: ``huggingface_hub`` is not installed.
        InputError: nobody is logged in, or the Hub refuses.
    """
    if (model is None) == (corpus is None):
        raise UsageError("one of --model and --corpus is needed", where="push", hint="give the folder to send")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise UsageError(f"{repository!r} is not USER/NAME", where="push", hint="name the repository, such as ada/flow")
    hub = _hub()
    if model is not None:
        if is_shipped(model):
            raise UsageError("comes with affetti: there is nothing to send", where="--model shipped", hint="give a run")
        folder = Path(model)
        stated = _licence_of_run(folder)
        _require_licence(stated, licence)
        return _send(hub, folder, FILES, repository, "model", stated, public)
    opened = Corpus.open(str(corpus))
    stated = str(opened.meta["licence"])
    _require_licence(stated, licence)
    with tempfile.TemporaryDirectory() as scratch:
        exported = exchange.export(opened, Path(scratch) / "corpus")
        files = sorted(str(path.relative_to(exported)) for path in exported.rglob("*") if path.is_file())
        return _send(hub, exported, files, repository, "dataset", stated, public)


def _licence_of_run(folder: Path) -> str:
    meta = runs.load(folder).meta  # and its weights are whole
    absent = [name for name in FILES if not is_file(folder / name)]
    if absent:
        raise StorageError(f"{absent[0]} is missing", where=folder, hint="train it again: the card goes with the model")
    return meta.corpus.licence or ""


def _require_licence(stated: str, repeated: str | None) -> None:
    expected = stated.strip() or LICENCE_NOT_DECLARED
    if (repeated or "").strip() != expected:
        follows = "; ".join(obligations(stated)) or "it asks for nothing"
        raise UsageError(
            f"the licence of the data is {expected!r} ({follows})",
            where="push",
            hint=f"if it permits this, repeat it: --licence {expected!r}",
        )


def _hub() -> Any:
    try:
        return import_module("huggingface_hub")
    except ImportError as error:
        raise MissingDependencyError(
            f"push needs huggingface_hub ({error})", hint="install it with: pip install 'affetti[hub]'"
        ) from error


def _send(
    hub: Any,
    folder: Path,
    files: tuple[str, ...] | list[str],
    repository: str,
    kind: Literal["model", "dataset"],
    licence: str,
    public: bool,
) -> PushResult:
    api = hub.HfApi()
    try:
        api.whoami()
    except Exception as error:  # of the client and of the network beneath it, of no common root
        raise InputError(
            f"nobody is logged in, or the Hub cannot be reached ({first_line(error)})",
            where=repository,
            hint="log in with: hf auth login",
        ) from error
    try:
        url = api.create_repo(repository, repo_type=kind, private=not public, exist_ok=True)
        api.upload_folder(
            repo_id=repository,
            repo_type=kind,
            folder_path=str(folder),
            allow_patterns=list(files),
            commit_message="affetti push",
        )
        if kind == "model":  # the Hub shows README.md
            api.upload_file(
                path_or_fileobj=str(folder / "MODEL_CARD.md"),
                path_in_repo="README.md",
                repo_id=repository,
                repo_type=kind,
            )
    except Exception as error:
        raise InputError(
            f"the Hub refuses ({first_line(error)})", where=repository, hint="check the name and your rights there"
        ) from error
    return PushResult(repository, kind, str(url), licence, obligations(licence), public, tuple(files))
