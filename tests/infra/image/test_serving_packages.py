"""The prediction service imports nothing that its image does not hold."""

import os
import re
import subprocess
import sys

from components.settings import REPOSITORY

IMPORT_WITHOUT_THE_REST = """
import importlib.metadata, json, sys

allowed = set(json.loads(sys.argv[1]))
homes = importlib.metadata.packages_distributions()


class Rest:
    def find_spec(self, name, path=None, target=None):
        owners = {owner.lower().replace("_", "-") for owner in homes.get(name.partition(".")[0], [])}
        if "." not in name and owners and not owners & allowed:
            raise ModuleNotFoundError(f"{name} of {', '.join(sorted(owners))} is not in the image", name=name)


sys.meta_path.insert(0, Rest())
import components.serving.__main__
import pkgutil, importlib, components.serving, components.prediction_log
for package in (components.serving, components.prediction_log):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
import tensorflow
print(*sorted({"tfx", "apache_beam", "kfp", "tensorflow_model_analysis"} & sys.modules.keys()))
"""


def test_the_prediction_service_needs_no_package_but_those_of_its_group() -> None:
    uv = str(REPOSITORY / ".cache" / "uv" / "bin" / "uv")
    export = [
        uv,
        "export",
        "--locked",
        "--quiet",
        "--only-group",
        "serving",
        "--no-hashes",
        "--no-header",
        "--no-annotate",
        "--no-emit-project",
    ]
    listed = subprocess.run(export, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    names = {re.split(r"[=\[; ]", line)[0].lower() for line in listed.splitlines() if line[:1].isalpha()}
    assert "tensorflow-cpu" in names
    words = '["' + '", "'.join(sorted(names | {"tensorflow", "perennial"})) + '"]'
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_WITHOUT_THE_REST, words],
        cwd=REPOSITORY,
        env={name: value for name, value in os.environ.items() if name != "TF_USE_LEGACY_KERAS"},  # which TFX sets when it is imported
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr[-2000:]
