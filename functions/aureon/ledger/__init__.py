"""Events that count: from a request or a message to a committed transaction."""
