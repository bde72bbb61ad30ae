"""The environment that the tests were started in: what libraries add to it in this process is no concern of the commands that are run."""

import os

ENVIRONMENT = dict(os.environ)
"""As it was before anything was imported: TensorFlow and TFX set variables for themselves."""
