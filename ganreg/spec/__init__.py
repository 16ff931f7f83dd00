"""The spec of a run: reading, validation, schema; floor 1, no torch."""
