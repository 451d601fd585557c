"""Measurements: what an event costs, how fast it is, and how that grows.

``make bench`` runs them all, or the parts that ``ARGS`` names, prints tables and stores what it
measured in ``bench/results``, one file for each part; ``docs/bench.md`` and the README show their
figures from there. Nothing that a function is made of knows of this package.
"""
