"""The audit: eight questions, a module each, the tools that they share, and the claims that their answers decide.

:mod:`~affetti.studies.audit.audit` asks the questions of :mod:`~affetti.studies.audit.registry`.
:mod:`~affetti.studies.audit.answer` is what an answer is made of, :mod:`~affetti.studies.audit.context` what a question
is asked about, :mod:`~affetti.studies.audit.probes` how well something is predicted from features. ``claims.csv`` lists
the claims of the published study.
"""
