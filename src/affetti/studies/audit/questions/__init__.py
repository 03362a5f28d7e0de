"""The eight questions of the audit, one file each."""
