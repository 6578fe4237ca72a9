"""The embedded data set: faces drawn from a seed."""
