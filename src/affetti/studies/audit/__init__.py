"""The audit: eleven questions, a module each, the tools that they share, and the claims that their answers decide.

:mod:`~affetti.studies.audit.audit` runs the questions of :mod:`~affetti.studies.audit.registry`.
:mod:`~affetti.studies.audit.answer` defines an answer, :mod:`~affetti.studies.audit.context` the data that a question
measures, :mod:`~affetti.studies.audit.probes` predicts properties from features. ``claims.csv`` lists the claims of the
study.
"""
