"""Reading a trained regressor as the teacher of a student."""

from __future__ import annotations

from pathlib import Path

from affetti.corpus import Corpus, splits
from affetti.errors import MismatchError, UsageError
from affetti.models.regressors.base import NeuralRegressor
from affetti.training import run as runs
from affetti.training.registry import FAMILIES, family


def load_teacher(kind: str, path: Path, corpus: Corpus, test_songs: list[str]) -> NeuralRegressor:
    """The network of the run ``path``, as a teacher of a model of family ``kind`` on clips of ``corpus``.

    Args:
        kind: the family that is to learn from it.
        path: run folder of the teacher.
        corpus: what the student is trained on.
        test_songs: songs that the student will be tested on.

    Raises:
        UsageError: ``kind`` learns from no teacher, or the run is not a network that predicts emotion.
        MismatchError: it takes another front-end, or was trained on songs that the student will be tested on.
    """
    if not family(kind).learns_from_teacher:
        students = " or ".join(name for name, other in FAMILIES.items() if other.learns_from_teacher)
        raise UsageError(f"a {kind} has no teacher", where="--teacher", hint=f"leave it out, or train a {students}")
    trained = runs.load(path, flag="--teacher")
    if not isinstance(trained.model, NeuralRegressor):
        raise UsageError(f"a {trained.kind} teaches no student", where="--teacher", hint="give a run of vit or student")
    if trained.front_end.hash != corpus.front_end.hash:
        raise MismatchError(
            f"takes log-mels of front-end {trained.front_end.hash}, these are {corpus.front_end.hash}",
            where=path,
            hint="train the teacher on this corpus",
        )
    splits.require_held_out(test_songs, trained.songs, path)
    return trained.model
