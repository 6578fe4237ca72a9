"""A trained model with all that belongs to it, for the commands and for Python."""
