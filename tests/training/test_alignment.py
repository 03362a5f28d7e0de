from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.conftest import Ran
from tests.material import present, sha
from tests.training.conftest import corpus, run_of
from torch import nn

from affetti import api
from affetti.corpus import Corpus
from affetti.errors import MismatchError, StorageError, UsageError
from affetti.training import alignment
from affetti.training import run as runs
from affetti.training.alignment import choose_beta
from affetti.training.clips import Clips
from affetti.training.result import TrainResult
from affetti.training.train import TrainSettings, train_run

__all__ = ["corpus", "run_of"]


class Monitor:
    """Coverage that depends on the weights alone; the corpora here have too few validation songs for a real one."""

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        total = sum(float(value.detach().double().abs().sum()) for value in model.parameters())
        return {"coverage": total % 1.0}


def monitor(*arguments: object) -> Monitor:  # noqa: ARG001
    return Monitor()


@pytest.fixture(autouse=True)
def _two_betas_and_a_monitor(monkeypatch: pytest.MonkeyPatch, run_of: Callable[[str], Path]) -> None:
    for kind in ("flow", "gan"):
        run_of(kind)  # trained before: it is shared with other tests
    monkeypatch.setattr(alignment, "BETAS", (100.0, 2_000.0))
    monkeypatch.setattr("affetti.training.train.generator_monitor", monitor)


@pytest.fixture
def flow_run(run_of: Callable[[str], Path]) -> Path:
    return run_of("flow")


def test_an_aligned_flow_is_a_run_of_the_same_flow_with_other_weights(
    tmp_path: Path, corpus: Corpus, flow_run: Path
) -> None:
    settings = TrainSettings(align=flow_run, batch_size=8)
    result = train_run("flow", corpus, 0, tmp_path / "aligned", settings)
    before, after = runs.load(flow_run), runs.load(tmp_path / "aligned")
    assert result.steps == 12  # half of the flow's 24
    assert after.meta.aligned_from == before.meta.weights_sha256
    assert after.meta.config == before.meta.config
    assert after.meta.songs == before.meta.songs
    state = before.model.state_dict()
    changed = {
        key for key, value in after.model.state_dict().items() if not torch.allclose(value, state[key], equal_nan=True)
    }
    assert changed
    assert all(key.startswith(("net.", "condition.")) for key in changed)
    alignment = present(result.alignment)
    assert alignment.beta in (100.0, 2_000.0)
    assert set(alignment.coverage) == {"100", "2000"}
    assert 0 <= present(alignment.coverage_before) <= 1
    assert TrainResult.open(tmp_path / "aligned") == result
    chosen = tmp_path / "aligned" / f"beta-{alignment.beta:g}" / "metrics.jsonl"
    assert (tmp_path / "aligned/metrics.jsonl").read_text() == chosen.read_text()
    assert "preferred" in chosen.read_text()
    made = api.generate.run(tmp_path / "aligned", 4, tmp_path / "clips", workers=1)
    assert made.clips == 4


@pytest.mark.parametrize("beta", [None, 500.0])
def test_an_alignment_cut_in_the_middle_equals_the_unbroken_one(
    tmp_path: Path, corpus: Corpus, flow_run: Path, monkeypatch: pytest.MonkeyPatch, beta: float | None
) -> None:
    options: dict[str, Any] = {"steps": 3, "batch_size": 4, "checkpoint_every": 1, "align": flow_run, "beta": beta}
    whole = train_run("flow", corpus, 0, tmp_path / "whole", TrainSettings(**options))
    assert (present(whole.alignment).beta == beta) or beta is None
    assert (tmp_path / "whole/beta-100").is_dir() == (beta is None)
    batch = Clips.batch

    def fail(self: Clips, size: int, seed: int, step: int) -> Any:
        if step == 2:
            raise OSError("power cut")
        return batch(self, size, seed, step)

    monkeypatch.setattr(Clips, "batch", fail)
    with pytest.raises(OSError, match="power cut"):
        train_run("flow", corpus, 0, tmp_path / "cut", TrainSettings(**options))
    monkeypatch.setattr(Clips, "batch", batch)
    train_run("flow", corpus, 0, tmp_path / "cut", TrainSettings(**options))
    assert sha(tmp_path / "cut/model.safetensors") == sha(tmp_path / "whole/model.safetensors")


def test_the_largest_beta_of_those_with_the_best_coverage_is_chosen() -> None:
    assert choose_beta({100.0: 0.5, 500.0: 0.8, 2_000.0: 0.6}) == 500
    assert choose_beta({100.0: 0.5, 500.0: 0.5, 2_000.0: 0.49}) == 2_000
    assert choose_beta({100.0: None}) == 100


def test_runs_that_cannot_be_aligned_are_refused(
    tmp_path: Path, corpus: Corpus, run_of: Callable[[str], Path], flow_run: Path
) -> None:
    def refused(kind: str = "flow", fold: int = 0, **settings: Any) -> None:
        given: dict[str, Any] = {"align": flow_run} | settings
        train_run(kind, corpus, fold, tmp_path / "out", TrainSettings(**given))

    with pytest.raises(UsageError, match=r"a gan cannot be aligned.*Leave it out, or train a flow"):
        refused("gan")
    with pytest.raises(UsageError, match=r"a student cannot be aligned"):
        refused("student")
    with pytest.raises(UsageError, match=r"a run of gan, not of flow"):
        refused(align=run_of("gan"))
    with pytest.raises(MismatchError, match=r"was trained on fold 0 of .*, other clips than fold 1's"):
        refused(fold=1)
    with pytest.raises(StorageError, match=r"--align .*nowhere: no such folder"):
        refused(align=tmp_path / "nowhere")
    with pytest.raises(UsageError, match=r"components is 8 in .*, not 4"):
        refused(model={"components": 4})
    with pytest.raises(UsageError, match=r"'bert' is another embedder of lyrics"):
        refused(text="bert")
    for beta in (0.0, -1.0, float("nan")):
        with pytest.raises(UsageError, match="Give a positive number"):
            refused(beta=beta)
    with pytest.raises(UsageError, match=r"beta 5 without a run to align"):
        refused(align=None, beta=5.0)
    assert not (tmp_path / "out").exists()


def test_an_aligned_run_is_not_aligned_again_and_one_of_other_songs_is_refused(
    tmp_path: Path, corpus: Corpus, flow_run: Path
) -> None:
    options: dict[str, Any] = {"steps": 1, "batch_size": 4, "beta": 10.0}
    train_run("flow", corpus, 0, tmp_path / "once", TrainSettings(align=flow_run, **options))
    with pytest.raises(UsageError, match="is aligned already"):
        train_run("flow", corpus, 0, tmp_path / "twice", TrainSettings(align=tmp_path / "once", **options))
    other = tmp_path / "corpus"
    api.prepare.run("composed", other, clips=48, folds=2, seed=9, workers=1)
    with pytest.raises(MismatchError, match=r"other clips than fold 0's"):
        train_run("flow", Corpus.open(other), 0, tmp_path / "other", TrainSettings(align=flow_run, **options))


def test_the_command_aligns_plans_and_says_what_it_did(
    tmp_path: Path, corpus: Corpus, flow_run: Path, affetti: Callable[..., Ran]
) -> None:
    command = ("train", "flow", "--corpus", corpus.path, "--align", flow_run, "--out", tmp_path / "aligned")
    planned = affetti(*command, "--dry-run", "--json", "--steps", 2, "--batch-size", 4)
    assert planned.code == 0, planned.err
    assert json.loads(planned.out)["steps"] == 2
    assert not (tmp_path / "aligned").exists()
    ran = affetti(*command, "--steps", 2, "--batch-size", 4)
    assert ran.code == 0, ran.err
    assert "aligned from" in ran.out
    assert "before" in ran.out
    again = affetti(*command, "--steps", 2, "--batch-size", 4, "--json")
    assert set(json.loads(again.out)["alignment"]) == {"run", "beta", "coverage", "coverage_before", "seconds"}
    assert affetti("train", "flow", "--config", tmp_path / "aligned/config.json", "--out", tmp_path / "b").code == 0
    assert sha(tmp_path / "b/model.safetensors") == sha(tmp_path / "aligned/model.safetensors")
    assert "Aligned from" in (tmp_path / "aligned/MODEL_CARD.md").read_text()
    bad = affetti(*command[:-1], tmp_path / "c", "--beta", "much")
    assert bad.code == 2
    moved = tmp_path / "moved"
    shutil.copytree(flow_run, moved)
    command = ("train", "flow", "--corpus", corpus.path, "--align", moved, "--out", tmp_path / "aligned")
    assert affetti(*command, "--steps", 2, "--batch-size", 4).code == 0  # the run to be aligned may have moved


def no_monitor(*arguments: object) -> None:
    """Too few validation clips."""


def test_without_enough_validation_songs_beta_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, corpus: Corpus, flow_run: Path
) -> None:
    monkeypatch.setattr("affetti.training.train.generator_monitor", no_monitor)
    result = train_run("flow", corpus, 0, tmp_path / "a", TrainSettings(align=flow_run, steps=1, batch_size=4))
    made = present(result.alignment)
    assert (made.beta, made.coverage, made.coverage_before) == (alignment.DEFAULT_BETA, {}, None)
