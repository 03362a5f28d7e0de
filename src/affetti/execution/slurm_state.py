"""What SLURM says of jobs: which are in its queue, and how one ended.

It is asked by ``squeue`` and ``scontrol``, which every site has; submitit asks ``sacct``, which needs a database of
accounts that small sites do not have. When not to use: to wait for a result, which is a file.
"""

from __future__ import annotations

import os
import re
import subprocess

JOB_NAME = "affetti"
"""What array jobs are called."""


def queued_jobs() -> set[str] | None:
    """The array tasks of this user's jobs of affetti that wait or run, such as ``71_0``; None where that is not known.

    A job that is not an array is called by its number alone.
    """
    mine = ["--user", str(os.getuid()), "--name", JOB_NAME]
    text = _output(["squeue", "--noheader", "--array", "--format", "%i", *mine])
    return None if text is None else set(text.split())


def job_state(job_id: str) -> str | None:
    """How a job ended, such as ``TIMEOUT`` or ``NODE_FAIL``; None where SLURM has forgotten it."""
    text = _output(["scontrol", "--oneliner", "show", "job", job_id])
    state = None if text is None else re.search(r"\bJobState=(\w+)", text)
    return None if state is None else state[1]


def _output(command: list[str]) -> str | None:
    """What a command prints; None where it fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
