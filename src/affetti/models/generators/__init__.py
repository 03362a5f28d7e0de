"""Generators: networks that make a log-mel or a waveform from a condition and noise."""
