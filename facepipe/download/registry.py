"""What data/sources.yaml says of a data set: its terms, its files, and the checksums they must have."""

import hashlib
import re
from dataclasses import dataclass, field, replace

from facepipe.core.yaml_read import MAX_BYTES, parse_yaml
from facepipe.errors import FieldError, InputError, suggest

ROLES = ("archive", "alternative", "labels")
DIGITS = {"md5": 32, "sha256": 64}


@dataclass(frozen=True)
class RemoteFile:
    """One file of a data set.

    Attributes:
        name: its official file name.
        role: "archive", "alternative" (another version of the archive that a user may have) or "labels".
        urls: http(s) addresses of the same file, the best first.
        gdrive: id on Google Drive, or None.
        bytes: int, or None: not known.
        checksums: {"sha256" or "md5": hex digits}; {} where none is known or none is wanted.
    """

    name: str
    role: str
    urls: tuple[str, ...] = ()
    gdrive: str | None = None
    bytes: int | None = None
    checksums: dict = field(default_factory=dict)

    def problem(self, path):
        """'expected md5 ..., came md5 ...' where `path` is not this file; None where it is, or nothing is known."""
        size = path.stat().st_size
        if self.bytes not in (None, size):
            return f"expected {self.bytes} bytes, came {size}"
        came = digests(path, self.checksums)
        wrong = next((name for name in self.checksums if came[name] != self.checksums[name]), None)
        return wrong and f"expected {wrong} {self.checksums[wrong]}, came {wrong} {came[wrong]}"


@dataclass(frozen=True)
class Entry:
    """A data set's terms and files.

    Attributes:
        title, licence, citation: for people; licence and citation go to dataset.json.
        page: where to read on and to get the files by hand, or "".
        hint: a sentence for those whose download fails, or "".
        files: tuple of `RemoteFile`.
    """

    title: str
    licence: str
    citation: str
    page: str = ""
    hint: str = ""
    files: tuple[RemoteFile, ...] = ()

    def find(self, name):
        """The file called `name`, or one without addresses and checksums: a label file that is nowhere to be had."""
        return next((file for file in self.files if file.name == name), RemoteFile(name, "labels"))

    @property
    def archive(self):
        """The file with role archive, or None: the set has none to download."""
        return next((file for file in self.files if file.role == "archive"), None)


def digests(path, names):
    """{name: hex digits} of the file `path` for hash functions such as "sha256", read once."""
    hashes = {name: hashlib.new(name, usedforsecurity=False) for name in names}
    if hashes:
        with open(path, "rb") as file:
            while chunk := file.read(2**20):
                for value in hashes.values():
                    value.update(chunk)
    return {name: value.hexdigest() for name, value in hashes.items()}


def read_entry(path, name):
    """The entry of data set `name` in the registry `path`.

    Raises:
        InputError: no such file, not YAML, or the entry lacks or misspells something.
    """
    try:
        with open(path, encoding="utf-8") as file:
            entries = parse_yaml(file.read(MAX_BYTES + 1))
    except FileNotFoundError:
        raise InputError(f"{path}: not found; run from the project's top folder") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not valid YAML: not UTF-8 text") from None
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None
    raw = entries.get(name) if isinstance(entries, dict) else None
    where = f"{path}: {name}"
    raw = _keys(raw, where, required=("title", "licence", "citation", "files"), optional=("page", "hint"))
    files = raw.pop("files")
    if not isinstance(files, list) or not all(isinstance(text, str) for text in raw.values()):
        raise InputError(f"{where}: files should be a list, all else text")
    files = tuple(_file(item, f"{where}: files") for item in files)
    return Entry(**raw, files=files)


def _file(raw, where):
    raw = _keys(raw, where, required=("name", "role"), optional=("urls", "gdrive", "bytes", *DIGITS))
    where = f"{where}: {raw['name']}"
    if not isinstance(raw["name"], str) or not isinstance(raw["role"], str):
        raise InputError(f"{where}: name and role: should be text")
    if raw["role"] not in ROLES:
        raise InputError(f"{where}: role: should be one of {', '.join(ROLES)}, found {raw['role']}")
    if not isinstance(raw.get("urls", []), list) or not all(isinstance(url, str) for url in raw.get("urls", [])):
        raise InputError(f"{where}: urls: should be a list")
    if not isinstance(raw.get("bytes"), int | None) or not isinstance(raw.get("gdrive"), str | None):
        raise InputError(f"{where}: bytes should be a whole number, gdrive text")
    checksums = {name: str(raw.pop(name)).lower() for name in ("sha256", "md5") if name in raw}
    for name, value in checksums.items():
        if not is_checksum(name, value):
            raise InputError(f"{where}: {name}: should be {DIGITS[name]} hexadecimal digits, found {value}")
    return RemoteFile(**raw | {"urls": tuple(raw.get("urls", ()))}, checksums=checksums)


def _keys(raw, where, required, optional):
    missing = [key for key in required if not isinstance(raw, dict) or key not in raw]
    if missing:
        raise InputError(f"{where}: {missing[0]}: missing")
    unknown = [key for key in raw if key not in (*required, *optional)]
    if unknown:
        raise InputError(f"{where}: {unknown[0]}: unknown key{suggest(unknown[0], (*required, *optional))}")
    return dict(raw)


def is_checksum(name, value):
    """Whether `value` has the form of a checksum called `name`."""
    return name in DIGITS and re.fullmatch(f"[0-9a-f]{{{DIGITS[name]}}}", value) is not None


def expect(entry, checksums, others=()):
    """The entry with the checksums that the user wants.

    Args:
        entry: `Entry`.
        checksums: "official": as registered; "none": no file is checked; {file name: "sha256:..." or "md5:..."}:
            these files must have these, all others their official ones.
        others: names of further files that may be pinned: label files without an address, the user's archive.

    Returns:
        `Entry`. A file pinned under another name than a registered one is added with role "labels".

    Raises:
        InputError: a pin for a file that the set does not have.
    """
    if checksums == "official":
        return entry
    if checksums == "none":
        return replace(entry, files=tuple(replace(file, bytes=None, checksums={}) for file in entry.files))
    files = {file.name: file for file in entry.files}
    for name, pin in checksums.items():
        if name not in files and name not in others:
            known = [*files, *others]
            hint = suggest(name, known) or f"; its files are {', '.join(known)}"
            raise FieldError("checksums", f"{name}: no file of this data set{hint}")
        kind, _, value = pin.partition(":")
        files[name] = replace(entry.find(name), bytes=None, checksums={kind: value})
    return replace(entry, files=tuple(files.values()))
