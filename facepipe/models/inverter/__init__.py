"""The encoder of a finished GAN."""
