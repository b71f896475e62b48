"""Tokens as bytes: `Vocabulary`, and the byte trie that masks are walked on."""

from structgen.vocab.trie import Trie, build_trie, trie_of
from structgen.vocab.vocabulary import Vocabulary

__all__ = ["Trie", "Vocabulary", "build_trie", "trie_of"]
