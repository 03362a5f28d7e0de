"""The eleven questions of the audit, one file each."""
