"""Judge the models: reconstruction, samples, latent health."""

from facepipe.stage import run


def main(params):
    from facepipe.metrics.evaluate import evaluate, headline

    metrics = evaluate(
        params.evaluate,
        models="data/models",
        latents="data/latents",
        shards="data/shards",
        report="reports/evaluate",
        wanted=params.models,
        directions="data/directions",
    )
    return headline(metrics)


if __name__ == "__main__":
    run(main, "evaluate", tensorflow=True, report="metrics.json")
