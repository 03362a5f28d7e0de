from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.material import mels

from affetti.corpus import Corpus

Affetti = Callable[..., Any]


@pytest.fixture
def arrays(tmp_path: Path) -> tuple[Path, Path]:
    for name, seed in (("real", 0), ("fake", 1)):
        np.save(tmp_path / f"{name}.npy", mels(20, (16, 64), seed).numpy())
        (tmp_path / f"{name}.txt").write_text("\n".join(f"song{i // 2}" for i in range(20)))
    return tmp_path / "real.npy", tmp_path / "fake.npy"


def test_arrays_are_scored_with_and_without_song_ids(affetti: Affetti, arrays: tuple[Path, Path]) -> None:
    document = json.loads(affetti("score", *arrays, "--json").out)
    assert document["songs"] == {"real": 20, "fake": 20}
    groups = [path.with_suffix(".txt") for path in arrays]
    document = json.loads(affetti("score", *arrays, "--groups", *groups, "--json").out)
    assert document["songs"] == {"real": 10, "fake": 10}


def test_a_scorecard_is_told_and_filed(
    affetti: Affetti, corpus: Corpus, made: Callable[..., Path], run_of: Callable[[str], Path], tmp_path: Path
) -> None:
    ran = affetti(
        "score", corpus.path, made("flow"), "--fold", 0, "--regressor", run_of("baseline"), "--out", tmp_path / "score"
    )
    assert ran.code == 0
    for word in ("quality", "frechet", "vendi", "arousal: slope", "memorisation: no sign of copying"):
        assert word in ran.out
    filed = json.loads((tmp_path / "score/result.json").read_text())
    assert f"quality {filed['quality']['score']:.1f} of 100" in ran.out


def test_what_cannot_be_scored_is_refused(
    affetti: Affetti, arrays: tuple[Path, Path], corpus: Corpus, made: Callable[..., Path]
) -> None:
    arrays[0].with_suffix(".txt").write_text("one\n")
    for arguments, says in (
        ([*arrays, "--groups", arrays[0].with_suffix(".txt")], "1 song ids for 20 rows"),
        ([made("flow"), corpus.path], "holds synthetic clips"),
        ([corpus.path, made("flow"), "--fold", 1], "of the test songs"),
        ([*arrays, "--fold", 0], "only a corpus has folds"),
        ([*arrays, "--seed", "-1"], "seed -1 is negative"),
        ([arrays[0], made("flow")], "log-mels of shape"),
    ):
        ran = affetti("score", *arguments)
        assert ran.code == 2, says
        assert says in ran.complaint
        assert ran.out == ""
