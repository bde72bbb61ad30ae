"""The commands that change what a target serves."""

import click

from components.cloud import Cloud
from components.deployment import deploy as deployment
from components.deployment.request import new_request
from components.registry.deployments import Action
from pipelines.cli.options import as_json, ready_settings, reason_option
from pipelines.cli.text.deployments import show_deployed
from pipelines.cli.version import version_argument, version_number

target_option = click.option("--target", required=True, help="The target: one of PERENNIAL_TARGETS, such as prod.")
force_option = click.option(
    "--force", is_flag=True, help="Deploy even a version that no gate let through, that cannot be tested in full, or that is too slow."
)
request_option = click.option("--request-id", help="An id of your own, so that a repeated command is the same request. Default: a new id.")


@click.command()
@click.argument("model")
@version_argument
@target_option
@reason_option
@force_option
@request_option
@as_json
def deploy(model: str, version: int | str, target: str, reason: str, force: bool, request_id: str | None, as_json: bool) -> None:
    """Deploy VERSION of MODEL to a target: check the bytes that are served, test them, switch, and record the deployment."""
    settings = ready_settings()
    number = version_number(settings, model, version)
    request = new_request(settings, Action.DEPLOY, model=model, version=number, target=target, reason=reason, request_id=request_id)
    show_deployed(settings, request, deployment.deploy(Cloud(settings), request, force=force), as_json=as_json)


@click.command()
@click.argument("model")
@target_option
@reason_option
@click.option("--to", "version", type=int, help="A version that was live on the target once. Default: the one that was live before.")
@force_option
@request_option
@as_json
def rollback(model: str, target: str, reason: str, version: int | None, force: bool, request_id: str | None, as_json: bool) -> None:
    """Deploy the version of MODEL that was live on a target before, with the same checks as `deploy`."""
    settings = ready_settings()
    request = new_request(settings, Action.ROLLBACK, model=model, version=version, target=target, reason=reason, request_id=request_id)
    show_deployed(settings, request, deployment.rollback(Cloud(settings), request, force=force), as_json=as_json)
