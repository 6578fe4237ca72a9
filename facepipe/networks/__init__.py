"""What networks are built of, stored as and sampled by."""
