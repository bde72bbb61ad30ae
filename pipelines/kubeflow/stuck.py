"""Why a pod of a run does not start: what Kubernetes says of it where it can be asked, else what to look at."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import urllib3

from components.settings import KubeflowAuthentication, Settings
from components.wording import legible

LABEL = "pipeline/runid"
"""That Kubeflow puts on each pod of a run."""
ASK_SECONDS = 10
NO_REASON = ("PodInitializing", "ContainerCreating", "Completed")
IN_CLUSTER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
ADDRESS = "https://kubernetes.default.svc"


def why_stuck(settings: Settings, kubeflow_run: str) -> str:
    """The cause, as Kubernetes words it for each pod; where it cannot be asked, the command that does."""
    found = list(_reasons(_pods(settings, kubeflow_run)))
    if found:
        return "; ".join(dict.fromkeys(found))
    needed = f"the ConfigMap {settings.kubeflow_config_map}, the image, its Secrets and room on a node"
    describe = f"kubectl -n {settings.kubeflow_namespace} describe pod -l {LABEL}={kubeflow_run}"
    return f"it needs {needed}: `{describe}` says which is missing"


def _reasons(pods: Mapping[str, Any]) -> Iterator[str]:
    for pod in pods.get("items") or ():
        status = pod.get("status", {})
        for container in [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]:
            waiting = container.get("state", {}).get("waiting", {})
            if waiting.get("reason") not in (None, *NO_REASON):
                yield _sentence(waiting)
        for condition in status.get("conditions", ()):
            if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
                yield _sentence(condition)


def _sentence(said: Mapping[str, Any]) -> str:
    return legible(f"{said.get('reason', '')}: {said.get('message', '')}".strip(": "), 300)


def _pods(settings: Settings, kubeflow_run: str) -> Mapping[str, Any]:
    """What Kubernetes says of a run's pods; nothing where nobody can be asked."""
    way = settings.kubeflow_authentication
    try:
        if way is KubeflowAuthentication.PORT_FORWARD:
            text = _by_kubectl(settings, kubeflow_run)
        elif way is KubeflowAuthentication.CLUSTER and (IN_CLUSTER / "token").is_file():
            text = _in_cluster(settings, kubeflow_run)
        else:
            return {}
        found = json.loads(text)
    except (OSError, ValueError, subprocess.SubprocessError, urllib3.exceptions.HTTPError):
        return {}
    return found if isinstance(found, dict) else {}


def _by_kubectl(settings: Settings, kubeflow_run: str) -> str:
    command = ["kubectl", "--namespace", settings.kubeflow_namespace, "get", "pods", "-l", f"{LABEL}={kubeflow_run}", "-o", "json"]
    return subprocess.run(command, capture_output=True, text=True, timeout=ASK_SECONDS, check=True).stdout


def _in_cluster(settings: Settings, kubeflow_run: str) -> str:
    pool = urllib3.PoolManager(ca_certs=str(IN_CLUSTER / "ca.crt"), timeout=ASK_SECONDS, retries=False)
    address = f"{ADDRESS}/api/v1/namespaces/{settings.kubeflow_namespace}/pods?labelSelector={LABEL}%3D{kubeflow_run}"
    answer = pool.request("GET", address, headers={"Authorization": f"Bearer {(IN_CLUSTER / 'token').read_text().strip()}"})
    return answer.data.decode()
