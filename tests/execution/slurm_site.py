"""A SLURM site of one machine for tests: munged, slurmctld and slurmd, configured in a temporary folder.

    python tests/execution/slurm_site.py sinfo     # runs a command at a site that ends with it

It needs Debian's slurm-wlm and munge, and root. Nothing is installed, and no service of the system is touched.
"""

from __future__ import annotations

import contextlib
import os
import platform
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "sinfo", "scancel", "scontrol")
PARTITION = "cpu"
STARTS = 3
"""How often a site is started: another process may take a port that was free."""
CONFIG = """
ClusterName=affetti
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/builtin
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=2
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName={partition} Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str | None:
    """Why there can be no site here; None where there can."""
    absent = [name for name in PROGRAMS if _program(name) is None]
    if absent:
        return f"{', '.join(absent)} not installed: apt-get install slurm-wlm munge"
    return None if os.geteuid() == 0 else "the daemons of SLURM need root"


@contextlib.contextmanager
def slurm_site() -> Generator[dict[str, str]]:
    """Start a site; yields the environment of commands that use it.

    Raises:
        RuntimeError: it cannot be started; says what its daemons logged.
    """
    for attempt in range(STARTS):
        folder = Path(tempfile.mkdtemp(prefix="slurm-"))  # in /tmp, for the path of a socket must be short
        with contextlib.ExitStack() as ending:
            ending.callback(shutil.rmtree, folder, ignore_errors=True)
            environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
            try:
                _start(folder, environment, ending)
            except RuntimeError:
                if attempt == STARTS - 1:
                    raise
                continue
            yield environment
            return


def _start(folder: Path, environment: dict[str, str], ending: contextlib.ExitStack) -> None:
    folder.chmod(0o755)
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o400)
    host = platform.node().partition(".")[0]
    controller, node = _free_ports(2)
    text = CONFIG.format(folder=folder, host=host, controller=controller, node=node, partition=PARTITION)
    (folder / "slurm.conf").write_text(text, encoding="utf-8")
    # Neither touches control groups; the second is known since Slurm 23.02 and needed where there is systemd.
    old = _version() < (23, 2)
    (folder / "cgroup.conf").write_text(f"CgroupPlugin={'cgroup/v1' if old else 'disabled'}\n", encoding="utf-8")
    names = {"socket": "munge.socket", "pid-file": "munge.pid", "log-file": "munge.log", "seed-file": "munge.seed"}
    options = [f"--{option}={folder / name}" for option, name in {**names, "key-file": key.name}.items()]
    daemons = {
        "munged": ["munged", "--foreground", "--force", "--num-threads=1", *options],
        "slurmctld": ["slurmctld", "-D"],
        "slurmd": ["slurmd", "-D", "-N", host],
    }
    running: dict[str, subprocess.Popen[bytes]] = {}
    for name, (program, *arguments) in daemons.items():
        with (folder / f"{name}.out").open("wb") as out:
            command = [str(_program(program)), *arguments]
            # In sessions of their own: the Ctrl-C of a test is not theirs.
            running[name] = subprocess.Popen(
                command, env=environment, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
            )
        ending.callback(_end, running[name])
        if name == "munged":
            _await(folder, running, (folder / "munge.socket").exists)
    ending.callback(_cancel_all, environment)
    _await(folder, running, lambda: _is_idle(environment))


def _program(name: str) -> str | None:
    """Daemons are in a folder that is not on everybody's PATH."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))


def _version() -> tuple[int, ...]:
    """Such as (22, 5)."""
    ran = subprocess.run([str(_program("slurmd")), "-V"], capture_output=True, text=True, check=True)
    return tuple(int(part) for part in ran.stdout.split()[-1].split(".")[:2])


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as open_sockets:
        sockets = [open_sockets.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _await(folder: Path, running: dict[str, subprocess.Popen[bytes]], ready: Callable[[], bool]) -> None:
    """Wait until the site is ready; a daemon that ends, or two minutes, are too much."""
    until = time.monotonic() + 120.0
    while not ready():
        ended = [name for name, process in running.items() if process.poll() is not None]
        if ended or time.monotonic() > until:
            logs = {path.name: path.read_text(errors="replace")[-2000:] for path in folder.glob("*.[lo][ou]*")}
            raise RuntimeError(f"SLURM does not start; ended: {ended}; {logs}")
        time.sleep(0.2)


def _is_idle(environment: dict[str, str]) -> bool:
    return printed(environment, "sinfo", "--noheader", "--format", "%T").split() == ["idle"]


def printed(environment: Mapping[str, str], *command: str) -> str:
    """What a command of SLURM prints."""
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout


def _cancel_all(environment: dict[str, str]) -> None:
    """End all jobs, whose processes would outlive the daemons."""
    printed(environment, "scancel", "--user", "root")
    until = time.monotonic() + 20.0
    while time.monotonic() < until:
        if not printed(environment, "squeue", "--noheader").strip():
            return
        time.sleep(0.2)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=20.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main() -> int:
    """Run the command of the arguments at a site."""
    reason = missing()
    if reason is not None:
        sys.exit(reason)
    with slurm_site() as environment:
        return subprocess.run(sys.argv[1:], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
