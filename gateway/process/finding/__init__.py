"""Findings: what hours and days mean by a standard that one number does not tell."""
