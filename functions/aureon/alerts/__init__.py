"""Alerts: thresholds of balances, and what is told of them."""
