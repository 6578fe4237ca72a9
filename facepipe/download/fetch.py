"""The download stage: archive and label files into data/raw, in their original form."""

import errno
import shutil
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from facepipe.core.files import atomic_folder, describe_files, write_sealed
from facepipe.datasets.archive import NoArchive, archive_kind, list_members, read_members
from facepipe.datasets.members import Member, MemberError, refuse_name
from facepipe.datasets.names import LABELS, is_hidden, is_labels, slashes, some
from facepipe.datasets.sets import get_source
from facepipe.download.cache import Missing, obtain
from facepipe.download.pack import NOWHERE, missing, pack
from facepipe.download.registry import RemoteFile, digests, expect, read_entry
from facepipe.download.remarks import Remarks
from facepipe.errors import FieldError, InputError

SHOWN = 10  # files of a folder that are left out
UNCHECKED = "a sample, or a copy encoded anew, needs dataset.checksums: none"


def fetch(dataset, sources_yaml="data/sources.yaml", out="data/raw"):
    """Fill the raw folder.

    The archive is the one that `dataset.archive` names, or is downloaded. Label files come from `dataset.labels`;
    where that is null, from beside a given archive or from within it, else they are downloaded. A label file that the
    set cannot do without and that a given archive has neither beside it nor in it is downloaded, too: its owner knows
    of the archive only. Where `dataset.labels` names a folder, nothing is looked for elsewhere.

    Args:
        dataset: `download.config.Dataset`.
        sources_yaml: the registry of titles, licences, citations and files.
        out: folder to make or replace: the archive, the label files, and dataset.json with {"name", "archive",
            "licence", "citation", "files": [{"name", "bytes", "sha256"}]}; of the user's own pictures also "given":
            {"archive" and "labels.csv": what the user calls them}, for messages of later stages.

    Returns:
        Metrics: {"files": n, "bytes": n}.

    Raises:
        InputError: the archive or a label file is missing, cannot be downloaded, is broken, has a wrong checksum or
            belongs to another data set; the disk is full. The old raw folder is left as it was.
    """
    source = get_source(dataset.name)
    entry = read_entry(sources_yaml, dataset.name)
    print(f"{dataset.name}: {entry.title}")
    print(f"  licence: {entry.licence}")
    if entry.citation:
        print(f"  please cite: {entry.citation}", flush=True)
    inputs = [] if dataset.name == "synthetic" else find_inputs(dataset, source, entry)
    with atomic_folder(out) as folder:
        if dataset.name == "synthetic":
            from facepipe.download.synthetic.factors import write_archive

            drawn = dataset.synthetic
            write_archive(folder, count=drawn.count, size=drawn.size, seed=drawn.seed)
        names = [name for _, name in inputs] or [source.archive, *source.required]
        for path, name in inputs:
            _bring(path, folder / name, out, dataset.labels)
        files = [{"name": name} | found for name, found in describe_files(folder, names).items()]
        described = {"name": dataset.name, "archive": names[0], "files": files}
        if source.own:
            given = {name: str(path) for path, name in inputs[1:]}
            described["given"] = {"archive": dataset.archive} | given
        write_sealed(folder / "dataset.json", described | {"licence": entry.licence, "citation": entry.citation})
    return {"files": len(files), "bytes": sum(file["bytes"] for file in files)}


def find_inputs(dataset, source, entry):
    """What the raw folder is made of: [(path, its name there)], the archive first; errors as of `fetch`."""
    own = [Path(dataset.archive).name] if dataset.archive else []
    entry = expect(entry, dataset.checksums, [*source.required, *source.optional, *source.tables.values(), *own])
    archive = _given_archive(dataset, source, entry) if dataset.archive else _remote_archive(dataset, source, entry)
    return [archive, *_find_labels(dataset, source, entry)]


def _remote_archive(dataset, source, entry):
    advice = [
        "check dataset.mirror" if dataset.mirror else f"get it by hand ({entry.page})",
        "or set dataset.archive to the path of your copy",
        *([] if dataset.mirror else ["or dataset.mirror to a place that has it"]),
        *([entry.hint] if entry.hint and not dataset.mirror else []),
    ]
    archives = [entry.archive, *(file for file in entry.files if file.role == "alternative" and dataset.mirror)]
    for number, file in enumerate(archives):
        try:
            path = _obtain(file, dataset, "; ".join(advice), lambda path: _look_inside(path, source, whole=True))
        except Missing:
            if number == len(archives) - 1:
                raise
            print(f"{source.name}: {file.name} is not at dataset.mirror; looking for another version", flush=True)
        else:
            checked = "its checksum is right" if file.checksums else "not checked by a checksum"
            print(f"{source.name}: {file.name}: {checked}")
            return path, _usual_name(source, _look_inside(path, source))


def _given_archive(dataset, source, entry):
    path = Path(dataset.archive).expanduser()
    if source.name == "folder" and path.is_dir():
        return path, source.archive
    if isinstance(dataset.checksums, dict) and path.name in dataset.checksums:
        known = [entry.find(path.name)]
    else:
        known = [file for file in entry.files if file.role != "labels" and file.checksums]
    try:
        kind = _look_inside(path, source, whole=not known, labels=dataset.labels)
    except NoArchive as error:
        folder = " or a folder of pictures" if source.name == "folder" else ""
        raise FieldError("archive", f"{error}{folder}") from None
    except InputError as error:
        raise FieldError("archive", str(error)) from None
    came = digests(path, {name for file in known for name in file.checksums})
    if known and not any(file.checksums.items() <= came.items() for file in known):
        shown = [next(iter(file.checksums.items())) for file in known]  # one is enough for people
        expected = ", or ".join(f"{' '.join(pair)} ({file.name})" for pair, file in zip(shown, known, strict=True))
        found = ", ".join(f"{name} {came[name]}" for name in sorted(dict(shown)))
        raise FieldError("archive", f"{UNCHECKED}: {path}: expected {expected}, came {found}; or get it again")
    return path, _usual_name(source, kind)


def _look_inside(path, source, whole=False, labels=None):
    """The archive's kind, after a look whether its members are the set's: at the first that is, or at the `whole`.

    Of the user's own pictures all are looked at, to say what is no picture.
    """
    kind = archive_kind(path)
    other, found, remarks, out = None, False, Remarks(), []
    for member in list_members(path, look=source.look):
        if source.find(member):
            found = True
            remarks.pictures.append(member.name)
            if not (whole or source.own):
                break
        elif is_labels(member.name) and not is_hidden(member.name):
            remarks.labels.append(member.name)
        else:
            other = other or member.name
            if source.leaves_out(member.name):
                remarks.no_picture(member.name)
            elif refuse_name(member.name):
                out.append(member.name)
        if member.table:
            remarks.guessed(member.name, member.table)
    if not found and out:
        raise InputError(
            f"{path}: no picture that may be read: {len(out)} names lead out of the archive {some(out, 1)}; pack it "
            "again from within the folder (tar without -P)"
        )
    if not found and source.own:
        raise InputError(f"{path}: no picture in it (.jpg, .png and so on); found {remarks.found() or 'nothing'}")
    if not found:
        raise InputError(f"{path}: not {source.name}: expected members like {source.example}, found {other or 'none'}")
    if source.own:
        remarks.say(path, labels)
    return kind


def _usual_name(source, kind):
    # one name for the stages after this, whatever the user calls the copy
    suffixes = "".join(Path(source.archive).suffixes)
    usual = {".zip": "zip", ".mat": "mat"}.get(suffixes, "tar")
    return source.archive if kind == usual else source.archive.removesuffix(suffixes) + f".{kind}"


def _find_labels(dataset, source, entry):
    """[(path, name)] of the label files; says once which optional ones are missing."""
    folder = _labels_folder(dataset)
    if folder and folder.is_file():
        return [(folder, LABELS)]  # one table for the user's own pictures, whatever it is called
    found, missing, here = [], [], _labels_at_hand(dataset, source, entry, folder)
    for name in (*source.required, *source.optional):
        known = next((each for each in (name, source.tables.get(name)) if each in here), name)
        path = here.get(known) or _find_label(entry.find(name), dataset, folder, required=name in source.required)
        if path:
            found.append((path, known))
        else:
            missing.append(name)
        if known != name:
            print(f"{source.name}: {known} in place of {name}")
    if missing and dataset.name == "folder":
        if dataset.labels:
            raise FieldError("labels", f"{folder}: no {LABELS} in it")
    elif missing:
        where = folder or dataset.mirror or "the official hosts"
        print(f"{source.name}: label files not found in {where}: {', '.join(missing)}; going on without them")
    return found


class _Within(NamedTuple):
    """A label file in the user's archive."""

    archive: Path
    member: Member
    file: RemoteFile


def _labels_at_hand(dataset, source, entry, folder):
    """{name: Path or `_Within`} of the label files in the user's folder; what it lacks may be in the archive."""
    names = [*source.required, *source.optional, *source.tables.values()]
    found = {name: folder / name for name in names if folder and (folder / name).is_file()}
    if source.own and folder and not found:
        tables = [path for path in folder.iterdir() if is_labels(path.name) and path.is_file()]
        found = {LABELS: min(tables)} if tables else {}
    for name, path in found.items():
        _refuse_other(path, entry.find(name))
    lacking = [name for name in source.required if not {name, source.tables.get(name)} & found.keys()]
    if lacking and dataset.archive and not dataset.labels:
        # mirrors pack all into one
        archive = Path(dataset.archive).expanduser()
        for member in list_members(archive):
            name = slashes(member.name).rpartition("/")[2]
            if name in names and not member.refused:
                known = found.setdefault(name, within := _Within(archive, member, entry.find(name)))
                if isinstance(known, _Within) and known.member.name == member.name:  # the last of a name counts
                    found[name] = within
    return found


def _find_label(file, dataset, folder, required):
    """The path of a label file that is not at hand, or None: an optional one that is nowhere."""
    # beside the user's own archive, optional files are missing because their owner left them out
    official = (file.urls or file.gdrive) and (required or not dataset.archive)
    if (dataset.mirror or official) and not dataset.labels:
        if required and folder:
            print(f"{dataset.name}: {file.name} does not lie beside the archive; looking for it elsewhere", flush=True)
        try:
            return _obtain(file, dataset, "or get it by hand and set dataset.labels to its folder")
        except Missing:
            if required:
                raise
    elif required:
        beside = "" if dataset.labels else " beside the archive"
        raise FieldError(
            "labels" if dataset.labels else "archive",
            f"{folder}: label file {file.name} not found{beside}; put it there or set labels to its folder",
        )
    return None


def _labels_folder(dataset):
    """The folder (or one file) of the user's label files; None: they are all to be downloaded."""
    if dataset.labels:
        path = Path(dataset.labels).expanduser()
        if path.is_dir() or (dataset.name == "folder" and path.is_file()):
            return path
        also = " or a CSV file" if dataset.name == "folder" else ""
        raise FieldError("labels", f"{path}: not a folder{also}")
    archive = Path(dataset.archive).expanduser() if dataset.archive else None
    # a folder of pictures is packed with the table in it
    return archive.parent if archive and not archive.is_dir() else None


def _obtain(file, dataset, advice, check=None):
    """The path of a file of the mirror or of the official hosts."""
    mirror = dataset.mirror
    if mirror and "://" in mirror:
        file = replace(file, urls=(f"{mirror}/{quote(file.name)}",), gdrive=None)
    elif mirror:
        path = Path(mirror).expanduser() / file.name
        if not path.is_file():
            raise Missing(f"mirror: {path}: no such file; {advice}")
        _refuse_other(path, file)
        if check and not file.checksums:
            check(path)
        return path
    return obtain(file, check, advice)


def _refuse_other(path, file, called=None):
    if problem := file.problem(path):
        raise InputError(f"{UNCHECKED}: {called or path}: {problem}; or get it again")


def _bring(path, target, out, labels):
    try:
        if isinstance(path, _Within):
            _unpack(path, target)
        elif path.is_dir():
            remarks = Remarks()
            skipped = pack(path, target, remarks)
            remarks.say(path, labels)
            if nowhere := [name for name, reason in skipped if reason == NOWHERE]:
                print(f"{path}: {missing(nowhere)}; left out")
            skipped = [pair for pair in skipped if pair[1] != NOWHERE]
            for name, reason in skipped[:SHOWN]:
                print(f"{path}: {name}: {reason}; left out")
            if len(skipped) > SHOWN:
                print(f"{path}: {len(skipped) - SHOWN} more left out")
        else:
            # not a hard link: DVC makes its files read-only, which would touch the user's
            shutil.copyfile(path, target)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise InputError(f"{out}: not enough disk space for {target.name}; free some and run again") from None
        raise


def _unpack(label, target):
    called, ((_, data),) = f"{label.archive}: {label.member.name}", read_members(label.archive, [label.member])
    if isinstance(data, MemberError):
        raise InputError(f"{called}: {data}")
    target.write_bytes(data)
    _refuse_other(target, label.file, called)
