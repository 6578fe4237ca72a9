"""The stage download: the archive and its label files, verified, in data/raw."""
