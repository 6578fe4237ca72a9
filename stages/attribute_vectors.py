"""Find the directions in latent space that add an attribute to a face."""

from facepipe.stage import run


def main(params):
    from facepipe.latents.directions import attribute_vectors

    return attribute_vectors(
        params.attribute_vectors, shards="data/shards", latents="data/latents", out="data/directions"
    )


if __name__ == "__main__":
    run(main, "attribute_vectors")
