"""Train the autoencoder."""

from facepipe.stage import run


def main(params):
    from facepipe.models.ae.task import AETask
    from facepipe.training.session import train

    train(AETask, params.train, params.train_ae, "data/shards", "data/models/ae", "reports/train_ae")


if __name__ == "__main__":
    run(main, "train_ae", tensorflow=True)
