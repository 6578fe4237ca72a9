"""Judge the models: reconstruction, samples, latent health."""

from facepipe.stage import run


def main(params):
    from facepipe.metrics.evaluate import evaluate

    return evaluate(
        params.evaluate,
        models="data/models",
        latents="data/latents",
        shards="data/shards",
        report="reports/evaluate",
        wanted=params.models,
        directions="data/directions",
    )


if __name__ == "__main__":
    run(main, "evaluate", tensorflow=True)
