"""Links in an archive, followed to members of it, and refused where they lead elsewhere."""

import posixpath

from facepipe.datasets.members import refuse_name
from facepipe.datasets.names import slashes

MAX_LINK = 4096  # bytes of the path that a link leads to
MAX_LINKS = 40  # that lead to each other, as on Linux
_LEADS_OUT, _LEADS_NOWHERE = (
    "refused: a link that leads out of the archive", "refused: a link to no file of the archive"
)  # fmt: skip


class Links:
    """The links in an archive, and the members that they lead to, perhaps by other links."""

    def __init__(self):
        self._members, self._aims, self._found = {}, {}, {}

    def add(self, member, link, from_top=False):
        """A link of the archive, and the path that it leads to."""
        name = normal(member.name)
        self._members[name] = member
        aim = posixpath.normpath(posixpath.join("" if from_top else posixpath.dirname(name), slashes(link)))
        self._aims[name] = aim if refuse_name(aim) is None else None

    def replaced(self, name):
        """A member that is no link comes behind a link of this name, if there is one: it counts in its place."""
        if self._members:
            self._members.pop(normal(name), None)
            self._aims.pop(normal(name), None)

    def wanted(self):
        """The normal names of the members that links lead to, a set."""
        return {self._aim(member) for member in self._members.values() if not member.refused} - {None}

    def _aim(self, member):
        """Where a link leads in the end; None: out of the archive."""
        name = normal(member.name)
        for _ in range(MAX_LINKS):
            if name not in self._aims:
                break
            name = self._aims[name]
        return name

    def see(self, member):
        """A member that is no link, but `wanted`; the last of a name counts."""
        self._found[normal(member.name)] = member

    def followed(self):
        """Yield the links as `Member`s."""
        for member in self._members.values():
            aim = self._aim(member)
            target = self._found.get(aim)
            if member.refused:
                yield member
            elif target is None:
                yield member._replace(refused=_LEADS_NOWHERE if aim else _LEADS_OUT)
            else:
                yield target._replace(name=member.name, table=member.table, target=target.name)


def normal(name):
    """A member's name as links lead to it: without . and .., with / between its parts."""
    return posixpath.normpath(slashes(name))
