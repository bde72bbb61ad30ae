"""What a cluster must know of each task: resources, retries, time-outs, nodes, settings and secrets, by kfp-kubernetes.

Settings reach the steps as a ConfigMap, which the overlays of infra/kubeflow make of a file, and secrets as a Secret: neither is in the
compiled pipeline, nor is which of them are set, so that the same pipeline comes of it whoever compiles it. docs/kubeflow.md has the table.

Argo keeps what the driver says of a pod six times, in a workflow of at most 1 MiB. So ConfigMap and Secret are folders, and one variable is
left: without it Kubernetes does not start the pod, and says why.
"""

import json

from kfp import dsl, kubernetes

from components.errors import SettingsError
from components.model.resources import ResourcesSection, StepResources
from components.runs.steps import STEPS
from components.settings import PREFIX, SETTINGS_FOLDER, Settings
from pipelines.training import Place

SECRETS = ("alarm_events", "alarm_mail_server", "alarm_webhook", "database_password")
OF_THIS_MACHINE = ("state_folder", "models_folder", "cache_folder", "credentials_file", "owner_user", "owner_credentials_file", "image")
NOT_FOR_STEPS = (*OF_THIS_MACHINE, "mlflow_password", "mlflow_token")
"""What says where this machine has its files, or who changes the registry's tables; the image, which is set as it was submitted; and what
`perennial export` alone needs, which no step calls."""
NEEDED = ("environment", "pipeline_root", *(name for name, field in Settings.model_fields.items() if field.is_required()))
"""Without these no step could work. A ConfigMap has them all, whether they are defaults or not."""
LOOK = StepResources(cpu="250m", retries=0, timeout_minutes=60)
"""What the watcher's look asks for: the smoke test of a deployment loads TensorFlow."""
FOLDERS = ("/etc/perennial", "/etc/perennial-secrets")
"""Where the ConfigMap and the Secret are, a file for each setting."""
USER = 65532
"""The image's user, who is not root."""
SCRATCH_VOLUME = "scratch"
SCRATCH = "/tmp"  # noqa: S108 - a volume of the pod's own
SCRATCH_SIZE = "20Gi"
FIRST_PAUSE_SECONDS = 30
PAUSE_FACTOR = 2


def place_on_kubernetes(settings: Settings, resources: ResourcesSection) -> Place:
    """What to say of each task of a model's pipeline.

    Raises:
        SettingsError: two things that are mounted have the same name.
    """

    _require_names(settings)

    def place(task: dsl.PipelineTask) -> dsl.PipelineTask:
        step = task.component_spec.name
        wanted = resources.of(step)
        _place(task, wanted, STEPS[step].title)
        return _with_settings(task, settings)

    return place


def place_look(settings: Settings) -> Place:
    """What to say of the watcher's task. It is not repeated: the next look goes on.

    Raises:
        SettingsError: two things that are mounted have the same name.
    """
    _require_names(settings)

    def place(task: dsl.PipelineTask) -> dsl.PipelineTask:
        _place(task, LOOK, "Look at all models")
        return _with_settings(task, settings)

    return place


def _place(task: dsl.PipelineTask, wanted: StepResources, title: str) -> None:
    """Say which resources a task has, how often it is tried, and on which nodes."""
    task.set_display_name(title)
    task.set_caching_options(enable_caching=False)  # the steps have caches of their own, which know what they read
    task.set_cpu_request(wanted.cpu).set_memory_request(wanted.memory).set_memory_limit(wanted.memory)
    if wanted.gpu:
        task.set_accelerator_type(wanted.accelerator).set_accelerator_limit(wanted.gpu)
    longest = f"{_longest_seconds(wanted)}s"
    task.set_retry(wanted.retries, backoff_duration=f"{FIRST_PAUSE_SECONDS}s", backoff_factor=PAUSE_FACTOR, backoff_max_duration=longest)
    kubernetes.set_timeout(task, wanted.timeout_minutes * 60)
    for label, value in wanted.node_selector.items():
        kubernetes.add_node_selector(task, label, value)
    for toleration in wanted.tolerations:
        operator = "Exists" if toleration.value is None else "Equal"
        kubernetes.add_toleration(task, toleration.key, operator, toleration.value, toleration.effect)
    kubernetes.set_security_context(task, run_as_user=USER, run_as_non_root=True)
    kubernetes.empty_dir_mount(task, SCRATCH_VOLUME, SCRATCH, size_limit=SCRATCH_SIZE)


def _require_names(settings: Settings) -> None:
    """Refuse names that two volumes of a pod would have: Kubeflow calls them after what is mounted."""
    names = [settings.kubeflow_config_map, settings.kubeflow_secret, settings.kubeflow_credentials_secret, SCRATCH_VOLUME]
    twice = next((name for name in names if name and names.count(name) > 1), None)
    if twice:
        variables = "PERENNIAL_KUBEFLOW_CONFIG_MAP, PERENNIAL_KUBEFLOW_SECRET and PERENNIAL_KUBEFLOW_CREDENTIALS_SECRET"
        own = f", or one of them and the volume {SCRATCH_VOLUME!r} of each pod" if twice == SCRATCH_VOLUME else ""
        raise SettingsError(f"two of {variables} name {twice!r}{own}, and Kubeflow calls a volume after each: give them different names")


def _longest_seconds(wanted: StepResources) -> int:
    """How long all attempts of a step and the pauses between them may take. Argo counts from the first attempt's start: a shorter time
    would forbid a second attempt of a step that was lost late."""
    pauses: int = sum(FIRST_PAUSE_SECONDS * PAUSE_FACTOR**attempt for attempt in range(wanted.retries))
    return (wanted.retries + 1) * wanted.timeout_minutes * 60 + pauses


def _with_settings(task: dsl.PipelineTask, settings: Settings) -> dsl.PipelineTask:
    environment = _variable("environment")
    kubernetes.use_config_map_as_env(task, settings.kubeflow_config_map, {environment: environment})
    # Optional, since of a volume that cannot be mounted Kubernetes tells nobody who asks for the pod.
    kubernetes.use_config_map_as_volume(task, settings.kubeflow_config_map, FOLDERS[0], optional=True)
    kubernetes.use_secret_as_volume(task, settings.kubeflow_secret, FOLDERS[1], optional=True)
    task.set_env_variable(SETTINGS_FOLDER, ":".join(FOLDERS))
    if settings.kubeflow_credentials_secret and settings.credentials_file:
        kubernetes.use_secret_as_volume(task, settings.kubeflow_credentials_secret, str(settings.credentials_file.parent))
    task.set_env_variable(f"{PREFIX}STATE_FOLDER", f"{SCRATCH}/perennial")
    if settings.image:
        task.set_env_variable(f"{PREFIX}IMAGE", settings.image)
    return task


def _is_for_steps(field: str, settings: Settings) -> bool:
    """Whether steps are told of a setting, and not by a Secret."""
    own = {*SECRETS, *NOT_FOR_STEPS} - ({"credentials_file"} if settings.kubeflow_credentials_secret else set())
    return field not in own and not field.startswith("kubeflow_")


def setting_variables(settings: Settings) -> dict[str, str]:
    """What a ConfigMap has to say, or the steps where there is none: what they need, and every setting that is not a default. Secrets
    and what is this machine's own are left out."""
    chosen = settings.model_dump(mode="json", include=set(NEEDED)) | settings.model_dump(mode="json", exclude_defaults=True)
    told = {field: value for field, value in chosen.items() if _is_for_steps(field, settings)}
    return {_variable(field): value if isinstance(value, str) else json.dumps(value) for field, value in sorted(told.items())}


def _variable(field: str) -> str:
    return f"{PREFIX}{field.upper()}"
