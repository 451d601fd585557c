"""Definitions of meters, and their versions."""
