"""Customers: profiles, summaries for lists, balances."""
