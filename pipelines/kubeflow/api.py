"""Kubeflow's API through its own generated client, kfp-server-api, each answer checked and each refusal one sentence of ours."""

import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import kfp_server_api
import urllib3
from kfp_server_api.exceptions import ApiException

from components.errors import AccessError, RegistryError
from components.settings import Settings
from pipelines.kubeflow.authentication import Access, access
from pipelines.kubeflow.refusals import ApiCall, refused, silent, web_page
from pipelines.kubeflow.remote import RemoteRun, remote_run

PAGE = 100
READ_ATTEMPTS = 4
WORTH_WAITING = (429, 502, 503, 504)
"""Answers after which a call that changes nothing is made again."""
FIRST_PAUSE_SECONDS = 0.5
NO_LOG = '{"error_message"'
"""So begins what is said instead of a log: the server has answered 200 before it looked."""


class UnansweredError(AccessError):
    """A call that changes something was made, and nobody knows whether it was heard."""


class Kubeflow:
    """A connection to the API."""

    def __init__(self, settings: Settings, way: Access) -> None:
        self.host = way.host
        self.pages = f"{(settings.kubeflow_ui or way.host).rstrip('/')}/#/runs/details/"
        """What an id is appended to for the address of its run."""
        self._timeout = (settings.connect_timeout_seconds, settings.answer_timeout_seconds)
        configuration = kfp_server_api.Configuration(host=way.host)
        configuration.retries = urllib3.Retry(0)
        if way.token:
            configuration.api_key_prefix["authorization"] = "Bearer"
            configuration.api_key["authorization"] = way.token()
            configuration.refresh_api_key_hook = lambda own: own.api_key.update(authorization=way.token())
        self._client = kfp_server_api.ApiClient(configuration)
        self.runs = kfp_server_api.RunServiceApi(self._client)
        self.experiments = kfp_server_api.ExperimentServiceApi(self._client)
        self.pipelines = kfp_server_api.PipelineServiceApi(self._client)
        self.uploads = kfp_server_api.PipelineUploadServiceApi(self._client)
        self.recurring_runs = kfp_server_api.RecurringRunServiceApi(self._client)

    def read(self, what: str, method: Callable[..., Any], *arguments: Any, absent: str = "check the name", **options: Any) -> Any:
        """Make a call that changes nothing, again where the server is busy.

        Args:
            what: for the sentence of an error, such as `to find run MODEL-…`.
            method: of one of the services.
            arguments: of the method; likewise `options`.
            absent: what to do where the thing does not exist.

        Raises:
            PerennialError: it is refused, or nobody answers.
        """
        asked = ApiCall(self.host, what, absent)
        for attempt in range(READ_ATTEMPTS):
            try:
                return self._call(asked, method, *arguments, **options)
            except ApiException as error:
                if error.status not in WORTH_WAITING or attempt == READ_ATTEMPTS - 1:
                    raise refused(asked, error.status or 0, _text(error)) from error
            except (urllib3.exceptions.HTTPError, http.client.HTTPException) as error:
                if attempt == READ_ATTEMPTS - 1 or isinstance(error, urllib3.exceptions.NewConnectionError) or _is_down(error):
                    raise silent(asked, error) from error
            time.sleep(FIRST_PAUSE_SECONDS * 2**attempt)
        raise AssertionError("the last attempt returns or raises")

    def write(self, what: str, method: Callable[..., Any], *arguments: Any, absent: str = "check the name", **options: Any) -> Any:
        """Make a call that changes something, once.

        Raises:
            UnansweredError: it was made, and no answer came.
            PerennialError: it is refused, or nobody is there.
        """
        asked = ApiCall(self.host, what, absent)
        try:
            return self._call(asked, method, *arguments, **options)
        except ApiException as error:
            status = error.status or 0
            if status in (502, 504):  # a proxy's words: the server may have heard
                raise UnansweredError(str(refused(asked, status, _text(error)))) from error
            raise refused(asked, status, _text(error)) from error
        except (urllib3.exceptions.HTTPError, http.client.HTTPException) as error:
            kind = silent(asked, error)
            raise (kind if _is_down(error) else UnansweredError(str(kind))) from error

    def _call(self, asked: ApiCall, method: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        answer = method(*arguments, _request_timeout=self._timeout, **options)
        last = self._client.last_response
        if "json" not in (last.getheader("content-type") or "").lower():
            raise web_page(asked, str(last.data))
        return answer

    def find_run(self, experiment_id: str | None, run_id: str) -> RemoteRun | None:
        """The run of Kubeflow that was submitted for a run of the registry: its description is the id. None if there is none."""
        predicate = {"operation": "EQUALS", "key": "description", "string_value": run_id}
        options = {"filter": json.dumps({"predicates": [predicate]}), "sort_by": "created_at asc"}
        if experiment_id:
            options["experiment_id"] = experiment_id
        found = self.read(f"to find run {run_id}", self.runs.run_service_list_runs, **options).runs
        return remote_run(found[0], self.pages) if found else None

    def get_run(self, kubeflow_run: str) -> RemoteRun:
        """A run by Kubeflow's own id.

        Raises:
            PerennialError: there is none, or nobody answers.
        """
        what = f"to show run {kubeflow_run}"
        return remote_run(
            self.read(what, self.runs.run_service_get_run, kubeflow_run, absent="`perennial runs MODEL` lists them"), self.pages
        )

    def find_by_id(self, kubeflow_run: str) -> RemoteRun | None:
        """A run by Kubeflow's own id; None if it was deleted there. Whoever does not know it, and lists no runs either, is no Kubeflow.

        Raises:
            PerennialError: nobody answers.
        """
        try:
            return self.get_run(kubeflow_run)
        except RegistryError:
            return self.find_run(None, kubeflow_run)

    def experiment(self, name: str) -> str | None:
        """The id of an experiment; None if there is none of that name."""
        predicate = {"operation": "EQUALS", "key": "name", "string_value": name}
        options = {"filter": json.dumps({"predicates": [predicate]})}
        found = self.read(f"to find experiment {name}", self.experiments.experiment_service_list_experiments, **options).experiments
        return str(found[0].experiment_id) if found else None

    def read_log(self, kubeflow_run: str, pod: str) -> str:
        """The log of a pod of a run.

        Raises:
            PerennialError: the pod and its log are gone, or nobody answers.
        """
        with self._log(kubeflow_run, pod) as answer:
            text = answer.data.decode(errors="replace")
        if text.startswith(NO_LOG):
            gone = ApiCall(self.host, _to_show(pod), "its pod is gone; set up Argo's archive of logs to keep them")
            raise refused(gone, 404, text)
        return str(text)

    def has_log(self, kubeflow_run: str, pod: str) -> bool:
        """Whether a pod of a run has a log, of which a few bytes are read.

        Raises:
            PerennialError: nobody answers, or it may not be read.
        """
        with self._log(kubeflow_run, pod) as answer:
            return not answer.read(len(NO_LOG)).decode(errors="replace").startswith(NO_LOG)

    @contextmanager
    def _log(self, kubeflow_run: str, pod: str) -> Iterator[Any]:
        call = ApiCall(self.host, _to_show(pod))
        path = f"/apis/v1alpha1/runs/{kubeflow_run}/nodes/{pod}/log"
        try:
            answer = self._client.call_api(
                path, "GET", auth_settings=["Bearer"], _preload_content=False, _return_http_data_only=True, _request_timeout=self._timeout
            )
            try:
                yield answer
            finally:
                answer.close()  # what was not read is not sent
        except ApiException as error:
            raise refused(call, error.status or 0, _text(error)) from error
        except urllib3.exceptions.HTTPError as error:
            raise silent(call, error) from error

    def every(self, what: str, method: Callable[..., Any], field: str, **options: Any) -> Iterator[Any]:
        """All items of a list, page by page."""
        token = ""
        while True:
            answer = self.read(what, method, page_token=token, page_size=PAGE, **options)
            yield from getattr(answer, field) or ()
            token = answer.next_page_token
            if not token:
                return


def _to_show(pod: str) -> str:
    return f"to show the log of pod {pod}"


@contextmanager
def connected(settings: Settings) -> Iterator[Kubeflow]:
    """A connection as the settings say.

    Raises:
        PerennialError: the settings lack something, or there is no token.
    """
    with access(settings) as way:
        yield Kubeflow(settings, way)


def _text(error: ApiException) -> str:
    body = error.body
    return body.decode(errors="replace") if isinstance(body, bytes) else str(body or error.reason or "")


def _is_down(error: Exception) -> bool:
    """Whether the call cannot have been heard."""
    reason = getattr(error, "reason", error)
    return isinstance(reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError)
