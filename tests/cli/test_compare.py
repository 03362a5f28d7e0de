from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from affetti.corpus import Corpus

Affetti = Callable[..., Any]


def test_a_study_is_run_and_told(
    affetti: Affetti, corpus: Corpus, run_of: Callable[[str], Path], tmp_path: Path
) -> None:
    compare = ("compare", "--corpus", corpus.path, "--out", tmp_path / "study", "--models", run_of("flow"))
    compare += ("--arms", "flow", "--seeds", 1, "--steps", 1, "--batch-size", 8, "--workers", 1)
    ran = affetti(*compare)
    assert ran.code == 0, ran.err
    assert "tested on 80 real clips of 10 songs never seen, 1 seeds, folds [0]" in ran.out
    document = json.loads(affetti(*compare, "--json").out)
    assert [row["name"] for row in document["arms"]] == ["real", "real-longer", "flow"]
    for row in document["arms"]:
        assert f"{row['ccc']:.3f}" in ran.out
        assert row["verdict"] in ran.out
    assert document["test"]["synthetic"] == 0


def test_an_unknown_arm_is_refused(affetti: Affetti, corpus: Corpus, tmp_path: Path) -> None:
    ran = affetti("compare", "--corpus", corpus.path, "--out", tmp_path / "study", "--arms", "flwo")
    assert ran.code == 2
    assert "unknown arm 'flwo'" in ran.complaint
    assert not (tmp_path / "study").exists()
