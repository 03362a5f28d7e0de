"""The suite may be started in the background, where a shell has it ignore SIGINT."""

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_a_process_started_by_the_suite_answers_to_ctrl_c_even_in_the_background() -> None:
    shown = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler, flush=True)"
    child = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import conftest, subprocess, sys; {shown}; subprocess.run([sys.executable, '-c', {shown!r}])",
        ],
        cwd=ROOT / "tests",
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT), str(ROOT / "tests")])},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        capture_output=True,
        text=True,
        check=True,
    )
    assert child.stdout.split() == ["True", "True"]
