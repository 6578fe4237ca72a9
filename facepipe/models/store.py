"""A model on disk: model.json and one weights file a network, byte-reproducible."""

from pathlib import Path

from facepipe.files import atomic_folder, write_json

VERSION = 1


def save_model(folder, model, spec, record, extra=()):
    """Write a model folder atomically.

    Args:
        folder: where to; replaced if it exists.
        model: has `.name` and `.networks`, a dict of `keras.Model`; each goes to <network>.weights.h5.
        spec: dict of what is needed to build the networks again.
        record: JSON-able dict of what is worth knowing of the training (precision, threads, data hash, ...).
        extra: callables that take the (temporary) folder and add a file to it, e.g. a sampler's save.
    """
    with atomic_folder(folder) as temporary:
        for name, network in model.networks.items():
            network.save_weights(temporary / f"{name}.weights.h5")
        for write in extra:
            write(Path(temporary))
        write_json(
            temporary / "model.json",
            {
                "version": VERSION,
                "model": model.name,
                "spec": spec,
                "networks": sorted(model.networks),
                "training": record,
            },
        )
