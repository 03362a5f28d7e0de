"""What lyrics, timbre, structure and genre are worth to a generator, in points, with intervals over three runs each.

On composed music (a corpus is made where FOLDER has none): a generator with all fields and one without each of lyrics,
instruments, section and genre, all by the same seeds; the penalties of
:mod:`affetti.studies.audit.counterfactuals.generator_penalties` and the mix of genres of the generator that knows none.
Called again it resumes. It trains fifteen generators.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from affetti import api
from affetti.studies.audit.answer import Measurement
from affetti.studies.audit.counterfactuals.generator_penalties import FIELDS


def main() -> None:
    """Train, audit and print the measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("field-penalties"))
    parser.add_argument("--model", default="gan")
    parser.add_argument("--clips", type=int, default=1_920)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--steps", type=int, default=None, help="updates; those of the preset where it is left out")
    options = parser.parse_args()
    corpus = options.folder / "corpus"
    if not (corpus / "corpus.json").is_file():
        api.prepare.run("composed", corpus, clips=options.clips)
    models: list[Path] = []
    for seed in range(options.runs):
        for field in (None, *FIELDS.values()):
            models.append(options.folder / f"{options.model}-{field or 'all'}-{seed}")
            api.train.run(options.model, corpus, models[-1], steps=options.steps, seed=seed, without=field)
    audited = api.audit.run(corpus, options.folder / "audit", models=models, only=("ceiling", "genre"))
    print("| measurement | value | n |\n|---|---|---|")
    for question in audited.questions:
        if question.needs:  # of fewer than 16 songs, say
            print(f"| {question.question} | {question.sentence} | |")
        for one in question.measurements:
            if one.name.endswith("_generator") or one.name.startswith("mix_shift"):
                print(f"| {one.label} | {_text(one)} | {one.n} {one.of} |")


def _text(one: Measurement) -> str:
    if one.value is None:
        return one.note
    ends = "" if one.ci is None else f" [{one.ci[0]:.1f}, {one.ci[1]:.1f}]"
    return f"{one.value:.1f}{ends} {one.unit}"


if __name__ == "__main__":
    main()
