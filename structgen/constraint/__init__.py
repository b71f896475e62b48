"""Grammars over the tokens of a vocabulary: states, masks, explanations."""
