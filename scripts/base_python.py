"""Prints the interpreter behind the Python that runs this: an environment's, a link or a shim."""

import os
import sys

print(os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable))
