"""The server of ``affetti listen serve``: a study's pages for listeners, and one for the researcher."""
