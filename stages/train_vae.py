"""Train the variational autoencoder."""

from facepipe.stage import run


def main(params):
    from facepipe.models.vae.task import VAETask
    from facepipe.training.session import train

    train(VAETask, params.train, params.train_vae, "data/shards", "data/models/vae", "reports/train_vae")


if __name__ == "__main__":
    run(main, "train_vae", tensorflow=True)
