"""The audit: eight questions, a file each, the tools they share, and the claims that their answers decide.

:mod:`inquiry` asks them; :mod:`finding` is what an answer is made of, :mod:`context` what a question is asked about,
and :mod:`probe` how something is read off features. ``claims.csv`` lists the published study's claims.
"""
