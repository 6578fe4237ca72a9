"""Values of a YAML text replaced in place: comments, order and all other characters stay."""

import re
from collections import Counter

import yaml

COMMENT = re.compile(r"( +)(#.*)")


def values_in(text):
    """The values of a YAML text of nested mappings as they are written, a list anew on one line.

    Returns:
        dict place -> str: place is a tuple of the keys that lead to a value that is no mapping, or to a mapping, too.
    """
    return {place: _written(text, value) for place, (_, value) in _nodes(text).items()}


def _nodes(text):
    """{place: (key, value)} of the nodes of a YAML text."""
    found = {}

    def walk(node, place):
        for key, value in node.value:
            here = (*place, key.value)
            found[here] = key, value
            if isinstance(value, yaml.MappingNode):
                walk(value, here)

    walk(yaml.compose(text), ())
    return found


def _written(text, node):
    written = text[node.start_mark.index : _end(node)]
    if "\n" in written or not (isinstance(node, yaml.ScalarNode) or node.flow_style):
        value = yaml.safe_load(yaml.serialize(node))
        written = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000).strip()
    return written


def _end(node):
    """Where the last character of a node is over; a block's own end mark is where the next key begins."""
    if isinstance(node, yaml.ScalarNode) or node.flow_style or not node.value:
        return node.end_mark.index
    last = node.value[-1]
    return _end(last[1] if isinstance(last, tuple) else last)


def replace_values(text, values):
    """Set values in a YAML text of nested mappings; keys that it lacks are added.

    Args:
        text: str.
        values: dict place -> str, as of `values_in`.

    Returns:
        str. A comment behind a changed value goes to the column where most of the text's comments are.

    Raises:
        ValueError: a text of which that cannot be done so that all else stays: with aliases, with comments within a
            value, or laid out in another unusual way.
    """
    if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text)):
        raise ValueError("has aliases (*name)")
    try:
        edited = _replace(text, values)
        expected, found = yaml.safe_load(text), yaml.safe_load(edited)
    except yaml.YAMLError:
        raise ValueError("is laid out in an unusual way") from None
    for place, value in values.items():
        _set(expected, place, yaml.safe_load(value))
    if found != expected:
        raise ValueError("is laid out in an unusual way")
    if edited.count("#") < text.count("#"):
        raise ValueError("has a comment within a value")
    return edited


def _set(tree, place, value):
    for key in place[:-1]:
        if tree.get(key) is None:
            tree[key] = {}
        tree = tree[key]
    tree[place[-1]] = value


def _replace(text, values):
    for place in values:
        text = _with_key(text, place)
    column, nodes = _usual_column(text), _nodes(text)
    for place in sorted(values, key=lambda each: nodes[each][0].start_mark.index, reverse=True):
        key, node = nodes[place]
        start, end = text.index(":", key.end_mark.index) + 1, _end(node)
        head, tail = text[:start] + " " + values[place], text[end:]
        if comment := COMMENT.match(tail):
            position = len(head) - head.rfind("\n") - 1
            tail = " " * max(2, column - position) + comment[2] + tail[comment.end() :]
        text = head + tail
    return text


def _usual_column(text):
    found = Counter(
        match.start(2)
        for line in text.splitlines()
        if (match := COMMENT.search(line)) and line[: match.start()].strip()
    )
    return found.most_common(1)[0][0] if found else 0


def _with_key(text, place):
    """The text with a null at `place`, where it had nothing."""
    node = yaml.compose(text)
    missing = list(place)
    while missing:
        inner = next((value for key, value in node.value if key.value == missing[0]), None)
        if inner is None:
            break
        node = inner
        del missing[0]
    else:
        return text
    if node.flow_style:
        at = node.end_mark.index - 1
        line = ", " * bool(node.value) + "".join(f"{part}: {{" for part in missing[:-1]) + f"{missing[-1]}: null"
        return text[:at] + line + "}" * (len(missing) - 1) + text[at:]
    indent = node.value[0][0].start_mark.column
    lines = "".join(f"\n{' ' * (indent + 2 * level)}{part}:" for level, part in enumerate(missing)) + " null"
    at = text.find("\n", _end(node))
    at = len(text) if at < 0 else at
    return text[:at] + lines + text[at:]
