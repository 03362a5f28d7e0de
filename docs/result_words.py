"""The sentences about results, made from the filed numbers: what is said of a contrast is what its interval says."""

from __future__ import annotations

from affetti.studies.audit.claims import Verdict, claims
from result_file import Audit, Edition, Row, Table

CORPORA = {"composed": "composed music", "vgmidi": "VGMIDI", "emopia": "EMOPIA"}
EDITIONS = {"first": "first edition, exploratory", "last": "last edition"}
CHAPTERS = {
    "1": "what a mel-spectrogram keeps",
    "2": "lyrics",
    "3": "timbre",
    "4": "structure",
    "5": "genre",
    "6": "phase, space, ensemble",
    "7": "ceilings, methods, the gain",
    "8": "“near-optimal”",
    "9": "other generators",
    "10": "shares of variance, raters",
    "11": "the sum of the shares",
    "12": "its script",
    "13": "similarity of instruments",
}
"""Chapters of the study."""
CLAIMED = {
    "1": "a mel-spectrogram keeps 85 % of what is audible, and loses stereo and rooms",
    "2": "words cannot be seen in a mel, and explain 15 to 20 % of the valence that it misses",
    "3": "128 bands halve what distinguishes instruments",
    "4": "a chorus has .5 more valence than a verse, and no clip shows which it is",
    "5": "128 bands halve what blue notes change; on DEAM CCC depends on the genre",
    "6": "attacks, space and 30 % of perception are in the phase",
    "7": "no mel-spectrogram scores above 75; GAN augmentation raises CCC by 8.8 %",
    "8": "five penalties cap quality at 40; better generators would raise CCC by 12 to 13.5 %",
    "9": "latent diffusion has a quality of 75 to 85, waveform GANs of 70 to 85",
    "10": "raters agree with κ = .65; the ceiling of CCC is .82",
    "11": "what is lost adds up to 75 %",
    "12": "songs with other words have mels with r above .9",
    "13": "piano and guitar are 85 to 90 % alike",
}
"""The main claim of each."""
VERDICTS: tuple[Verdict, ...] = ("supported", "contradicted", "undecided")
MUSIC = "composed:keys=12@2"


def signed(value: float, digits: int = 3) -> str:
    """A number with its sign and without a leading zero.

    Example:
        >>> signed(-0.0444), signed(0.5, 2), signed(0.0)
        ('−.044', '+.50', '+.000')
    """
    text = f"{value:+.{digits}f}".replace("-", "−")
    return text[0] + text[1:].removeprefix("0")


def with_interval(row: Row, table: Table) -> str:
    """The difference of a row, with the interval that decides."""
    alone = row.arm == table.primary or row.simultaneous_ci is None
    low, high = row.difference_ci if alone else row.simultaneous_ci or row.difference_ci
    return f"{signed(row.difference)} [{signed(low)}, {signed(high)}]"


def arm_words(arm: str) -> str:
    """An arm in words."""
    shuffled = ", labels permuted" if arm.endswith("-shuffled") else ""
    arm = arm.removesuffix("-shuffled")
    first = " before real clips" if arm.endswith("-pretrained") else ""
    arm = arm.removesuffix("-pretrained")
    names = {
        MUSIC: "composed songs",
        "null": "copies of real clips",
        "flow": "clips of the flow",
        "gan": "clips of the GAN",
    }
    return names.get(arm, arm) + (first or " among real clips" * (arm in ("flow", "gan"))) + shuffled


def primary_tables(edition: Edition) -> list[Table]:
    """The tables whose primary contrast was stated before the run."""
    return [table for table in edition.tables if table.primary is not None]


def real_value(table: Table) -> float:
    """What the recipe reaches on real clips alone."""
    return table.row(table.reference).value


def contrast_words(table: Table) -> str:
    """The primary contrast of a table in words, with what its interval says."""
    row = table.row(table.primary or "")
    what = "CCC" if table.measure == "ccc" else "the share of clips in the right quadrant"
    says = {"helps": "a gain", "harms": "a loss", "cannot tell": "no difference is shown"}[row.outcome(table.primary)]
    on = f"{CORPORA[table.corpus]} ({table.songs} songs, {table.clips:,} clips)"
    return f"{arm_words(row.arm)} change {what} on {on} by {with_interval(row, table)}: {says}"


def verdict_words(edition: Edition) -> str:
    """In how many primary contrasts there is a gain or a loss."""
    outcomes = [table.row(table.primary or "").outcome(table.primary) for table in primary_tables(edition)]
    gains, losses = outcomes.count("helps"), outcomes.count("harms")
    if not gains and not losses:
        return f"none of {len(outcomes)} contrasts that were stated before their runs shows a gain or a loss"
    return f"of {len(outcomes)} contrasts that were stated before their runs {gains} show a gain and {losses} a loss"


def claim_words(audit: Audit) -> str:
    """How many claims are supported, contradicted and undecided."""
    counts = {verdict: sum(claim.verdict == verdict for claim in audit.claims) for verdict in VERDICTS}
    on = f"that the audit checks on {CORPORA[audit.corpus]}"
    supported, contradicted, undecided = (counts[verdict] for verdict in VERDICTS)
    return (
        f"of {len(audit.claims)} claims of the study {on} {supported} are supported, {contradicted} contradicted and "
        f"{undecided} undecided"
    )


def by_chapter(audit: Audit) -> dict[str, dict[Verdict, list[str]]]:
    """The ids of claims, by chapter of the study and verdict."""
    chapter_of = {claim.id: claim.section.removeprefix("§").partition(".")[0] for claim in claims()}
    chapters = sorted({chapter_of[claim.id] for claim in audit.claims}, key=int)
    return {
        chapter: {
            verdict: [each.id for each in audit.claims if chapter_of[each.id] == chapter and each.verdict == verdict]
            for verdict in VERDICTS
        }
        for chapter in chapters
    }
