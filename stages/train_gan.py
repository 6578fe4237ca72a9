"""Train the generative adversarial network."""

from facepipe.stage import run


def main(params):
    from facepipe.models.gan.task import GANTask
    from facepipe.training.session import train

    train(GANTask, params.train, params.train_gan, "data/shards", "data/models/gan", "reports/train_gan")


if __name__ == "__main__":
    run(main, "train_gan", tensorflow=True)
