"""Export a model's latents of every image as tables, what each dimension does, and a density over them."""

import argparse

from facepipe.stage import run

PARSER = argparse.ArgumentParser(prog="export_latents")
PARSER.add_argument("model", choices=("ae", "vae", "gan"))
MODEL = PARSER.parse_args().model


def main(params):
    from facepipe.latents.export import export_latents

    return export_latents(
        params.export_latents,
        MODEL,
        models="data/models",
        shards="data/shards",
        reports="reports",
        out="data/latents",
    )


if __name__ == "__main__":
    run(main, "export_latents", tensorflow=True, metrics=MODEL)
