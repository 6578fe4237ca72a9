"""Train the inverter, an encoder for the GAN's generator."""

from facepipe.stage import run


def main(params):
    from facepipe.models.inverter.task import InverterTask
    from facepipe.training.session import train

    train(
        InverterTask,
        params.train,
        params.train_inverter,
        shards="data/shards",
        model="data/models/inverter",
        report="reports/train_inverter",
        gan="data/models/gan",
        note="reports/train_gan/inverter.json",
    )


if __name__ == "__main__":
    run(main, "train_inverter", tensorflow=True)
