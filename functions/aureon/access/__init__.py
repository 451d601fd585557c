"""Organizations, their tokens, and who may send what."""
