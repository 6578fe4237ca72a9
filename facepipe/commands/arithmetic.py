"""`facepipe arithmetic`: one face minus another plus a third."""

from facepipe.commands.common import TABLES, add_latents, add_model, open_model

HELP = "add and subtract faces"
DESCRIPTION = "Add and subtract the latents of faces named by their ids; separate the signs by spaces."
EXAMPLE = """\
example, after `dvc repro`, with ids of data/latents/vae/*.csv:
  facepipe arithmetic 000001 - 000004 + 000025 --model vae -o result.png
"""


def arguments(parser):
    parser.add_argument("terms", nargs="+", metavar="ID [+|- ID ...]", help="such as A - B + C")
    add_model(parser)
    add_latents(parser)
    parser.add_argument(
        "-o", "--output", required=True, metavar="FILE",
        help="picture of all terms and the result .png (.gif, .webp), or table of the result .csv, .tsv, .parquet",
    )  # fmt: skip


def run(arguments):
    import numpy as np

    from facepipe.draw.strips import check_picture, save_strips
    from facepipe.latents.label_columns import mixed_labels
    from facepipe.latents.table import Latents, write_table

    suffix = check_picture(arguments.output, TABLES)
    ids, signs = read_terms(arguments.terms)
    model = open_model(arguments)
    terms = model.find_faces(ids, arguments.table)
    z = (np.array(signs, np.float64) @ terms.z.astype(np.float64)).astype(np.float32)[None]
    labels = mixed_labels(terms, model.condition_on, [signs], "labels")
    if suffix in TABLES:
        write_table(arguments.output, Latents(["result"], [""], z, labels))
    else:
        extra = {attribute: terms.extra[attribute] + cells for attribute, cells in labels.items()}
        shown = Latents([*terms.ids, "result"], [*terms.splits, ""], np.concatenate([terms.z, z]), extra)
        faces = model.decoded(shown)
        labels = [f"{'+' if sign > 0 else '-'} {name}" for sign, name in zip(signs, terms.ids, strict=True)]
        save_strips(arguments.output, [faces], column_labels=[labels[0].removeprefix("+ "), *labels[1:], "= result"])
    print(f"1 face in {arguments.output}")


def read_terms(words):
    """(ids, signs) of words such as A - B + C; InputError where ids and signs do not take turns."""
    from facepipe.errors import InputError

    words = words if words[0] in "+-" else ["+", *words]
    signs, ids = words[::2], words[1::2]
    for i, word in enumerate(words):
        if (word in ("+", "-")) != (i % 2 == 0):
            raise InputError(f"{' '.join(words)}: {word!r}: expected {'+ or -' if i % 2 == 0 else 'an id'} there")
    if len(signs) != len(ids):
        raise InputError(f"{' '.join(words)}: ends with a sign; expected an id after it")
    return ids, [1.0 if sign == "+" else -1.0 for sign in signs]
