"""YAML that may come from anybody: plain values only, of bounded size, depth and number."""

import yaml

MAX_BYTES = 2**20  # of a file
MAX_DEPTH = 20  # of lists and mappings within each other
MAX_VALUES = 100_000  # with what aliases (*name) repeat


class YAMLReader(yaml.SafeLoader):
    """Refuses what would take more, and, as DVC does, a key that a mapping has twice: the second would win in silence.

    Raises:
        yaml.YAMLError: as PyYAML does, and where a value cannot be made of its text (2001-99-99).
    """

    def __init__(self, stream):
        super().__init__(stream)
        self._depth, self._values, self._sizes = 0, 0, {}

    def compose_node(self, parent, index):
        mark, before = self.peek_event().start_mark, self._values
        self._depth += 1
        alias = self.check_event(yaml.AliasEvent)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if alias:
            if node not in self._sizes:
                self._refuse("an alias within what it stands for", mark)
            self._values += self._sizes[node]
        else:
            self._values += 1
            self._sizes[node] = self._values - before
        if self._values > MAX_VALUES:
            self._refuse(f"more than {MAX_VALUES} values, aliases (*name) counted as what they stand for", mark)
        return node

    def compose_sequence_node(self, anchor):
        self._check_depth()
        return super().compose_sequence_node(anchor)

    def compose_mapping_node(self, anchor):
        self._check_depth()
        return super().compose_mapping_node(anchor)

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                self._refuse(f"{key.value} stands there twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_object(self, node, deep=False):
        try:
            return super().construct_object(node, deep)
        except (ValueError, OverflowError, LookupError, AttributeError):
            self._refuse("a number, date or other value that cannot be", node.start_mark)

    def _check_depth(self):
        if self._depth > MAX_DEPTH:
            self._refuse(f"more than {MAX_DEPTH} lists and mappings within each other", self.peek_event().start_mark)

    @staticmethod
    def _refuse(problem, mark):
        raise yaml.constructor.ConstructorError(None, None, problem, mark) from None


def parse_yaml(text):
    """What a YAML text says.

    Raises:
        ValueError: no YAML, or beyond the limits above: a line that says where, and what is wrong.
    """
    if len(text) > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES} characters")
    try:
        return yaml.load(text, YAMLReader)
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        where = f"line {mark.line + 1}: " if mark else ""
        said = problem or getattr(error, "reason", None) or str(error)
        raise ValueError(f"{where}not valid YAML: {' '.join(said.split())[:200]}") from None
