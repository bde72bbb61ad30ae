"""The commands that say what a target serves, and tell what it served: deploy, rollback, history, models, lineage, retire."""

import click

from pipelines.cli.options import as_json, ready_settings

target_option = click.option("--target", required=True, help="Where: one of PERENNIAL_TARGETS, such as prod.")
reason_option = click.option("--reason", required=True, help="Why; kept for ever.")
force_option = click.option("--force", is_flag=True, help="Even if no gate let it through, or it cannot be tested in full or is too slow.")
request_option = click.option("--request-id", help="Of your own, so that trying again is the same request. Default: a new one.")


@click.command()
@click.argument("model")
@click.argument("version", type=int)
@target_option
@reason_option
@force_option
@request_option
@as_json
def deploy(model: str, version: int, target: str, reason: str, force: bool, request_id: str | None, as_json: bool) -> None:
    """Make VERSION of MODEL the live one of a target: check its bytes as they are served, try them, switch, and record it."""
    settings = ready_settings()
    from components.cloud import Cloud
    from components.deployment import deploy as deploying
    from components.deployment.request import new_request
    from components.registry.deployments import Action
    from pipelines.cli import deploy_text

    request = new_request(settings, Action.DEPLOY, model=model, version=version, target=target, reason=reason, request_id=request_id)
    done = deploying.deploy(Cloud(settings), request, force=force)
    deploy_text.show_deployed(settings, request, done, as_json=as_json)


@click.command()
@click.argument("model")
@target_option
@reason_option
@click.option("--to", "version", type=int, help="A version that was live there once. Default: the one that was live before.")
@force_option
@request_option
@as_json
def rollback(model: str, target: str, reason: str, version: int | None, force: bool, request_id: str | None, as_json: bool) -> None:
    """Go back to the version of MODEL that was live before on a target, with the same checks as `deploy`."""
    settings = ready_settings()
    from components.cloud import Cloud
    from components.deployment import deploy as deploying
    from components.deployment.request import new_request
    from components.registry.deployments import Action
    from pipelines.cli import deploy_text

    request = new_request(settings, Action.ROLLBACK, model=model, version=version, target=target, reason=reason, request_id=request_id)
    done = deploying.rollback(Cloud(settings), request, force=force)
    deploy_text.show_deployed(settings, request, done, as_json=as_json)


@click.command()
@click.argument("model")
@click.option("--target", help="Only this one.")
@click.option("--last", type=click.IntRange(min=1), default=100, show_default=True, help="How many.")
@as_json
def history(model: str, target: str | None, last: int, as_json: bool) -> None:
    """Tell what of MODEL was deployed where, newest last: who, when, what, instead of what, and why."""
    settings = ready_settings()
    from components.database.engine import make_engine
    from components.deployment.request import require_target
    from components.registry import deployments
    from components.storage.objects import require_model_name
    from pipelines.cli import deploy_text

    with make_engine(settings).connect() as connection:
        events = deployments.history(connection, require_model_name(model), target, limit=last)
        before = deployments.versions_before(connection, model)
    if target is not None and not events:
        require_target(settings, target)
    deploy_text.show_history(model, events[::-1], before, as_json=as_json)


@click.command()
@as_json
def models(as_json: bool) -> None:
    """List the models that have versions: how many, the newest, and which are live where."""
    settings = ready_settings()
    from components.database.engine import make_engine
    from components.registry.deployments import list_models
    from pipelines.cli import deploy_text

    with make_engine(settings).connect() as connection:
        found = list_models(connection)
    deploy_text.show_models(found, as_json=as_json)


@click.command()
@click.argument("model")
@click.argument("version", type=int)
@as_json
def lineage(model: str, version: int, as_json: bool) -> None:
    """Tell where VERSION of MODEL comes from and where it went: data, code, examples, judgements, deployments."""
    settings = ready_settings()
    from components.database.engine import make_engine
    from components.registry.history import read_version
    from pipelines.cli import lineage_text

    with make_engine(settings).connect() as connection:
        story = read_version(connection, model, version)
    lineage_text.show_lineage(settings, story, as_json=as_json)


@click.command()
@click.argument("model")
@click.argument("version", type=int)
@reason_option
@as_json
def retire(model: str, version: int, reason: str, as_json: bool) -> None:
    """Never deploy VERSION of MODEL again. Refused while it is live somewhere, or a rollback would go to it."""
    settings = ready_settings()
    from components.database.engine import make_engine
    from components.deployment.request import actor, require_reason
    from components.registry import retirements
    from components.storage.objects import require_model_name
    from pipelines.cli import deploy_text

    with make_engine(settings).begin() as connection:
        done = retirements.retire(connection, require_model_name(model), version, actor=actor(settings), reason=require_reason(reason))
    deploy_text.show_retirement(model, done, as_json=as_json)
