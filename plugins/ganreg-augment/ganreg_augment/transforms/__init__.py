"""What is done to pictures; torch lives here. Everything can be differentiated twice."""
