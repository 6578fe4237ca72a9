"""Find the directions in latent space that add an attribute to a face."""

from facepipe.stage import run


def main(params):
    from facepipe.directions.attribute_vectors import attribute_vectors
    from facepipe.quiet import import_tensorflow

    if params.attribute_vectors.scale == "pixels":
        import_tensorflow(wrappers=False)
    return attribute_vectors(
        params.attribute_vectors,
        shards="data/shards",
        latents="data/latents",
        out="data/directions",
        report="reports/attribute_vectors",
        wanted=params.models,
        models="data/models",
    )


if __name__ == "__main__":
    run(main, "attribute_vectors")
