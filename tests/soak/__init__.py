"""The soak: all at once for minutes, with handlers that die; then the books are checked."""
