"""Export the latents of every image as tables, what each dimension does, and a density over them."""

from facepipe.stage import run


def main(params):
    from facepipe.latents.export import export_latents

    return export_latents(params.export_latents, models="data/models", shards="data/shards", out="data/latents")


if __name__ == "__main__":
    run(main, "export_latents", tensorflow=True)
