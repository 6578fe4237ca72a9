"""`facepipe export`: a model for other programs, or for another machine."""

from pathlib import Path

from facepipe.commands.common import add_model, open_model
from facepipe.errors import InputError

HELP = "write a model as Keras, SavedModel or ONNX, or all that belongs to it as one file"
DESCRIPTION = """\
Write a model for use elsewhere. keras, saved_model and onnx: a folder with the decoder (z -> images in [0, 1]) and the
encoder (images -> z), which do not need facepipe. bundle: one file with the model, how its training images were
framed, the statistics, principal components and density of its latents, its directions, and for the GAN its inverter;
facepipe.load("vae.facepipe") and --model vae.facepipe read it without the pipeline.
"""
EXAMPLE = """\
example, after `dvc repro`:
  facepipe export --model vae --format bundle -o vae.facepipe
  facepipe decode data/latents/vae/test.csv --model vae.facepipe -o faces
  facepipe export --model gan --format keras -o gan-keras
"""


def arguments(parser):
    add_model(parser)
    parser.add_argument("--format", required=True, choices=("keras", "saved_model", "onnx", "bundle"))
    parser.add_argument(
        "-o", "--output", required=True, metavar="PATH", help="the bundle, or a folder for the other formats"
    )


def run(arguments):
    from facepipe.core.files import check_file

    source = open_model(arguments)
    output = Path(arguments.output)
    if arguments.format == "bundle":
        from facepipe.api.bundle import write_bundle

        if Path(arguments.model).is_file():
            raise InputError(f"--model: {arguments.model} is a bundle already; copy it")
        if output.is_dir():
            raise InputError(f"{output}: is a folder; name a file such as {source.folder.name}.facepipe")
        check_file(output)
        # loaded, so that no bundle holds what does not work
        names = write_bundle(output, source, source.inverter if source.model.has_encoder else None)
        print(f"{len(names)} files in {output}")
        return
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise InputError(f"{output}: exists; name a new folder")
    check_file(output / "decoder")
    from facepipe.api.export import export_networks

    names = export_networks(source.model, arguments.format, output)
    print(f"{' and '.join(names)} in {output}")
