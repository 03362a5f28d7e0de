"""Several runs at once, a process and a share of the cores each.

Ctrl-C reaches the children through the parent: each files a checkpoint, and the same call goes on from there.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from dataclasses import dataclass, field
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any

from affetti.errors import AffettiError, TrainingError
from affetti.progress import Progress, silent


@dataclass(frozen=True)
class RunSpec:
    """One run to be trained: the arguments of :func:`affetti.training.fit.fit_run`."""

    kind: str
    corpus: Path
    fold: int
    out: Path
    seed: int = 0
    options: dict[str, Any] = field(default_factory=dict)


def train_runs(specs: list[RunSpec], workers: int, progress: Progress = silent) -> list[dict[str, Any]]:
    """Train all ``specs`` and return their results in order; finished ones are not trained again.

    Raises:
        AffettiError: what a run raised; the others file a checkpoint and stop.
        TrainingError: a process died.
        KeyboardInterrupt: asked to stop; checkpoints have been filed.
    """
    if workers <= 1 or len(specs) <= 1:
        return [_train(spec, progress, threads=None) for spec in specs]
    context = get_context("spawn")
    messages: Any = context.Queue()
    results: dict[int, dict[str, Any]] = {}
    waiting = list(enumerate(specs))
    running: dict[int, Any] = {}
    threads = max(1, workers // len(specs))
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                number, spec = waiting.pop(0)
                running[number] = context.Process(target=_child, args=(number, spec, threads, messages))
                running[number].start()
            try:
                number, kind, content = messages.get(timeout=0.5)
            except queue.Empty:
                dead = [n for n, process in running.items() if process.exitcode not in (None, 0)]
                if dead:
                    raise TrainingError(
                        f"training {specs[dead[0]].kind} died (exit code {running[dead[0]].exitcode})",
                        where=specs[dead[0]].out,
                        hint="run the same command again: it goes on from the last checkpoint",
                    ) from None
                continue
            if kind == "progress":
                progress(*content)
            elif kind == "error":
                raise content
            else:
                results[number] = content
                running.pop(number).join()
    finally:
        # Ctrl-C, or another run's error: let each child file its checkpoint.
        for process in running.values():
            process.terminate()
        for process in running.values():
            process.join()
    return [results[number] for number in range(len(specs))]


def _train(spec: RunSpec, progress: Progress, threads: int | None) -> dict[str, Any]:
    import torch

    from affetti.corpus import Corpus
    from affetti.training.fit import fit_run

    if threads is not None:
        torch.set_num_threads(threads)
    corpus = Corpus.open(spec.corpus)
    return fit_run(spec.kind, corpus, spec.fold, spec.out, seed=spec.seed, progress=progress, **spec.options)


def _child(number: int, spec: RunSpec, threads: int, messages: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    try:
        result = _train(spec, lambda *told: messages.put((number, "progress", told)), threads)
    except KeyboardInterrupt:
        sys.exit(130)  # not 0: a parent that did not ask for this would wait for the result
    except AffettiError as error:
        messages.put((number, "error", error))
        return
    messages.put((number, "result", result))


def _stop_with_parent() -> None:
    # A parent that is killed ends no child: they would train on, beside those of the same command's next call.
    if (parent := parent_process()) is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
