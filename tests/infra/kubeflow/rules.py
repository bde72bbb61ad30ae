"""What every object of ours in a cluster has to keep, beside the schemas of Kubernetes."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

Manifest = dict[str, Any]

PINNED = re.compile(r"[^:@]+(:\d+)?/?[^:@]*(@sha256:[0-9a-f]{64}|:(?!latest$)[\w.-]+)")
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
FROM_ELSEWHERE = {"ConfigMap/perennial", "Role/pipeline-runner"}
FROM_ELSEWHERE |= {f"Secret/perennial-{name}" for name in ("credentials", "owner", "server", "serving")}
"""What a command makes, or Kubeflow Pipelines brings."""


def faults(objects: Sequence[Manifest], *, beside: Sequence[Manifest] = ()) -> list[str]:
    """One sentence for everything that is wrong with the objects of a layer, by themselves and with each other and those beside them."""
    found = [fault for manifest in objects for fault in _faults_of(manifest)]
    return found + list(_dangling(objects, beside)) + list(_disconnected(objects))


def pod_of(manifest: Manifest) -> Manifest | None:
    """The specification of an object's pods; None if it has none."""
    spec = manifest.get("spec", {})
    if manifest["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return spec["template"]["spec"] if "template" in spec else None


def name_of(manifest: Manifest) -> str:
    """Kind and name."""
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def _faults_of(manifest: Manifest) -> Iterator[str]:
    where = name_of(manifest)
    if manifest["metadata"].get("labels", {}).get("app.kubernetes.io/part-of") != "perennial":
        yield f"{where} is not labelled app.kubernetes.io/part-of: perennial"
    pod = pod_of(manifest)
    if pod is None:
        return
    security = pod.get("securityContext", {})
    if not security.get("runAsNonRoot") or security.get("runAsUser", 0) == 0:
        yield f"{where} may run as root"
    if security.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield f"{where} has no seccomp profile RuntimeDefault"
    if pod.get("hostNetwork") or pod.get("hostPID") or pod.get("hostIPC") or any("hostPath" in volume for volume in pod.get("volumes", [])):
        yield f"{where} reaches into its host"
    if "serviceAccountName" not in pod:
        yield f"{where} names no service account"
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        yield from (f"container {container['name']} of {where} {fault}" for fault in _faults_of_container(container))


def _faults_of_container(container: Manifest) -> Iterator[str]:
    security = container.get("securityContext", {})
    if security.get("privileged"):
        yield "is privileged"
    if security.get("runAsUser") == 0 or security.get("runAsNonRoot") is False:
        yield "may run as root"
    if not security.get("readOnlyRootFilesystem"):
        yield "can write to its root"
    if security.get("allowPrivilegeEscalation", True):
        yield "may gain rights"
    if security.get("capabilities", {}).get("drop") != ["ALL"] or security["capabilities"].get("add"):
        yield "keeps capabilities"
    resources = container.get("resources", {})
    if missing := [kind for kind in ("requests", "limits") if not {"cpu", "memory"} <= resources.get(kind, {}).keys()]:
        yield f"has no {' and no '.join(missing)} of cpu and memory"
    if not PINNED.fullmatch(container["image"]):
        yield f"has an image that is not pinned: {container['image']}"


def _dangling(objects: Sequence[Manifest], beside: Sequence[Manifest]) -> Iterator[str]:
    """What is named and is not there."""
    there = {name_of(manifest) for manifest in [*objects, *beside]} | FROM_ELSEWHERE
    for manifest in objects:
        for wanted in _named_by(manifest):
            if wanted not in there:
                yield f"{name_of(manifest)} names {wanted}, which is not there"


def _named_by(manifest: Manifest) -> Iterator[str]:
    if manifest["kind"] == "RoleBinding":
        yield f"{manifest['roleRef']['kind']}/{manifest['roleRef']['name']}"
        yield from (f"{subject['kind']}/{subject['name']}" for subject in manifest["subjects"])
    if manifest["kind"] == "HorizontalPodAutoscaler":
        yield f"{manifest['spec']['scaleTargetRef']['kind']}/{manifest['spec']['scaleTargetRef']['name']}"
    pod = pod_of(manifest)
    if pod is None:
        return
    yield f"ServiceAccount/{pod.get('serviceAccountName', 'default')}"
    mounted = {volume["name"]: volume for volume in pod.get("volumes", [])}
    for volume in mounted.values():
        if "secret" in volume:
            yield f"Secret/{volume['secret']['secretName']}"
        if "configMap" in volume:
            yield f"ConfigMap/{volume['configMap']['name']}"
        if "persistentVolumeClaim" in volume:
            yield f"PersistentVolumeClaim/{volume['persistentVolumeClaim']['claimName']}"
    for container in pod["containers"]:
        yield from (f"ConfigMap/{source['configMapRef']['name']}" for source in container.get("envFrom", []) if "configMapRef" in source)
        secrets = (source["secretRef"] for source in container.get("envFrom", []) if "secretRef" in source)
        yield from (f"Secret/{secret['name']}" for secret in secrets if not secret.get("optional"))
        yield from (f"volume {mount['name']}" for mount in container.get("volumeMounts", []) if mount["name"] not in mounted)


def _disconnected(objects: Sequence[Manifest]) -> Iterator[str]:
    """Services that reach no pod, or no port of one; budgets of no pod, and probes of no port."""
    for manifest in objects:
        for container in (pod_of(manifest) or {"containers": []})["containers"]:
            yield from (f"{name_of(manifest)} {fault}" for fault in _faults_of_probes(container))
    for budget in (manifest for manifest in objects if manifest["kind"] == "PodDisruptionBudget"):
        if not _selected(objects, budget["spec"]["selector"]["matchLabels"]):
            yield f"{name_of(budget)} selects no pod"
    for service in (manifest for manifest in objects if manifest["kind"] == "Service"):
        pods = _selected(objects, service["spec"]["selector"])
        if not pods:
            yield f"{name_of(service)} selects no pod"
        ports = {
            port[key]
            for pod in pods
            for container in pod["containers"]
            for port in container.get("ports", [])
            for key in ("name", "containerPort")
        }
        for port in service["spec"]["ports"]:
            target = port.get("targetPort", port["port"])
            if pods and target not in ports:
                yield f"{name_of(service)} leads to port {target}, which no container has"


def _faults_of_probes(container: Manifest) -> Iterator[str]:
    own = {port["name"] for port in container.get("ports", [])}
    probes = [container[kind] for kind in PROBES if kind in container]
    for port in [probe.get("httpGet", probe.get("tcpSocket"))["port"] for probe in probes]:
        if port not in own:
            yield f"is asked on port {port}, which container {container['name']} has not"


def _selected(objects: Sequence[Manifest], labels: dict[str, str]) -> list[Manifest]:
    """The pods that have all these labels."""
    return [
        pod
        for manifest in objects
        if (pod := pod_of(manifest)) and labels.items() <= manifest["spec"]["template"]["metadata"]["labels"].items()
    ]
