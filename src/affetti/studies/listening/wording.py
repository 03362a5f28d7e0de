"""The words of a listening study, in English; ``[wording]`` of ``study.toml`` replaces any of them.

Words in braces are filled in: ``{answer}`` is what an attention check asks for.
"""

from __future__ import annotations

ENGLISH: dict[str, str] = {
    "language": "en",
    "title": "A listening study",
    "welcome": "You will hear short clips of music and answer a question about each. Please use headphones.",
    "consent": (
        "Taking part is voluntary. Your answers are stored without your name, address or any other sign of who you "
        "are. You may stop at any time, and withdraw: all your answers are then deleted."
    ),
    "agree": "I have read this and take part",
    "rate": "How does this music feel to you?",
    "pair": "Which of the two do you prefer?",
    "mushra": "How close is each sound to the reference?",
    "spot": "One of the three differs. Which?",
    "no_difference": "No difference",
    "attention": "This is an attention check. Whatever you hear, answer: {answer}.",
    "thanks": "Thank you. Your answers are stored.",
}
"""The default of every text, by the name that ``[wording]`` uses."""
