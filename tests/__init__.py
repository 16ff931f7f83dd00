"""Tests of the core, and campaigns and benchmarks to run as modules; a package, for others install one of this name."""
