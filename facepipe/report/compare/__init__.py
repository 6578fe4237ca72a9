"""A page that shows several revisions of the project side by side."""
