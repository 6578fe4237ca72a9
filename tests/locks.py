"""What differs between two folders in which the pipeline ran: python -m tests.locks FOLDER OTHER"""

import sys
from pathlib import Path

import yaml

SHOWN = 120  # characters of a line


def read_lock(folder):
    """The stages of a folder's dvc.lock, in the order in which they ran: {stage: its entry}."""
    return yaml.safe_load((Path(folder) / "dvc.lock").read_text(encoding="utf-8"))["stages"]


def hashes(stage, kind):
    """{path: hash} of a stage's outputs ("outs") or inputs ("deps")."""
    return {entry["path"]: entry.get("md5") for entry in stage.get(kind, ())}


def differing_outputs(folder, other):
    """{stage: paths of its outputs that differ} of the stages that are in both; [] where none does."""
    ours, theirs = read_lock(folder), read_lock(other)
    both = [name for name in ours if name in theirs]
    return {name: _unequal(hashes(ours[name], "outs"), hashes(theirs[name], "outs")) for name in both}


def differences(folder, other):
    """What differs in the two dvc.lock, in words.

    Args:
        folder, other: the top folders of two projects in which `dvc repro` ran; their files say more than hashes do.

    Returns:
        list of str, stage by stage in the order in which they ran, so that the first one is the cause of those of later
        stages: each names the stage and the output (its files, and the first line that differs where they are text),
        the input from outside the pipeline, the parameter or the command. Empty where the two are equal.
    """
    ours, theirs = read_lock(folder), read_lock(other)
    made = {path for stage in (*ours.values(), *theirs.values()) for path in hashes(stage, "outs")}
    found = []
    for name in dict.fromkeys((*ours, *theirs)):
        if name not in ours or name not in theirs:
            found.append(f"{name}: ran only in {folder if name in ours else other}")
            continue
        one, two = ours[name], theirs[name]
        if one["cmd"] != two["cmd"]:
            found.append(f"{name}: another command: {one['cmd']} | {two['cmd']}")
        one_params, two_params = _flat(one.get("params", {})), _flat(two.get("params", {}))
        for key in sorted({*one_params, *two_params}):
            if one_params.get(key) != two_params.get(key):
                found.append(f"{name}: another {key}: {one_params.get(key)} | {two_params.get(key)}")
        for path in _unequal(hashes(one, "deps"), hashes(two, "deps")):
            # what the pipeline itself made is named as an output
            if not any(path == out or out.startswith(f"{path}/") or path.startswith(f"{out}/") for out in made):
                found.append(f"{name}: another input: {path}")
        for path in _unequal(hashes(one, "outs"), hashes(two, "outs")):
            found.append(f"{name}: another output: {path}{_within(Path(folder) / path, Path(other) / path)}")
    return found


def _unequal(one, two):
    return [path for path in dict.fromkeys((*one, *two)) if one.get(path) != two.get(path)]


def _flat(value, prefix=""):
    """Nested dicts as {dotted key: value}."""
    if not isinstance(value, dict):
        return {prefix: value}
    return {k: v for key, inner in value.items() for k, v in _flat(inner, f"{prefix}.{key}".strip(".")).items()}


def _within(one, two):
    """Which files of an output differ, and for text where; "" where nothing differs any more, or the files are gone."""
    if one.is_file() and two.is_file():
        return _first_line(one, two)
    names = {path.relative_to(top) for top in (one, two) for path in top.rglob("*") if path.is_file()}
    told = []
    for name in sorted(names):
        a, b = one / name, two / name
        if not (a.is_file() and b.is_file()):
            told.append(f"\n  {name}: only in one of them")
        elif a.read_bytes() != b.read_bytes():
            told.append(f"\n  {name}{_first_line(a, b)}")
    return "".join(told)


def _first_line(one, two):
    try:
        lines = [path.read_text(encoding="utf-8").splitlines() for path in (one, two)]
    except UnicodeDecodeError:
        return ""
    for number, pair in enumerate(zip(*lines, strict=False), 1):
        if pair[0] != pair[1]:
            # in a long line the place where they part
            start = next((i for i, (a, b) in enumerate(zip(*pair, strict=False)) if a != b), min(map(len, pair)))
            start = max(0, start - SHOWN // 2)
            return f", line {number}: " + " | ".join(line[start : start + SHOWN] for line in pair)
    return f", {len(lines[0])} lines | {len(lines[1])}" if len(lines[0]) != len(lines[1]) else ""


if __name__ == "__main__":
    told = differences(*sys.argv[1:])
    print("\n".join(told) or "nothing differs")
    sys.exit(bool(told))
