"""What a command makes has the same bytes whatever the engine and the number of workers."""

from __future__ import annotations

import gc
import math
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile
from tests.conftest import RATE, music
from tests.material import corpus, run_of, sha

from affetti import api
from affetti.corpus import Corpus, build
from affetti.embedders.recordings import decode_folder
from affetti.execution import Engine, LocalEngine, RayEngine, SlurmEngine, executor
from affetti.inference import generation
from affetti.presets import front_end

ray: Any = pytest.importorskip("ray")
pytest.importorskip("submitit")
pytestmark = pytest.mark.filterwarnings("ignore::Warning")  # of Ray, submitit and their processes
ENGINES: tuple[tuple[Engine, int], ...] = ((LocalEngine(), 2), (RayEngine(), 2), (SlurmEngine(cluster="local"), 2))

__all__ = ["corpus", "run_of"]


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    ray.init("local", num_cpus=2, object_store_memory=100 * 1024**2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()
    with warnings.catch_warnings():  # submitit's jobs in this process leave their logs open until they are collected
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


STUDY: dict[str, Any] = {"arms": ["flow:beta=9-aligned"], "seeds": 1, "steps": 1, "batch_size": 8}
"""A study that trains a generator of its own, from one that is given, and few regressors."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C after the first range."""


def interrupt(_stage: str, done: int, total: int) -> None:
    if 0 < done < total:
        raise Interrupted


def test_prepare_has_one_hash_on_all_engines_also_where_another_engine_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "CHUNK", 1)
    one = api.prepare.run("composed", tmp_path / "one", clips=24, workers=1).content_hash
    for number, (engine, workers) in enumerate(ENGINES[1:]):
        out = tmp_path / str(number)
        with pytest.raises(Interrupted):
            api.prepare.run("composed", out, clips=24, workers=1, engine=engine, progress=interrupt)
        assert list((out / ".work").glob("*.json"))
        other = ENGINES[1 - number]
        result = api.prepare.run("composed", out, clips=24, workers=workers, engine=other[0])
        assert result.content_hash == one


def test_generate_has_one_hash_on_all_engines(
    tmp_path: Path, run_of: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation, "SHARD_CLIPS", 8)
    model = os.path.relpath(run_of("flow"), tmp_path)
    monkeypatch.chdir(tmp_path)
    hashes = {
        api.generate.run(model, 20, f"{engine.name}-{workers}", workers=workers, engine=engine).content_hash
        for engine, workers in (*ENGINES[1:], (LocalEngine(), 1))
    }
    assert len(hashes) == 1


def test_predictions_and_folders_of_audio_are_the_same_on_all_engines(
    tmp_path: Path, run_of: Callable[[str], Path]
) -> None:
    for number in range(9):
        soundfile.write(tmp_path / f"song{number}.wav", music(number, 6.5), RATE)
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    alone = api.predict.run(run_of("student"), tmp_path)
    assert sum(it.error is not None for it in alone) == 1
    decoded = decode_folder(tmp_path, front_end("tiny"))
    for engine, workers in (ENGINES[1], (SlurmEngine(cluster="debug"), 2)):
        assert api.predict.run(run_of("student"), tmp_path, engine=engine, workers=workers) == alone
        again = decode_folder(tmp_path, front_end("tiny"), executor=executor(engine, workers))
        assert again.files == decoded.files
        assert (again.mel == decoded.mel).all()


def test_a_scorecard_of_folders_is_the_same_on_all_engines(tmp_path: Path) -> None:
    for folder, first in (("real", 0), ("fake", 20)):
        (tmp_path / folder).mkdir()
        for number in range(9):
            soundfile.write(tmp_path / folder / f"song{number}.wav", music(first + number, 6.5), RATE)
    cards = [
        without_times(
            api.score.run(tmp_path / "real", tmp_path / "fake", preset="tiny", engine=engine, workers=workers).to_dict()
        )
        for engine, workers in (*ENGINES, (LocalEngine(), 1))
    ]
    assert all(alike(card, cards[0]) for card in cards)


def test_a_study_and_its_generators_have_the_same_bytes_on_all_engines(
    tmp_path: Path, corpus: Corpus, run_of: Callable[[str], Path]
) -> None:
    results: list[Any] = []
    weights: set[str] = set()
    for engine, workers in (*ENGINES[1:], (LocalEngine(), 1)):
        out = tmp_path / f"{engine.name}-{workers}"
        study = api.compare.run(corpus.path, out, **STUDY, models=[run_of("flow")], engine=engine, workers=workers)
        results.append(without_times(study.to_dict(), out))
        weights |= {sha(path) for path in (out / "runs").glob("*/model.safetensors")}
    assert all(alike(result, results[0]) for result in results)
    assert len(weights) == 1


def test_an_audit_is_the_same_on_all_engines(tmp_path: Path, corpus: Corpus) -> None:
    results = [
        without_times(
            api.audit.run(
                corpus.path,
                tmp_path / f"{engine.name}-{workers}",
                only=["structure", "variance"],
                quick=True,
                engine=engine,
                workers=workers,
            ).to_dict()
        )
        for engine, workers in (*ENGINES[1:], (LocalEngine(), 1))
    ]
    assert all(alike(result, results[0]) for result in results)


def alike(one: Any, other: Any) -> bool:
    """Whether two documents are equal, numbers within rounding: sums of BLAS depend on its number of threads."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-8, abs_tol=1e-8)
    return bool(one == other)


def without_times(document: Any, out: Path | None = None) -> Any:
    """A document of a result without what the clock wrote, and without the name of the folder ``out``."""
    if isinstance(document, dict):
        return {key: without_times(value, out) for key, value in document.items() if "seconds" not in key}
    if isinstance(document, list | tuple):
        return [without_times(value, out) for value in document]
    return document.replace(str(out), "") if isinstance(document, str) else document
