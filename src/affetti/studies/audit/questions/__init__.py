"""The ten questions of the audit, one file each."""
