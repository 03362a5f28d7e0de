from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affetti.corpus import Corpus

Affetti = Callable[..., Any]


def test_a_synthetic_corpus_is_made_and_printed(
    affetti: Affetti, run_of: Callable[[str], Path], tmp_path: Path
) -> None:
    out = tmp_path / "made"
    generate = ("generate", "--model", run_of("flow"), "--n", 3, "--out", out, "--emotions", "sad", "--workers", 1)
    ran = affetti(*generate)
    assert ran.code == 0
    assert ran.out.startswith(f"3 clips by flow in {out}\nnext: affetti score")
    corpus = Corpus.open(out)
    np.testing.assert_allclose(corpus.labels, [[-0.6, -0.4]] * 3)
    document = json.loads(affetti(*generate, "--json").out)
    assert document["clips"] == 3
    assert document["content_hash"] == corpus.hash


def test_requested_conditions_are_saved_with_the_clips(
    affetti: Affetti, run_of: Callable[[str], Path], tmp_path: Path
) -> None:
    conditions = (
        "--mode",
        "minor",
        "--genre",
        "jazz",
        "--section",
        "chorus",
        "--instruments",
        "bass,drums",
        "--position",
        0.5,
    )
    requested = (
        *conditions,
        "--lyrics",
        "grey rain / cold night",
        "--dial",
        "guidance=2",
        "--emotions",
        "sad",
        "--audio",
    )
    ran = affetti(
        "generate", "--model", run_of("flow"), "--n", 2, "--out", tmp_path / "made", *requested, "--workers", 1
    )
    assert ran.code == 0, ran.err
    corpus = Corpus.open(tmp_path / "made")
    row = corpus.clips.iloc[0]
    assert (row["mode"], row["genre"], row["section"], row["instruments"]) == ("minor", "jazz", "chorus", "bass|drums")
    assert row["lyrics"] == "grey rain\ncold night"
    provenance = corpus.meta["provenance"]
    assert provenance["sampling"] == {"guidance": 2.0}
    assert provenance["conditions"]["instruments"] == ["bass", "drums"]
    assert (tmp_path / "made/audio/flow-000001.flac").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--n", "0"], "--n: 0 clips"),
        (["--n", "2", "--emotions", "hapy"], "Did you mean happy?"),
        (["--n", "2", "--emotions", "2,0"], "valence 2 lies outside"),
        (["--n", "2", "--emotions", "nowhere.csv"], "nowhere.csv: no such file"),
        (["--n", "2", "--batch-size", "0"], "--batch-size: a batch of 0"),
        (["--n", "2", "--device", "gpu"], "unknown device"),
        (["--n", "2", "--genre", "polka"], "unknown genre 'polka'. It knows"),
        (["--n", "2", "--section", "chours"], "Did you mean chorus?"),
        (["--n", "2", "--instruments", "piano,kazoo"], "unknown instruments 'kazoo'"),
        (["--n", "2", "--position", "1.5"], "--position: position 1.5"),
        (["--n", "2", "--sampling", "guidanze=2"], "no sampling parameter 'guidanze'. Choose from steps, guide"),
        (["--n", "2", "--sampling", "guidance=much"], "'guidance=much' is not a sampling parameter"),
        (["--n", "2", "--dial", "guide=-1"], "guide -1 is invalid"),
        (["--n", "2", "--filter", "nowhere"], "nowhere: no such corpus"),
        (["--n", "2", "--vocoder", "nowhere"], "nowhere"),
    ],
)
def test_invalid_input_is_refused(
    affetti: Affetti, run_of: Callable[[str], Path], tmp_path: Path, arguments: list[str], says: str
) -> None:
    ran = affetti("generate", "--model", run_of("flow"), "--out", tmp_path / "made", *arguments)
    assert ran.code == 2
    assert says in ran.complaint
    assert not (tmp_path / "made").exists()


def test_a_regressor_is_refused(affetti: Affetti, run_of: Callable[[str], Path], tmp_path: Path) -> None:
    ran = affetti("generate", "--model", run_of("baseline"), "--n", 2, "--out", tmp_path / "made")
    assert ran.code == 2
    assert "a baseline does not generate. Give a run of gan" in ran.complaint
