import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from affetti import api


@dataclass(frozen=True)
class Folders:
    corpus: Path
    flow: Path
    student: Path
    baseline: Path
    synthetic: Path
    score: Path
    study: Path

    @property
    def all(self) -> list[Path]:
        return [self.corpus, self.flow, self.student, self.baseline, self.score, self.study]


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """A corpus, a generator, two regressors, a scorecard and a study, all as small as they get."""
    root = tmp_path_factory.mktemp("page")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # threads wait for each other on a busy machine
    made = Folders(*(root / name for name in ("corpus", "flow", "student", "baseline", "synthetic", "score", "study")))
    api.prepare.run("composed", made.corpus, clips=128, folds=2, workers=1)
    for kind in ("flow", "student", "baseline"):
        api.train.run(kind, made.corpus, getattr(made, kind), steps=4, batch_size=4)
    api.generate.run(made.flow, 12, made.synthetic, emotions="matched", workers=1)
    api.score.run(made.corpus, made.synthetic, fold=0, regressor=made.baseline, out=made.score)
    api.compare.run(made.corpus, made.study, models=[made.flow], seeds=1, steps=2, batch_size=4, workers=1)
    torch.set_num_threads(threads)
    return made


@pytest.fixture
def altered(tmp_path: Path):
    """Copy a folder and rewrite one of its JSON files."""

    def alter(folder: Path, file: str, change) -> Path:
        copy = Path(tempfile.mkdtemp(dir=tmp_path)) / folder.name
        shutil.copytree(folder, copy)
        document = json.loads((copy / file).read_text(encoding="utf-8"))
        change(document)
        (copy / file).write_text(json.dumps(document), encoding="utf-8")
        return copy

    return alter
