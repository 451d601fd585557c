"""What Aureon knows without asking anyone: rules and values, no I/O."""
