"""`python -m pipelines` is `perennial`."""

from pipelines.cli.main import main

main()
