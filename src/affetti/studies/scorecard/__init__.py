"""The scorecard: how good is a synthetic set, beside what real music itself would score?"""
