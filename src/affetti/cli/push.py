"""``affetti push``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from affetti.cli.flags import parse
from affetti.cli.output import print_result


@dataclass(frozen=True)
class Flags:
    """Send a run or a corpus, with its card, to the Hugging Face Hub; private unless --public is given."""

    repository: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="USER/NAME")]]
    """The repository; it is made where it does not exist."""
    model: Path | None = None
    """A finished run."""
    corpus: Path | None = None
    """A corpus: its log-mels, from which sound can be made, with labels and folds."""
    licence: str | None = None
    """The licence of the data, repeated as the corpus states it; without it the command states it and ends."""
    public: bool = False
    """Let everyone read it."""
    json: bool = False
    """Print one JSON document to stdout, nothing else."""


def run(arguments: list[str]) -> int:
    """Run the verb."""
    flags = parse(Flags, arguments, "push")
    from affetti import api

    result = api.push.run(
        flags.repository, model=flags.model, corpus=flags.corpus, licence=flags.licence, public=flags.public
    )
    lines = [f"{result.url}: {len(result.files)} files, {'public' if result.public else 'private'}"]
    lines += [f"licence of the data: {result.licence or 'none declared'}", *result.obligations]
    print_result(result.to_dict(), flags.json, "\n".join(lines))
    return 0
