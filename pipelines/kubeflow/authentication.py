"""How Kubeflow is reached, and with whose token: plainly, through IAP or with an ID token, from inside the cluster, or by port-forward."""

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import IO

import google.auth.credentials
from google.auth import impersonated_credentials
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request
from google.oauth2 import id_token, service_account

from components.errors import AccessError, SettingsError
from components.google import credentials
from components.settings import KubeflowAuthentication, Settings

FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+)")
SERVICE = "svc/ml-pipeline"
API_PORT = 8888
KUBECTL_SECONDS = 30


@dataclass(frozen=True)
class Access:
    """Where the API is, and what gives a token that is valid now; None where nobody asks for one."""

    host: str
    token: Callable[[], str] | None = None


@contextmanager
def access(settings: Settings) -> Iterator[Access]:
    """Reach the API as the settings say.

    Raises:
        SettingsError: the settings do not say where it is, or lack what the way needs.
        AccessError: kubectl cannot forward a port.
    """
    way = settings.kubeflow_authentication
    if way is KubeflowAuthentication.PORT_FORWARD:
        with _forwarded(settings.kubeflow_namespace) as port:
            yield Access(f"http://127.0.0.1:{port}")
        return
    if settings.kubeflow_endpoint is None:
        raise SettingsError(
            f"PERENNIAL_KUBEFLOW_ENDPOINT is not set: set it in infra/environments/{settings.environment}.env, "
            "or PERENNIAL_KUBEFLOW_AUTHENTICATION=port-forward"
        )
    tokens = {KubeflowAuthentication.ID_TOKEN: _id_token, KubeflowAuthentication.CLUSTER: _cluster_token}
    token = tokens[way](settings) if way in tokens else None
    yield Access(settings.kubeflow_endpoint.rstrip("/"), token)


def _id_token(settings: Settings) -> Callable[[], str]:
    """An OpenID Connect token for IAP or whatever stands before Kubeflow, if wanted for a service account that is impersonated."""
    audience = settings.kubeflow_audience
    if audience is None:
        raise SettingsError("PERENNIAL_KUBEFLOW_AUTHENTICATION=id-token needs PERENNIAL_KUBEFLOW_AUDIENCE, the client id of IAP: set it")
    try:
        identity = _identity(settings, audience)
    except GoogleAuthError as error:
        raise _no_id_token(settings, error) from error

    def token() -> str:
        try:
            if not identity.valid:
                identity.refresh(Request())
        except GoogleAuthError as error:
            raise _no_id_token(settings, error) from error
        return str(identity.token)

    return token


def _identity(settings: Settings, audience: str) -> google.auth.credentials.Credentials:
    impersonated = settings.kubeflow_service_account
    if impersonated:
        scopes = ["https://www.googleapis.com/auth/cloud-platform"]
        target = impersonated_credentials.Credentials(credentials(settings), impersonated, scopes)
        return impersonated_credentials.IDTokenCredentials(target, audience, include_email=True)
    if settings.credentials_file:
        return service_account.IDTokenCredentials.from_service_account_file(str(settings.credentials_file), target_audience=audience)
    return id_token.fetch_id_token_credentials(audience)


def _no_id_token(settings: Settings, error: GoogleAuthError) -> AccessError:
    who = settings.kubeflow_service_account or "these credentials"
    return AccessError(
        f"no ID token for {settings.kubeflow_audience} can be had as {who} ({str(error).splitlines()[0]}): grant "
        "roles/iam.serviceAccountTokenCreator on it, or correct PERENNIAL_KUBEFLOW_SERVICE_ACCOUNT"
    )


def _cluster_token(settings: Settings) -> Callable[[], str]:
    """The token that Kubernetes projects into a pod. It is read each time: the kubelet renews it."""

    def token() -> str:
        try:
            return settings.kubeflow_token_file.read_text().strip()
        except OSError as error:
            raise AccessError(
                f"the token file {settings.kubeflow_token_file} cannot be read ({error.strerror}): mount a projected serviceAccountToken "
                "with audience pipelines.kubeflow.org there, or set PERENNIAL_KUBEFLOW_TOKEN_FILE"
            ) from error

    return token


@contextmanager
def _forwarded(namespace: str) -> Iterator[int]:
    """A port of this machine that kubectl forwards to the API, as long as the block lasts."""
    command = ["kubectl", "--namespace", namespace, "port-forward", SERVICE, f":{API_PORT}"]
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except OSError as error:
        raise AccessError("kubectl is not on the PATH: install it, or set PERENNIAL_KUBEFLOW_ENDPOINT to where Kubeflow is") from error
    try:
        yield _port(process, namespace)
    finally:
        process.kill()
        process.wait()


def _port(process: "subprocess.Popen[str]", namespace: str) -> int:
    """The port that kubectl says it forwards."""
    lines: list[str] = []
    reader = Thread(target=_collect, args=(process.stdout, lines), daemon=True)
    reader.start()
    reader.join(KUBECTL_SECONDS)
    found = FORWARDING.search("\n".join(lines))
    if found is None:
        said = lines[0] if lines else f"nothing within {KUBECTL_SECONDS} seconds"
        raise AccessError(f"kubectl cannot forward a port to {SERVICE} in namespace {namespace} ({said}): check `kubectl get {SERVICE}`")
    return int(found[1])


def _collect(stream: IO[str] | None, lines: list[str]) -> None:
    """Read until the port is told."""
    for line in stream or ():
        lines.append(line.strip())
        if FORWARDING.search(line):
            return
