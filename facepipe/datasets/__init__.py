"""What is known of a data set, and how its archive and its labels are read."""
