"""structgen: constrained decoding of language models."""
