"""`facepipe doctor`: what kind of machine this is, and what follows for the trainings."""

HELP = "what this machine is, what auto chooses on it, and why"
DESCRIPTION = """\
Say what this machine has, what `auto` in params.yaml's section train chooses on it and why, and how fast it
convolves. Takes some seconds; changes nothing.
"""
EXAMPLE = """\
example, before or after `dvc repro`:
  facepipe doctor
"""


def arguments(parser):
    del parser  # none


def run(arguments):
    from facepipe.diagnosis import diagnose

    for name, text in diagnose():
        print(f"{name:<10} {text}")
