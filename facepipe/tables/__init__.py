"""How the tables that people bring are read."""
