"""Limits that the servers of this package keep."""

MAX_UPLOAD_BYTES = 200 * 2**20
"""Largest upload."""
MAX_UPLOAD_SECONDS = 120.0
"""Longest time that an upload may take to arrive."""
MAX_BODY_BYTES = 64 * 2**10
"""Largest request that is not an upload."""
MAX_BODY_SECONDS = 30.0
"""Longest time that it may take to arrive."""
MAX_SONG_SECONDS = 3600.0
"""Longest recording that is predicted."""
MAX_WAITING = 24
"""Jobs that may wait or run; more are refused with 503 until there is room."""
MAX_UPLOADS = 8
"""Uploads that may wait or run."""
RETRY_SECONDS = 2
"""When a client that met a full queue may try again."""
MAX_CONNECTIONS = 256
"""Connections at a time; more are answered with 503."""
HEADER_SECONDS = 15.0
"""Longest time in which the headers of a request may arrive."""
TAKE_SECONDS = 300.0
"""Longest time for which a client may take nothing of what it is sent."""
MAX_SOUNDS = 240
"""Sounds kept for playing; the oldest go first."""
MAX_SOUND_BYTES = 2 * 2**30
"""Disk space of these sounds."""
MAX_SEED = 2**31 - 1
"""Largest seed that a request may give."""
DECODE_SECONDS = 120
"""Longest computing time of decoding an upload; an hour at 192 kHz takes a fraction."""
JOB_SECONDS = 120.0
"""Longest time of a job that composes or samples."""
SONG_JOB_SECONDS = 1800.0
"""Longest time of a job that samples a song of a generator."""
PREDICT_SECONDS = 600.0
"""Longest time of a job that decodes and predicts a recording."""
REPORT_SECONDS = 600.0
"""Longest time in which a report is made."""
WORKER_BYTES = 4 * 2**30
"""Memory that a worker process may take beyond what it has when it starts."""
