"""Samplers draw texts from a model under a constraint. They know the state protocol and `CausalLM`, and nothing of grammars or torch."""
