"""`facepipe doctor`: what this machine is, what state the project is in, and what to do about it."""

HELP = "what this machine is, what auto chooses on it, and whether the project is in order"
DESCRIPTION = """\
Say what is installed, what this machine has and what `auto` in params.yaml's section train chooses on it and why; in a
project's folder also whether the disk is large enough, what is in your own pictures and their table, what dvc repro
would run, what DVC's cache lacks, and which states of unfinished trainings lie about. Each problem comes with its
remedy. Changes nothing, takes some seconds; the exit code is 2 where the pipeline cannot run.
"""
EXAMPLE = """\
examples, before or after `dvc repro`:
  facepipe doctor
  facepipe doctor --speed
"""


def arguments(parser):
    parser.add_argument(
        "--speed", action="store_true", help="also how fast this machine convolves (loads TensorFlow: some seconds)"
    )


def run(arguments):
    from facepipe.checkup import examine
    from facepipe.errors import InputError

    rows, problems = examine(arguments.speed)
    for name, said in rows:
        print(f"{name:<10} {said}")
    for problem in problems:
        print(f"{'PROBLEM' if problem.stops else 'note':<10} {problem.text}\n{'':<10} -> {problem.remedy}")
    if stopping := sum(problem.stops for problem in problems):
        what = "a problem" if stopping == 1 else f"{stopping} problems"
        raise InputError(f"doctor: the pipeline cannot run here because of {what}, see above")
