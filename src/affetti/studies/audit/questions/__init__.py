"""The nine questions of the audit, one file each."""
