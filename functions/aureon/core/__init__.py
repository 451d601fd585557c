"""What knows nothing of Aureon's business: exact numbers, times, errors, metrics, lists, bodies."""
