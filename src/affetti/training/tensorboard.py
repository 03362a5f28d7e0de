"""A run's log for TensorBoard: ``metrics.jsonl`` once more, in the format that its viewer reads.

When a run is resumed, its earlier lines are written again from its log, so that no step is missing or repeated.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from affetti.errors import MissingDependencyError

Line = dict[str, float]


def require_tensorboard() -> None:
    """See that TensorBoard's format can be written here.

    Raises:
        MissingDependencyError: it is not installed.
    """
    if find_spec("tensorboard") is None and find_spec("tensorboardX") is None:
        raise MissingDependencyError(
            "tensorboard is not installed", where="--tensorboard", hint="run: pip install 'affetti[tensorboard]'"
        )


def tensorboard_writer(run: Path, before: Sequence[Line]) -> Callable[[Line], None]:
    """What writes a line of the log into ``run/tensorboard``.

    Args:
        run: the run folder.
        before: lines of earlier sessions, which are written first.

    Raises:
        MissingDependencyError: tensorboard is not installed.
    """
    require_tensorboard()
    from lightning_fabric.loggers.tensorboard import TensorBoardLogger

    folder = run / "tensorboard"
    shutil.rmtree(folder, ignore_errors=True)
    logger = TensorBoardLogger(root_dir=folder, name="", version="")

    def write(line: Line) -> None:
        logger.log_metrics({key: value for key, value in line.items() if key != "step"}, step=int(line["step"]))
        logger.save()

    for line in before:
        write(line)
    return write
