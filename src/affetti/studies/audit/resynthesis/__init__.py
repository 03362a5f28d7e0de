"""Sound and log-mels made again from less: what a degradation changes."""
