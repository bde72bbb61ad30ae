"""What a cluster must know of each task: resources, retries, time-outs, nodes, settings and secrets, by kfp-kubernetes.

Settings reach the steps as a ConfigMap, which the overlays of infra/kubeflow make of a file, and secrets as a Secret: neither is in the
compiled pipeline. docs/kubeflow.md has the table of both.
"""

from kfp import dsl, kubernetes

from components.model.resources import ResourcesSection
from components.runs.steps import STEPS
from components.settings import PREFIX, Settings
from pipelines.training import Place

SECRETS = ("database_password", "mlflow_password", "mlflow_token")
NOT_FOR_STEPS = ("state_folder", "models_folder", "cache_folder", "credentials_file", "owner_user", "owner_credentials_file", "image")
"""What says where this machine has its files, or who changes the registry's tables; and the image, which is set as it was submitted."""
USER = 65532
"""The image's user, who is not root."""
SCRATCH = "/tmp"  # noqa: S108 - a volume of the pod's own
SCRATCH_SIZE = "20Gi"


def place_on_kubernetes(settings: Settings, resources: ResourcesSection) -> Place:
    """What to say of each task of a model's pipeline."""

    def place(task: dsl.PipelineTask) -> dsl.PipelineTask:
        step = task.component_spec.name
        wanted = resources.of(step)
        task.set_display_name(STEPS[step].title)
        task.set_caching_options(enable_caching=False)  # the steps have caches of their own, which know what they read
        task.set_cpu_request(wanted.cpu).set_memory_request(wanted.memory).set_memory_limit(wanted.memory)
        if wanted.gpu:
            task.set_accelerator_type(wanted.accelerator).set_accelerator_limit(wanted.gpu)
        task.set_retry(wanted.retries, backoff_duration="30s", backoff_factor=2, backoff_max_duration="600s")
        kubernetes.set_timeout(task, wanted.timeout_minutes * 60)
        for label, value in wanted.node_selector.items():
            kubernetes.add_node_selector(task, label, value)
        for toleration in wanted.tolerations:
            operator = "Exists" if toleration.value is None else "Equal"
            kubernetes.add_toleration(task, toleration.key, operator, toleration.value, toleration.effect)
        kubernetes.set_security_context(task, run_as_user=USER, run_as_non_root=True)
        kubernetes.empty_dir_mount(task, "scratch", SCRATCH, size_limit=SCRATCH_SIZE)
        return _with_settings(task, settings)

    return place


def _with_settings(task: dsl.PipelineTask, settings: Settings) -> dsl.PipelineTask:
    variables = setting_variables(settings)
    kubernetes.use_config_map_as_env(task, settings.kubeflow_config_map, {name: name for name in variables})
    secrets = [_variable(field) for field in SECRETS if getattr(settings, field) is not None]
    if secrets:
        kubernetes.use_secret_as_env(task, settings.kubeflow_secret, {name: name for name in secrets})
    if settings.kubeflow_credentials_secret and settings.credentials_file:
        kubernetes.use_secret_as_volume(task, settings.kubeflow_credentials_secret, str(settings.credentials_file.parent))
    task.set_env_variable(f"{PREFIX}STATE_FOLDER", f"{SCRATCH}/perennial")
    if settings.image:
        task.set_env_variable(f"{PREFIX}IMAGE", settings.image)
    return task


def setting_variables(settings: Settings) -> list[str]:
    """The variables that the ConfigMap must hold for the steps: every setting that is not a default, a secret or this machine's own."""
    own = {*SECRETS, *NOT_FOR_STEPS} - ({"credentials_file"} if settings.kubeflow_credentials_secret else set())
    chosen = settings.model_dump(exclude_defaults=True, exclude=own)
    return sorted(_variable(field) for field in chosen if not field.startswith("kubeflow_"))


def _variable(field: str) -> str:
    return f"{PREFIX}{field.upper()}"
