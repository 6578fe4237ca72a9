"""One training loop for all three models."""
