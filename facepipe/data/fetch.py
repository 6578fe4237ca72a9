"""The download stage: archive and label files into data/raw, in their original form."""

import hashlib
import shutil
from pathlib import Path

import yaml

from facepipe.data.archive import archive_kind, list_members
from facepipe.data.sources import get_source
from facepipe.errors import InputError
from facepipe.files import atomic_folder, write_json


def fetch(dataset, sources_yaml="data/sources.yaml", out="data/raw"):
    """Fill the raw folder.

    Args:
        dataset: `config.Dataset`.
        sources_yaml: the registry of titles, licences, citations and files.
        out: folder to make or replace: the archive, the label files, and dataset.json with {"name", "archive",
            "licence", "citation", "files": [{"name", "bytes", "sha256"}]}.

    Returns:
        Metrics: {"files": n, "bytes": n}.

    Raises:
        InputError: no archive given, missing, not an archive, of another data set; a label file missing.
    """
    source = get_source(dataset.name)
    entry = _read_entry(sources_yaml, dataset.name)
    if dataset.name == "synthetic":
        inputs = []
    else:
        inputs = [*_find_archive(dataset, source, entry), *_find_labels(dataset, source)]
    print(f"{dataset.name}: {entry['title']}")
    print(f"  licence: {entry['licence']}")
    print(f"  please cite: {entry['citation']}")
    with atomic_folder(out) as folder:
        if dataset.name == "synthetic":
            from facepipe.data.synthetic import write_archive  # only this data set needs the renderer

            drawn = dataset.synthetic
            write_archive(folder, count=drawn.count, size=drawn.size, seed=drawn.seed)
            names = [source.archive, *source.required]
        else:
            names = [name for _, name in inputs]
            for path, name in inputs:
                # not a hard link: DVC makes its files read-only, which would touch the user's
                shutil.copyfile(path, folder / name)
        files = [_describe(folder / name) for name in names]
        described = {"name": dataset.name, "archive": names[0], "files": files}
        write_json(folder / "dataset.json", described | {key: entry[key] for key in ("licence", "citation")})
    return {"files": len(files), "bytes": sum(file["bytes"] for file in files)}


def _read_entry(path, name):
    try:
        with open(path, encoding="utf-8") as file:
            entries = yaml.safe_load(file)
    except FileNotFoundError:
        raise InputError(f"{path}: not found; run from the project's top folder") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not valid YAML: {getattr(error, 'problem', None) or error}") from None
    entry = entries.get(name) if isinstance(entries, dict) else None
    missing = [k for k in ("title", "licence", "citation", "files") if not isinstance(entry, dict) or k not in entry]
    if missing:
        raise InputError(f"{path}: {name}: {missing[0]}: missing")
    return entry


def _find_archive(dataset, source, entry):
    """[(path given by the user, name in the raw folder)], after a look inside."""
    if dataset.archive is None:
        url = next((url for file in entry["files"] if file["role"] == "archive" for url in file["urls"]), "")
        raise InputError(
            f"params.yaml: dataset.archive: {source.name} needs {source.archive} ({url}; see {entry['page']}); "
            "set dataset.archive to the path of your copy, or dataset.name to synthetic"
        )
    path = Path(dataset.archive).expanduser()
    try:
        kind = archive_kind(path)
    except InputError as error:
        raise InputError(f"params.yaml: dataset.archive: {error}") from None
    other = None
    for member, _ in list_members(path):
        if source.match(member):
            # one name for the stages after this, whatever the user calls the copy
            suffixes = "".join(Path(source.archive).suffixes)
            usual = "zip" if suffixes == ".zip" else "tar"
            return [(path, source.archive if kind == usual else source.archive.removesuffix(suffixes) + f".{kind}")]
        other = other or member
    raise InputError(
        f"params.yaml: dataset.archive: {path}: not {source.name}: expected members like {source.example}, "
        f"found {other or 'none'}"
    )


def _find_labels(dataset, source):
    """[(path, name)] of the label files; says once which optional ones are missing."""
    key = "dataset.labels" if dataset.labels else "dataset.archive"
    folder = Path(dataset.labels).expanduser() if dataset.labels else Path(dataset.archive).expanduser().parent
    if not folder.is_dir():
        raise InputError(f"params.yaml: dataset.labels: {folder}: not a folder")
    for name in source.required:
        if not (folder / name).is_file():
            beside = "" if dataset.labels else " beside the archive"
            raise InputError(
                f"params.yaml: {key}: {folder}: label file {name} not found{beside}; "
                "put it there or set dataset.labels to its folder"
            )
    missing = [name for name in source.optional if not (folder / name).is_file()]
    if missing:
        print(f"{source.name}: label files not found in {folder}: {', '.join(missing)}; going on without them")
    return [(folder / name, name) for name in (*source.required, *source.optional) if name not in missing]


def _describe(path):
    with open(path, "rb") as file:
        return {
            "name": path.name,
            "bytes": path.stat().st_size,
            "sha256": hashlib.file_digest(file, "sha256").hexdigest(),
        }
