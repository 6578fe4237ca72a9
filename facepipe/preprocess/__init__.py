"""The stage preprocess: from archive and label files to shards."""
