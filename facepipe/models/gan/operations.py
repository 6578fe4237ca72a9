"""How many operations the training of the GAN takes."""

from facepipe.models.gan.schedules import make_schedule
from facepipe.networks.summary import forward_flops

# more passes of D where its slope has a penalty: R1 has the logits already
R1_PASSES, SLOPE_PASSES = 3, 4
# of the schedule that are looked at; what decays has long settled
MOST_STEPS = 10_000


def passes(train_d=True, train_g=True, anchored=False):
    """How often a step passes through generator and discriminator for each image: (int, int).

    A pass is forward, or the gradient of the maps, or that of the weights: each takes as many operations. In any step G
    makes images and D judges these and real ones; a step of D has both gradients for each of the two, a step of G those
    of G, and the gradient of the maps that D leads back to it. With an anchor G makes twice as many.
    """
    made = 1 + anchored
    return made * (1 + 2 * train_g), 1 + made + 2 * train_d * (1 + made) + train_g * made


def training_flops(params, networks, steps=None, anchored=False):
    """Operations of training for one image, penalties included, augmentation not: on average over the steps; float.

    What an anchor takes beside passes of G and D, an encoder's and O-Net's, is left out.

    Args:
        params: `models.gan.config.TrainGAN`. Gated by the accuracy, which nobody knows beforehand: as if D trained
            always.
        networks: dict with generator and discriminator, called `keras.Model`s.
        steps: int, of the training; None: not known.
        anchored: bool, whether it has an `anchor`.
    """
    schedule = make_schedule(params.schedule, params.batch_size)
    decisions = [schedule.decide() for _ in range(min(steps or MOST_STEPS, MOST_STEPS))]
    counts = [passes(*decision, anchored) for decision in decisions]
    of_g, of_d = (sum(each) / len(counts) for each in zip(*counts, strict=True))
    share = sum(train_d for train_d, _ in decisions) / len(decisions)
    if params.loss == "wasserstein_gp":
        of_d += share * SLOPE_PASSES
    elif params.r1_gamma:
        of_d += share * R1_PASSES / params.r1_every
    return of_g * forward_flops(networks["generator"]) + of_d * forward_flops(networks["discriminator"])
