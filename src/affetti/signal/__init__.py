"""Sound: decoding, log-mel spectrograms and their inverse, phase."""
