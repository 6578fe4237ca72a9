"""constraints.txt: an exact version of every package that facepipe, with each of its extras, pulls in."""

import re
import tomllib
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT

LINE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([^=*\s]+)")


def pins():
    """{canonical name: version} of constraints.txt, each line of which is one pin."""
    found = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        match = LINE.fullmatch(line)
        assert match, f"{line!r} is no exact version"
        name = canonicalize_name(match[1])
        assert name not in found, f"{name} is there twice"
        found[name] = match[2]
    return found


def pulled_in(requirements, extra=""):
    """{canonical name: version} of the installed packages that these requirements need, and these in turn.

    Where one is not installed (an extra that nobody asked for), its version is None.
    """
    found, waiting = {}, [(Requirement(text), extra) for text in requirements]
    seen = set()
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        for wanted in ("", *requirement.extras):
            if (name, wanted) in seen:
                continue
            seen.add((name, wanted))
            try:
                distribution = metadata.distribution(name)
            except metadata.PackageNotFoundError:
                found[name] = None
                continue
            found[name] = distribution.version
            waiting += [(Requirement(text), wanted) for text in distribution.requires or ()]
    return found


def test_every_package_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    asked = [*project["dependencies"], *(text for texts in extras.values() for text in texts)]
    needed = pulled_in([text for text in asked if not text.startswith("facepipe[")])
    pinned = pins()
    # these come with the virtual environment
    missing = sorted(needed.keys() - pinned.keys() - {"setuptools", "pip", "wheel"})
    assert not missing, f"constraints.txt lacks {missing}"
    assert len(needed) > 100
    # and each direct dependency's range takes the version that is pinned
    for requirement in map(Requirement, asked):
        if requirement.name != "facepipe":
            assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), str(requirement)
