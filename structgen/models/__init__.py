"""Language models behind one small protocol. torch and transformers are imported only when a model of theirs is loaded."""
