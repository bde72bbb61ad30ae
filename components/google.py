"""The clients of Google Cloud, pointed at an emulator when the settings name one. The clients themselves are unmodified.

Each library is imported when its client is made: BigQuery's alone brings pandas and IPython, two seconds for all who need none of it.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import google.auth
from google.auth.credentials import Credentials
from google.auth.exceptions import DefaultCredentialsError, RefreshError, TransportError
from google.auth.transport.requests import Request
from google.oauth2 import service_account

from components.errors import AccessError
from components.google_errors import does_not_answer
from components.settings import Settings

if TYPE_CHECKING:
    import grpc
    from google.cloud import bigquery, storage
    from google.cloud.aiplatform_v1.services.model_service import ModelServiceClient
    from google.cloud.bigquery_storage_v1 import BigQueryReadClient, BigQueryWriteClient

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)


def credentials(settings: Settings) -> Credentials:
    """The service account of `credentials_file`, else Application Default Credentials.

    Raises:
        AccessError: the file is missing or no key, or there are no default credentials.
    """
    path = settings.credentials_file
    try:
        if path is None:
            return google.auth.default(scopes=SCOPES)[0]
        account: service_account.Credentials
        account = service_account.Credentials.from_service_account_file(str(path), scopes=SCOPES)
        # Unless it acts for somebody, if only for itself, google-auth would send its token to Google, to learn where it may be used.
        return account.with_subject(account.service_account_email) if settings.is_local else account
    except FileNotFoundError as error:
        remedy = "run `perennial up`, or correct PERENNIAL_CREDENTIALS_FILE" if settings.is_local else "correct PERENNIAL_CREDENTIALS_FILE"
        raise AccessError(f"credentials file {path} does not exist: {remedy}") from error
    except (ValueError, AttributeError) as error:  # the latter where it is JSON, but no object
        raise AccessError(f"credentials file {path} is not a service account key: correct PERENNIAL_CREDENTIALS_FILE") from error
    except OSError as error:
        raise AccessError(f"credentials file {path} cannot be read ({error.strerror}): correct PERENNIAL_CREDENTIALS_FILE") from error
    except DefaultCredentialsError as error:
        remedy = "run `perennial up`" if settings.is_local else "run `gcloud auth application-default login`"
        raise AccessError(f"no Google Cloud credentials: {remedy}") from error


def bigquery_client(settings: Settings) -> bigquery.Client:
    """A BigQuery client (REST).

    Raises:
        AccessError: there are no credentials, or the emulator that the settings name does not answer.
    """
    from google.cloud import bigquery

    from components.patience import PatientSession

    account = credentials(settings)
    endpoint = settings.bigquery_endpoint
    if endpoint:
        _ask(settings, endpoint, account)
    options = {"api_endpoint": endpoint} if endpoint else None
    session = PatientSession(account, settings, endpoint or "BigQuery")
    return bigquery.Client(settings.project, account, location=settings.location, client_options=options, _http=session)


def bigquery_read_client(settings: Settings) -> BigQueryReadClient:
    """A client of the BigQuery Storage Read API (gRPC).

    Raises:
        AccessError: there are no credentials, or the emulator that the settings name does not answer.
    """
    from google.cloud.bigquery_storage_v1 import BigQueryReadClient

    account = credentials(settings)
    endpoint = settings.bigquery_storage_endpoint
    if endpoint is None:
        return BigQueryReadClient(credentials=account)
    from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

    return BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=_channel(settings, endpoint, account)))


def bigquery_write_client(settings: Settings) -> BigQueryWriteClient:
    """A client of the BigQuery Storage Write API (gRPC).

    Raises:
        AccessError: there are no credentials, or the emulator that the settings name does not answer.
    """
    from google.cloud.bigquery_storage_v1 import BigQueryWriteClient

    account = credentials(settings)
    endpoint = settings.bigquery_storage_endpoint
    if endpoint is None:
        return BigQueryWriteClient(credentials=account)
    from google.cloud.bigquery_storage_v1.services.big_query_write.transports import BigQueryWriteGrpcTransport

    return BigQueryWriteClient(transport=BigQueryWriteGrpcTransport(channel=_channel(settings, endpoint, account)))


def _channel(settings: Settings, endpoint: str, account: Credentials) -> grpc.Channel:
    """A channel to the emulator of the Storage API, on which every call has a token."""
    import grpc

    from components.bearer import Bearer

    _ask(settings, endpoint, account)
    channel = grpc.insecure_channel(endpoint, options=[("grpc.max_receive_message_length", -1)])
    return grpc.intercept_channel(channel, Bearer(account))


def _ask(settings: Settings, endpoint: str, account: Credentials) -> None:
    """Whether an emulator is there, and gives a token: BigQuery's clients would ask silently for ten minutes."""
    address = urlsplit(endpoint if "//" in endpoint else f"//{endpoint}")
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        socket.create_connection((address.hostname or "", port), settings.connect_timeout_seconds).close()
        if settings.is_local:
            account.refresh(Request())
    except OSError as error:
        raise does_not_answer(settings, endpoint) from error
    except TransportError as error:
        raise does_not_answer(settings, f"the token endpoint of credentials file {settings.credentials_file}") from error
    except RefreshError as error:
        path = settings.credentials_file
        raise AccessError(f"credentials file {path} is refused ({error.args[0]}): correct PERENNIAL_CREDENTIALS_FILE") from error


def table_name(table: bigquery.Table | bigquery.TableReference | bigquery.table.TableListItem) -> str:
    """The full name of a BigQuery table: `project.dataset.table`."""
    return f"{table.project}.{table.dataset_id}.{table.table_id}"


def split_table(table: str) -> tuple[str, str, str]:
    """The project, the dataset and the name of a table: a project may begin with a domain, as in `example.com:shop.retail.purchases`."""
    domain, colon, rest = table.rpartition(":")
    project, dataset, name = rest.split(".")
    return domain + colon + project, dataset, name


def quoted(table: str) -> str:
    """The full name of a table as SQL has it, each part between backticks."""
    return ".".join(f"`{part}`" for part in split_table(table))


def storage_client(settings: Settings) -> storage.Client:
    """A Cloud Storage client."""
    from google.cloud import storage

    from components.patience import PatientSession

    account, endpoint = credentials(settings), settings.storage_endpoint
    options = {"api_endpoint": endpoint} if endpoint else None
    session = PatientSession(account, settings, endpoint or "Cloud Storage")
    return storage.Client(settings.project, account, client_options=options, _http=session)


def vertex_model_client(settings: Settings, location: str) -> ModelServiceClient:
    """A client of Vertex AI Model Registry in a location (REST)."""
    from google.cloud.aiplatform_v1.services.model_service import ModelServiceClient
    from google.cloud.aiplatform_v1.services.model_service.transports import ModelServiceRestTransport

    account = credentials(settings)
    endpoint = settings.vertex_endpoint or f"https://{location}-aiplatform.googleapis.com"
    return ModelServiceClient(transport=ModelServiceRestTransport(host=endpoint, credentials=account))
