"""The report: one self-contained HTML page about corpora, runs, scorecards and studies."""
