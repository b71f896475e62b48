"""Notations: each turns text, schemas or types into a `Language`."""
