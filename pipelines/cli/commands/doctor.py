"""The command that examines the machine and the services."""

import sys
from dataclasses import asdict

import click

from pipelines.cli.exit_code import ExitCode
from pipelines.cli.json_text import to_json
from pipelines.cli.options import as_json


@click.command()
@as_json
def doctor(as_json: bool) -> None:
    """Check host, memory, packages, state folder, emulators, credentials, services and models, and say how to mend what is wrong.

    The exit code is 1 when something is wrong.
    """
    from pipelines.local.doctor import Examination, examine

    examinations: list[Examination] = []
    for examination in examine():
        examinations.append(examination)
        if not as_json:  # one by one: a service that does not answer takes its time
            click.echo(f"{'ok' if examination.is_well else 'WRONG':<6} {examination.subject:<16} {examination.text}")
    if as_json:
        click.echo(to_json([asdict(examination) for examination in examinations]))
    sys.exit(ExitCode.DONE if all(examination.is_well for examination in examinations) else ExitCode.FAILED)
