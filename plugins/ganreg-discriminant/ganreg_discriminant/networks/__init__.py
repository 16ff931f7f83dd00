"""What needs torch: heads, and the linear algebra of the losses."""
