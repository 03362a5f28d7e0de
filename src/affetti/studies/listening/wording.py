"""The words of a listening study, in English; ``[wording]`` of ``study.toml`` replaces any of them.

Words in braces are filled in: ``{answer}`` is what an attention check asks for.
"""

from __future__ import annotations

ENGLISH: dict[str, str] = {
    "language": "en",
    "title": "A listening study",
    "welcome": "You will hear short clips of music and answer questions about them. Please use headphones.",
    "consent": (
        "Taking part is voluntary. Your answers are stored without your name, address or any other sign of who you "
        "are. You may stop at any time. To withdraw, press the button at the foot of any page: all your answers are "
        "then deleted."
    ),
    "agree": "I have read this and take part",
    "rate": "How does this music feel to you?",
    "pair": "Which of the two do you prefer?",
    "mushra": "How close is each sound to the reference?",
    "spot": "One of the three differs. Which?",
    "no_difference": "No difference",
    "attention": "This is an attention check. Whatever you hear, answer: {answer}.",
    "thanks": "Your answers are stored.",
    # Where somebody comes in, and the volume.
    "consent_title": "Before you begin",
    "begin": "Begin",
    "consent_needed": "Tick the box if you agree to take part.",
    "link_unknown": "Nobody takes part with this link any more. You can begin here.",
    "volume_title": "Set the volume",
    "volume": (
        "Play the sound, and move the slider until it is pleasantly loud. Then leave the volume as it is until the end."
    ),
    "volume_sound": "Sound",
    "volume_label": "Volume",
    "volume_needed": "Play the sound first, to hear how loud it is.",
    # The headphone check.
    "headphones_title": "Headphone check",
    "headphones": "Please put on headphones. You will hear three tones; choose the quietest. There are six rounds.",
    "headphones_count": "Round {number} of {total}",
    "headphones_sound": "Three tones",
    "headphones_question": "Which tone is the quietest?",
    "headphones_tone": "Tone {number}",
    # Trials.
    "practice_title": "Practice",
    "practice": "This is for practice: the answer is not stored.",
    "trial_title": "Question {number} of {total}",
    "progress": "{number} of {total}",
    "sound": "Clip",
    "reference": "Reference",
    "plane": "Choose the point that fits best: to the right is more pleasant, upwards more excited.",
    "plane_help": "Click, drag, or use the arrow keys.",
    "mushra_rating": "Rating of sound {name}",
    "mushra_bad": "Bad",
    "mushra_poor": "Poor",
    "mushra_fair": "Fair",
    "mushra_good": "Good",
    "mushra_excellent": "Excellent",
    "not_rated": "not rated yet",
    # What buttons and messages say.
    "next": "Next",
    "play_sound": "Play: {name}",
    "stop_sound": "Stop: {name}",
    "heard": "heard to the end",
    "loading": "The sounds are loading \N{HORIZONTAL ELLIPSIS}",
    "listen_first": "Listen to the end first: {name}",
    "answer_first": "Answer every question first.",
    "rate_first": "Rate every sound first: {name}",
    "again": "Try again",
    "sounds_missing": "The sounds could not be loaded.",
    "no_answer": "The server does not answer. Try again in a moment.",
    "no_answer_kept": "The server does not answer. Your answer is kept here and sent again by itself.",
    "not_stored": (
        "Your answer could not be stored yet: the server has no room. It is kept here and sent again by itself."
    ),
    "sending_kept": "Sending your last answer again \N{HORIZONTAL ELLIPSIS}",
    # The end, and withdrawal.
    "thanks_title": "Thank you",
    "code": "Your completion code:",
    "copy": "Copy",
    "copied": "Copied.",
    "withdraw": "Withdraw and delete my answers",
    "withdraw_title": "Withdraw?",
    "withdraw_text": "All your answers are deleted at once, and cannot be brought back.",
    "withdraw_yes": "Withdraw and delete",
    "withdraw_no": "Keep my answers",
    "withdrawn_title": "You have withdrawn",
    "withdrawn": "All your answers are deleted. You can close this page.",
    "link_note": "You can close this page and continue later, in this browser or with the address of this page.",
}
"""The default of every text, by the name that ``[wording]`` uses."""
