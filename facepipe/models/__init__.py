"""The networks: autoencoder, VAE, GAN, and how they are stored."""
