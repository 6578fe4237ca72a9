"""Which picture a cell of a table means: by its path, its id, its file's name, or nearly so."""

import functools
from typing import NamedTuple

from facepipe.core.names import folded
from facepipe.datasets.names import composed, member_name, photograph
from facepipe.errors import InputError


class Found(NamedTuple):
    """The pictures that a cell may mean.

    Attributes:
        places: tuple of int, where they stand; of several two at least.
        nearly: bool, whether suffix, case or folders around the pictures had to be passed over.
        cure: str, what to do where there are several.
    """

    places: tuple
    nearly: bool = False
    cure: str = "rename one of them"


class Finder:
    """Finds pictures by what a table calls them.

    Args:
        ids: the pictures' ids.
        paths: list of str, their paths, in the same order.
        root: the top folder within `paths`, "" or ending in "/".

    Attributes:
        nearly: int, how many were found nearly.
        first: (where, cell, path) of the first of these.
    """

    def __init__(self, ids, paths, root):
        self._paths, self._root = paths, root
        self._by_path = _places(paths)
        self._by_id = _places(ids)
        self._by_name = _places([path.rpartition("/")[2] for path in paths])
        self.nearly, self.first = 0, None

    def __call__(self, cell, where):
        """Its place in `paths`; None: there is no such picture; InputError: there are several."""
        found = self.look(cell)
        if len(found.places) > 1:
            same = ", ".join(self._below(place) for place in sorted(found.places)[:2])
            raise InputError(f"{where}: several pictures are called {composed(cell)} ({same}); {found.cure}")
        if not found.places:
            return None
        if found.nearly:
            self.nearly += 1
            self.first = self.first or (where, cell, self._below(found.places[0]))
        return found.places[0]

    def look(self, cell):
        """`Found`."""
        given = composed(cell)
        for name in dict.fromkeys((given, member_name(given))):
            exact = ((self._root + name, self._by_path), (name, self._by_path), (name, self._by_id))
            if found := {place for key, table in exact for place in table.get(key, ())}:
                return Found(tuple(found))
            if found := self._by_name.get(name):
                return Found(found, cure="give the path")
        return self._look_nearly(given)

    def _look_nearly(self, name):
        """As `look`, where upper and lower case do not count, nor a suffix that is missing, nor leading folders that
        are none of the pictures' (/home/me/faces/...)."""
        by_path, by_name, folders = self._near
        parts = folded(name).split("/")
        while len(parts) > 1 and parts[0] not in folders:
            del parts[0]
        rest = "/".join(parts)
        stem = photograph(rest)
        for table in (by_path, *([by_name] if len(parts) == 1 else [])):
            places = table.get(stem, ())
            if stem != rest:  # it has a suffix
                places = [place for place in places if folded(self._paths[place]).endswith(rest)]
            if places:
                return Found(tuple(places), nearly=True, cure="give path and suffix as the files have them")
        return Found(())

    @functools.cached_property
    def _near(self):
        """({path without suffix: places}, {name without suffix: places}, names of folders), all below `root`."""
        by_path, by_name, folders = {}, {}, set()
        for place in range(len(self._paths)):
            path = photograph(self._below(place))
            *around, name = path.split("/")
            by_path.setdefault(path, []).append(place)
            by_name.setdefault(name, []).append(place)
            folders.update(around)
        return by_path, by_name, folders

    def _below(self, place):
        return self._paths[place][len(self._root) :]


def _places(keys):
    """{key: tuple of the places where it stands, two at most}."""
    places = {}
    for place, key in enumerate(keys):
        places[key] = (*places.get(key, ())[:1], place)
    return places
