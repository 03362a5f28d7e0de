"""Parts of the campaign that looks for faults: see ``bench/campaign.py``."""
