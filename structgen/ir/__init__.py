"""What a language is: expressions, regular languages over characters, finite grammars, the support report."""
