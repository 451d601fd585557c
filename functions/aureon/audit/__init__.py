"""Balances, read models and claims, compared with the log."""
