"""The pod of a task, put together as the driver and the compiler put it together: what it is given is what its container sees.

After backend/src/v2/driver/{driver,k8s}.go and backend/src/v2/compiler/argocompiler/{container,security_context}.go, tag 2.17.0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.emulators.kubeflow.listing import Json

SCRATCH = {"gcs-scratch": "/gcs", "s3-scratch": "/s3", "minio-scratch": "/minio", "kfp-launcher": "/kfp-launcher"}
SCRATCH |= {"dot-local-scratch": "/.local", "dot-cache-scratch": "/.cache", "dot-config-scratch": "/.config"}
"""Folders that every task's container can write, whatever its root is: the launcher copies artifacts in and out of them."""
HARDENED: Json = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


class PodError(Exception):
    """Kubernetes cannot start the container."""


@dataclass(frozen=True)
class Namespace:
    """The ConfigMaps and Secrets beside the pods: by name, what each key holds."""

    config_maps: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    patience_seconds: float = 0.0
    """How long a container that cannot start waits until it can; a real one waits for the time limit of its pod."""


def pod_of_task(container: Json, config: Json, *, service_account: str = "pipeline-runner") -> Json:
    """The specification of a task's pod.

    Args:
        container: the executor's in the pipeline's specification.
        config: the executor's in the platform's, for Kubernetes.
        service_account: the run's.
    """
    asked = {key: value if isinstance(value, bool) else int(value) for key, value in config.get("securityContext", {}).items()}
    main: Json = {"name": "main", "image": container["image"], "securityContext": HARDENED | asked}
    main["env"] = [{"name": item["name"], "value": item.get("value", "")} for item in container.get("env", ())]
    main["env"] += [*_variables(config, "secretAsEnv"), *_variables(config, "configMapAsEnv")]
    volumes: list[Json] = [{"name": name, "emptyDir": {}} for name in SCRATCH]
    mounts = [{"name": name, "mountPath": path} for name, path in SCRATCH.items()]
    for given in config.get("secretAsVolume", ()):
        name = given["secretName"]
        volumes.append({"name": name, "secret": {"secretName": name, "optional": given.get("optional", False)}})
        mounts.append({"name": name, "mountPath": given["mountPath"]})
    for given in config.get("configMapAsVolume", ()):
        name = given["configMapName"]
        volumes.append({"name": name, "configMap": {"name": name, "optional": given.get("optional", False)}})
        mounts.append({"name": name, "mountPath": given["mountPath"]})
    for given in config.get("emptyDirMounts", ()):
        volumes.append({"name": given["volumeName"], "emptyDir": {"sizeLimit": given["sizeLimit"]} if "sizeLimit" in given else {}})
        mounts.append({"name": given["volumeName"], "mountPath": given["mountPath"]})
    main |= {"volumeMounts": mounts, "resources": _resources(container.get("resources", {}))}
    if policy := config.get("imagePullPolicy"):
        main["imagePullPolicy"] = policy
    pod: Json = {"containers": [main], "volumes": volumes, "serviceAccountName": service_account, "restartPolicy": "Never"}
    pod["securityContext"] = {"seccompProfile": HARDENED["seccompProfile"]}
    if limit := config.get("activeDeadlineSeconds"):
        pod["activeDeadlineSeconds"] = int(limit)
    if selector := config.get("nodeSelector"):
        pod["nodeSelector"] = selector["labels"]
    if tolerations := config.get("tolerations"):
        pod["tolerations"] = tolerations
    return pod


def _variables(config: Json, kind: str) -> list[Json]:
    """Variables from Secrets or ConfigMaps, each key by itself."""
    name, key, source = {
        "secretAsEnv": ("secretName", "secretKey", "secretKeyRef"),
        "configMapAsEnv": ("configMapName", "configMapKey", "configMapKeyRef"),
    }[kind]
    return [
        {"name": item["envVar"], "valueFrom": {source: {"name": given[name], "key": item[key], "optional": given.get("optional", False)}}}
        for given in config.get(kind, ())
        for item in given["keyToEnv"]
    ]


def _resources(wanted: Json) -> Json:
    names = {"requests": ("resourceCpuRequest", "resourceMemoryRequest"), "limits": ("resourceCpuLimit", "resourceMemoryLimit")}
    found: Json = {
        kind: {unit: wanted[name] for unit, name in zip(("cpu", "memory"), pair, strict=True) if name in wanted}
        for kind, pair in names.items()
    }
    if accelerator := wanted.get("accelerator"):
        found["limits"][accelerator["resourceType"]] = accelerator["resourceCount"]
    return found


def environment_of(pod: Json, namespace: Namespace, folder: Path) -> dict[str, str]:
    """The variables that the pod's container sees, beside those of its image.

    There is no container here: a mounted ConfigMap or Secret is a folder below `folder`, which a variable names instead of where it is
    mounted.

    Raises:
        PodError: the namespace lacks what is not optional; in the words of the kubelet.
    """
    found, mounted = {}, _mount(pod, namespace, folder)
    for item in pod["containers"][0]["env"]:
        if "value" in item:
            found[item["name"]] = ":".join(mounted.get(part, part) for part in item["value"].split(":"))
            continue
        ((kind, source),) = item["valueFrom"].items()
        what, there = ("secret", namespace.secrets) if kind == "secretKeyRef" else ("configmap", namespace.config_maps)
        values = there.get(source["name"])
        if values is not None and source["key"] in values:
            found[item["name"]] = values[source["key"]]
        elif not source["optional"]:
            if values is None:
                raise PodError(f'{what} "{source["name"]}" not found')
            label = "Secret" if what == "secret" else "ConfigMap"
            raise PodError(f"couldn't find key {source['key']} in {label} kubeflow/{source['name']}")
    return found


def _mount(pod: Json, namespace: Namespace, folder: Path) -> dict[str, str]:
    """Write each ConfigMap and Secret that is mounted, a file for a key. Returns the folders by the paths at which they are mounted.

    Raises:
        PodError: one is not there, and not optional.
    """
    paths = {mount["name"]: mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    found = {}
    for volume in pod["volumes"]:
        if "configMap" not in volume and "secret" not in volume:
            continue
        what, there = ("configmap", namespace.config_maps) if "configMap" in volume else ("secret", namespace.secrets)
        if volume["name"] not in there and not volume.get("configMap", volume.get("secret"))["optional"]:
            raise PodError(f'MountVolume.SetUp failed for volume "{volume["name"]}" : {what} "{volume["name"]}" not found')
        place = folder / volume["name"]
        place.mkdir(parents=True, exist_ok=True)
        for key, value in there.get(volume["name"], {}).items():
            (place / key).write_text(value)
        found[paths[volume["name"]]] = str(place)
    return found
