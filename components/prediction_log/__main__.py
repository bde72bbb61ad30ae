"""Starts the shipper of a folder: `python -m components.prediction_log FOLDER PID`, until the process PID ends or closes its input."""

import os
import sys
import threading
from pathlib import Path

from components.cloud import Cloud
from components.log import configure_logging
from components.prediction_log.shipper import Shipper
from components.settings import read_settings


def main() -> None:
    """Ship predictions to BigQuery."""
    configure_logging()
    shipper = Shipper(Cloud(read_settings()), Path(sys.argv[1]))

    def hear() -> None:
        os.read(sys.stdin.fileno(), 1)  # nothing, until the service closes it
        shipper.has_to_end.set()

    threading.Thread(target=hear, daemon=True).start()
    shipper.run(int(sys.argv[2]))


if __name__ == "__main__":
    main()
