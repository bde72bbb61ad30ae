"""The service as a process: what it imports, whom it answers, how it ends."""

import subprocess
import sys

IMPORTS = """
import sys
import components.serving.server, pipelines.cli.commands.serving
from components.serving.scoring.scorer import environment
environment()
print([name for name in ("tfx", "apache_beam", "kfp", "tensorflow_model_analysis", "tensorflow_transform") if name in sys.modules])
"""


def test_the_service_imports_neither_tfx_nor_beam() -> None:
    assert subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True).stdout.strip() == "[]"
