"""data/latents/<model>: which files are there, and finding faces in them by id."""

from pathlib import Path

from facepipe.core.files import check_bytes, check_seal, damaged, describe_files, read_json, write_sealed
from facepipe.errors import InputError, suggest
from facepipe.latents.rows import PARQUET
from facepipe.latents.table import read_latents
from facepipe.networks.store import digest
from facepipe.tables.cells import short

MODELS = ("ae", "vae", "gan")  # in the order to be shown; each has a folder of latents
SUFFIXES = (".csv", PARQUET)
SOURCE = "source.json"
AGAIN = "`dvc repro -f export_latents` makes it again"


def split_path(folder, split):
    """The exported table of a split, CSV or Parquet; the name it would have as CSV where there is none."""
    paths = [Path(folder) / f"{split}{suffix}" for suffix in SUFFIXES]
    return next((path for path in paths if path.exists()), paths[0])


def stats_path(folder):
    """The statistics of a model's latents: <folder>/<model>.stats.csv; the folder is named after the model."""
    return Path(folder) / f"{Path(folder).name}.stats.csv"


def pca_path(folder):
    """The principal components of a model's latents."""
    return Path(folder) / "pca.npz"


def density_path(folder):
    """The density that was fitted to a model's training latents."""
    return Path(folder) / "density.npz"


def write_source(folder, digests):
    """Write `SOURCE`: the digests of what the folder was made from, and which files are in it; see `check_exported`."""
    names = sorted(path.name for path in Path(folder).iterdir() if path.is_file() and path.name != SOURCE)
    # tables are text that people edit
    files = dict.fromkeys(names) | describe_files(folder, [name for name in names if name.endswith(".npz")])
    write_sealed(Path(folder) / SOURCE, digests | {"files": files})


def check_exported(folder, *read):
    """Raise InputError where a file that was exported is missing, or is none of this export, but for edited tables.

    Args:
        folder: the model's, such as data/latents/vae. Where it has no `SOURCE`, or that of an earlier facepipe, nothing
            is known.
        *read: folders that the caller reads with it, of the model or of its training's report: they have to be those
            that the latents were exported of.
    """
    path = Path(folder) / SOURCE
    try:
        source = read_json(path)
        files = source["files"]
    except (FileNotFoundError, NotADirectoryError, KeyError):
        return
    except (ValueError, TypeError):
        raise damaged(path, "damaged: not JSON", AGAIN) from None
    check_seal(path, source, AGAIN)
    for name, described in files.items():
        check_bytes(path.with_name(name), described, AGAIN)
    for other in map(Path, read):
        if source.get(other.as_posix(), digest(other)) != digest(other):
            # of bytes that were lost in silence DVC knows nothing
            again = "`dvc repro` makes both agree; where it finds nothing to do, remove the former before"
            raise InputError(f"{other}: has changed since {folder} was made of it; {again}")


def find_rows(folder, ids, latent_dim=None):
    """The exported rows of some faces: {path: `Latents`} of the tables that have any of `ids`, with those rows."""
    found, wanted = {}, set(ids)
    for path in tables_in(folder):
        if wanted:
            table = read_latents(path, latent_dim, only=wanted)
            wanted -= set(table.ids)
            if table.ids:
                found[path] = table
    return found


def base_face(folder, name, latent_dim=None):
    """The exported row of the face `name`, `Latents` of one row.

    Raises:
        InputError: it is in none of the folder's tables; the nearest id is suggested.
    """
    for table in find_rows(folder, [name], latent_dim).values():
        return table
    known = [id_ for path in tables_in(folder) for id_ in read_latents(path, latent_dim).ids]
    there = suggest(name, known) if known else "; there are no exported latents, run `dvc repro export_latents`"
    raise InputError(f"--base: no face {short(name)} in {folder}{there}")


def tables_in(folder):
    # train.pca.csv and vae.stats.csv are something else
    return sorted(p for p in Path(folder).glob("*") if p.suffix in SUFFIXES and "." not in p.stem)
