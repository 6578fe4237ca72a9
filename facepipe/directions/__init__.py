"""The stage attribute_vectors: directions in latent space that add an attribute."""
