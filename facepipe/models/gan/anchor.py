"""Reconstructions beside random faces: a generator that began as a decoder goes on giving each photograph back.

The encoder is that of the autoencoder or VAE which the GAN starts from, and stays as it is (a VAE/GAN, Larsen et al.
2016, with half of it frozen). So each part of the latent space keeps its face while the discriminator sharpens it.
"""

import tensorflow as tf

from facepipe.features.extractors import onet_maps
from facepipe.networks.matching import mean_distance


class Anchor:
    """What holds a generator to photographs.

    Args:
        encoder: `keras.Model`, images (n, h, w, c) in [-1, 1] -> latents, see `start.encoder_network`.
        face_weight: float, of the distance of O-Net's maps, beside the absolute error; 0: O-Net takes no part.
    """

    def __init__(self, encoder, face_weight):
        self._encoder, self._face_weight = encoder, face_weight

    def latents(self, images):
        """float32 images (n, h, w, c) in [-1, 1] -> float32 (n, latent_dim)."""
        return tf.stop_gradient(self._encoder(images, training=False))

    def terms(self, images, made):
        """How far reconstructions are from their images, both float32 (n, h, w, c) in [-1, 1].

        Returns:
            Dict of float32 (n,): anchor, l1 + face_weight * face; l1, of pixels in [0, 1]; unless its weight is 0 face,
            see `matching.mean_distance`, of O-Net's maps.
        """
        x, y = images * 0.5 + 0.5, made * 0.5 + 0.5
        l1 = tf.reduce_mean(tf.abs(x - y), axis=(1, 2, 3))
        if not self._face_weight:
            return {"anchor": l1, "l1": l1}
        face = mean_distance(onet_maps(x), onet_maps(y))
        return {"anchor": l1 + self._face_weight * face, "l1": l1, "face": face}
