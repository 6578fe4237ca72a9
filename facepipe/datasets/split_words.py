"""What people call the parts of a split, as folders or in a table: training, val, dev, eval, test_set."""

import re

SPLITS = ("train", "valid", "test")
_WORD = re.compile(  # in any case
    r"((?P<train>train(ing)?)|(?P<valid>val(id(ation)?)?)|(?P<dev>dev)|(?P<eval>eval(uation)?)|(?P<test>test(ing)?))"
    r"([ _-]?(set|data|images|imgs))?",
    re.IGNORECASE,
)


def part_called(word):
    """Which part a word means: "train", "valid", "test", or "dev", "eval" (`splits_called` knows which); None: none."""
    found = _WORD.fullmatch(word)
    return found and next(part for part, text in found.groupdict().items() if text)


def splits_called(words):
    """{word: its split} of those that are one.

    dev is valid. So is eval, but where other words are valid and none is test: then it is that.

    Args:
        words: iterable of str, all that stand for parts of one split.
    """
    parts = {word: part for word in words if (part := part_called(word))}
    means = {"dev": "valid", "eval": "valid"}
    if {"valid", "dev"} & set(parts.values()) and "test" not in parts.values():
        means["eval"] = "test"
    return {word: means.get(part, part) for word, part in parts.items()}
