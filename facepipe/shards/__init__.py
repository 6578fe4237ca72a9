"""The .npy shards, read: images, ids, labels, in any order."""
