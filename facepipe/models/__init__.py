"""A folder a model (params, networks, losses, training), and how a stored one is loaded."""
