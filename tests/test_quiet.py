"""TensorFlow imported as a stage and as a library import it."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT

CODE = """
import sys
from facepipe.quiet import import_tensorflow
import_tensorflow({arguments})
import tensorflow, keras
print("sklearn" in sys.modules)
import sklearn
print(sklearn.__name__, keras.wrappers.__name__)
"""


@pytest.mark.parametrize(("arguments", "imported"), [("", True), ("wrappers=False", False)])
def test_scikit_learn_is_imported_for_the_wrappers_only_and_works_later(arguments, imported):
    code = CODE.format(arguments=arguments)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.splitlines() == [str(imported), "sklearn keras.wrappers"]
    assert done.stderr == ""
