"""Export a model's latents of every image as tables, what each dimension does, and a density over them."""

import argparse
from functools import partial

from facepipe.stage import run


def main(params, model):
    from facepipe.latents.export import export_latents

    return export_latents(
        params.export_latents,
        model,
        models="data/models",
        shards="data/shards",
        reports="reports",
        out="data/latents",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="export_latents")
    parser.add_argument("model", choices=("ae", "vae", "gan"))
    name = parser.parse_args().model
    run(partial(main, model=name), "export_latents", tensorflow=True, report=f"{name}.csv")
