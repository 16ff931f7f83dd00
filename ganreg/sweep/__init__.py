"""Many runs: every combination of some values, each a process of its own; no torch."""
