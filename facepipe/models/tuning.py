"""A decoder tuned to one photograph (pivotal tuning, Roich et al. 2021): the latent stays, the weights move."""

import keras
import tensorflow as tf

from facepipe.networks.matching import mean_distance

LEARNING_RATE = 3e-3
# beside the mean squared error: of the distance of the discriminator's maps, and of the mean squared change elsewhere
FEATURE_WEIGHT, ELSEWHERE_WEIGHT = 0.003, 0.1
# random latents that the change is looked at, and which share of the way to them
ELSEWHERE, SHARE = 15, 0.5


def tune(decode, variables, x, z, others, steps, maps=None):
    """Adam (Kingma & Ba 2015), its rate falling to 0 by a cosine, on

    mean (x - decode(z))^2 + FEATURE_WEIGHT * distance(maps(x), maps(decode(z)))
        + ELSEWHERE_WEIGHT * mean (before(z') - decode(z'))^2

    where before is decode as it was, and the latents z' lie between z and `others` (sec. 3.2 there): what the decoder
    makes of them is to stay, and with it what its directions mean. Nothing is random.

    Args:
        decode: function, float32 latents (n, d) -> float32 images (n, h, w, c); rows independent.
        variables: list of those that `decode` is made of and that are to be changed, in place.
        x: float32 image (1, h, w, c) in [0, 1].
        z: float32 (1, d), its latent.
        others: float32 (m, d).
        steps: int, how many.
        maps: `keras.Model`: images in [-1, 1] -> list of maps; None: no such term.
    """
    x, z = tf.convert_to_tensor(x), tf.convert_to_tensor(z)
    near = z + SHARE * (others - z)
    before, both = decode(near), tf.concat([z, near], axis=0)
    goal = maps(x * 2.0 - 1.0) if maps else None
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps))
    optimizer.build(variables)
    values = float(x.shape.num_elements())

    @tf.function(autograph=False)
    def step():
        with tf.GradientTape() as tape:
            made = decode(both)
            loss = tf.reduce_mean(tf.square(x - made[:1]))
            loss += ELSEWHERE_WEIGHT * tf.reduce_mean(tf.square(before - made[1:]))
            if maps:
                loss += FEATURE_WEIGHT * mean_distance(goal, maps(made[:1] * 2.0 - 1.0))[0]
            # summed over the image's values: the gradients of their mean come near Adam's epsilon
            loss *= values
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    for _ in range(steps):
        step()
