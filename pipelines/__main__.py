"""`python -m pipelines` is `perennial`."""

from pipelines.cli import main

main()
