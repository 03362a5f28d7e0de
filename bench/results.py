"""The edition of the results: its plan, its runs, its tables, and checks of single rows.

    python bench/results.py --plan [--reduced]              every command, its hours and what it needs
    python bench/results.py --run WORK [--reduced]          go on for an hour; exit code 130: more is left
    python bench/results.py --file WORK [--reduced]         file what is done as docs/results/last.json
    python bench/results.py --check TABLE ROW --work NEW    rerun one row of docs/results/first.json from nothing
    python bench/results.py STUDY|AUDIT...                  the tables of docs/results.md

``--reduced`` runs the same commands at a size that tries them and says nothing of the question. Data sets are given by
``--vgmidi`` and ``--emopia``. After ``--file``, ``python docs/generate_results.py last`` writes sentences and pictures.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from affetti.errors import AffettiError, UsageError
from edition import SECONDS, Step, edition, hours
from edition_run import INTERRUPTED, State, run_piece
from result_check import check_row
from result_file import RESULTS, read_edition, write_edition
from result_filing import file_edition
from result_tables import print_tables

REDUCED = "REDUCED SIZE: this tries the commands; its numbers say nothing of the question"


def plan(steps: tuple[Step, ...]) -> str:
    """The plan as text: each step, its hours, what it needs and its command."""
    lines: list[str] = []
    for number, step in enumerate(steps, 1):
        inputs = [path for path in step.inputs if path.startswith("corpora/")]
        n_runs = sum(path.startswith("runs/") for path in step.inputs)
        inputs += [f"{n_runs} run{'s' * (n_runs > 1)}"] * bool(n_runs)
        inputs += [path for path in step.inputs if path.startswith("studies/")]
        needs = ", ".join([*step.needs, *inputs]) or "nothing"
        lines += [f"{number:>3}  {step.name}: {step.seconds / 3_600:.2f} h; needs {needs}", f"     {step.command}"]
    parts = dict.fromkeys(step.part for step in steps)
    sums = [f"{part} {hours(tuple(step for step in steps if step.part == part)):.1f}" for part in parts]
    lines += ["", f"{len(steps)} commands, {hours(steps):.1f} hours of one core: {', '.join(sums)}"]
    lines += ["Hours are numbers of networks and clips times the seconds that one took:"]
    lines += [f"  {what}: {seconds:g} s ({source})" for what, (seconds, source) in SECONDS.items()]
    return "\n".join(lines)


def run(steps: tuple[Step, ...], work: Path, minutes: float, pieces: int, *, reduced: bool) -> int:
    """Run pieces; 0: all is done, 130: more is left, 1: steps have failed."""
    state = State(reduced)
    for _ in range(pieces):
        state = run_piece(steps, work, 60 * minutes, reduced=reduced)
        left = [step for step in steps if step.name not in state.done]
        print(f"{len(state.done)} of {len(steps)} steps are done; about {hours(tuple(left)):.1f} hours are left")
        if not left or state.failed:
            break
    for name, last in state.failed.items():
        print(f"failed: {name}: {last}", file=sys.stderr)
    if state.failed:
        return 1
    return 0 if len(state.done) == len(steps) else INTERRUPTED


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the flags say; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, help="studies and audits whose tables are printed")
    parser.add_argument("--plan", action="store_true")
    parser.add_argument("--run", type=Path, metavar="WORK")
    parser.add_argument("--file", type=Path, metavar="WORK")
    parser.add_argument("--check", nargs=2, metavar=("TABLE", "ROW"))
    parser.add_argument("--work", type=Path, help="folder of --check")
    parser.add_argument("--edition", default="first", help="edition that --check reads (default first)")
    parser.add_argument("--reduced", action="store_true")
    parser.add_argument("--minutes", type=float, default=60.0, help="length of a piece (default 60)")
    parser.add_argument("--pieces", type=int, default=1, help="pieces to run (default 1)")
    parser.add_argument("--vgmidi", default="VGMIDI", help="folder of VGMIDI")
    parser.add_argument("--emopia", default="EMOPIA_1.0", help="folder of EMOPIA 1.0")
    flags = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the step that runs is interrupted, not left alone
    try:
        return _do(flags)
    except KeyboardInterrupt:
        print("results: interrupted; run the same command again to continue", file=sys.stderr)
        return INTERRUPTED
    except AffettiError as error:
        print(f"results: {error}", file=sys.stderr)
        return 2


def _do(flags: argparse.Namespace) -> int:
    sources = {name: str(Path(getattr(flags, name)).absolute()) for name in ("vgmidi", "emopia")}
    if flags.check:
        return _check(flags, sources)
    planned = {} if flags.plan else sources
    steps = edition(reduced=flags.reduced, **planned)
    if flags.reduced and (flags.plan or flags.run or flags.file):
        print(REDUCED)
    if flags.plan:
        print(plan(steps))
    if flags.run:
        return run(steps, flags.run, flags.minutes, flags.pieces, reduced=flags.reduced)
    if flags.file:
        state = State.read(flags.file, flags.reduced)
        path = (flags.file if flags.reduced else RESULTS) / "last.json"
        write_edition(file_edition(steps, state.done, flags.file, reduced=flags.reduced), path)
        print(f"{len(state.done)} of {len(steps)} steps are done: {path}")
    print_tables(flags.folders)
    return 0


def _check(flags: argparse.Namespace, sources: dict[str, str]) -> int:
    """Rerun a row; 0: it holds, 1: it does not."""
    filed = read_edition(flags.edition)
    name, arm = flags.check
    if name not in {table.id for table in filed.tables}:
        hint = f"choose from {', '.join(table.id for table in filed.tables)}"
        raise UsageError(f"the {flags.edition} edition has no table {name!r}", where="--check", hint=hint)
    if flags.work is None:
        raise UsageError("no folder", where="--check", hint="add --work NEW")
    table = filed.table(name)
    checked, corpus_hash = check_row(table, arm, flags.work, sources)
    print(checked.describe(table, corpus_hash))
    return 0 if checked.holds else 1


if __name__ == "__main__":
    sys.exit(main())
