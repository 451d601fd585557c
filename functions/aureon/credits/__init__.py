"""Decisions on one snapshot of an account: spends and holds."""
