"""From expressions to the byte automaton."""
