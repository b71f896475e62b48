"""Adapters into the loops of other engines. Each module imports its engine and is itself imported only when used."""
