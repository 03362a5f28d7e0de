"""A Ray cluster of three nodes on this machine, of which one is killed in the middle of a command."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.execution.test_same_bytes import STUDY, alike, without_times
from tests.material import corpus, run_of, sha

from affetti import api
from affetti.corpus import Corpus, build
from affetti.execution import RayEngine
from affetti.inference import generation

ray: Any = pytest.importorskip("ray")
pytestmark = pytest.mark.filterwarnings("ignore::Warning")  # of Ray and its processes
STORE = {"object_store_memory": 80 * 1024**2}

__all__ = ["corpus", "run_of"]


class Nodes:
    """The cluster, and the nodes of it that may be killed."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        self.cluster: Any = Cluster(
            initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False, **STORE}
        )
        self.doomed: list[Any] = []
        self.killed: list[str] = []

    @property
    def engine(self) -> RayEngine:
        return RayEngine(address=self.cluster.address)

    def kill_at(self, stage: str) -> Callable[[str, int, int], None]:
        """A receiver of progress that kills a node when the first part of ``stage`` is done, and nodes to be killed."""
        self.doomed += [self.cluster.add_node(num_cpus=1, **STORE) for _ in range(2 - len(self.doomed))]

        def progress(at: str, done: int, total: int) -> None:
            if at.startswith(stage) and 0 < done < total and stage not in self.killed:
                self.killed.append(stage)
                self.cluster.remove_node(self.doomed.pop(), allow_graceful=False)

        return progress

    def require_killed(self, *stages: str) -> None:
        """Skip where no node was killed: all parts of the stages ended at once."""
        if not set(stages) & set(self.killed):
            pytest.skip(f"{' and '.join(stages)} ended before a node could be killed")


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    nodes = Nodes()
    yield nodes
    ray.shutdown()
    nodes.cluster.shutdown()


def test_a_killed_node_leaves_the_corpus_that_prepare_makes_as_it_is(
    tmp_path: Path, nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "CHUNK", 1)
    one = api.prepare.run("composed", tmp_path / "one", clips=64, workers=1)
    progress = nodes.kill_at("prepare")
    two = api.prepare.run("composed", tmp_path / "two", clips=64, engine=nodes.engine, progress=progress)
    assert two.content_hash == one.content_hash
    nodes.require_killed("prepare")


def test_a_killed_node_leaves_the_clips_that_generate_makes_as_they_are(
    tmp_path: Path, nodes: Nodes, run_of: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation, "SHARD_CLIPS", 4)
    model = run_of("flow")
    one = api.generate.run(model, 32, tmp_path / "one", workers=1)
    progress = nodes.kill_at("generate")
    two = api.generate.run(model, 32, tmp_path / "two", engine=nodes.engine, progress=progress)
    assert two.content_hash == one.content_hash
    nodes.require_killed("generate")


def test_a_killed_node_leaves_generators_and_numbers_of_a_study_as_they_are(
    tmp_path: Path, nodes: Nodes, corpus: Corpus, run_of: Callable[[str], Path]
) -> None:
    def study(name: str, **where: Any) -> tuple[Any, list[str]]:
        result = api.compare.run(corpus.path, tmp_path / name, **STUDY, models=[run_of("flow")], **where)
        made = sorted((tmp_path / name / "runs").glob("*/model.safetensors"))
        return without_times(result.to_dict(), tmp_path / name), [sha(path) for path in made]

    one = study("one", workers=1)
    training, trials = nodes.kill_at("train flow"), nodes.kill_at("compare")

    def progress(*step: Any) -> None:
        training(*step)
        trials(*step)

    two = study("two", engine=nodes.engine, progress=progress)
    assert alike(two[0], one[0])
    assert two[1] == one[1]
    nodes.require_killed("train flow", "compare")
