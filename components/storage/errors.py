"""What Cloud Storage refuses, as errors of ours."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import requests
from google.api_core.exceptions import Forbidden, NotFound, RetryError, ServerError, TooManyRequests, Unauthorized
from google.auth.exceptions import GoogleAuthError, TransportError
from google.cloud.storage.exceptions import DataCorruption

from components.errors import AccessError, RegistryError, StorageFullError


@contextmanager
def storage_errors(bucket: str) -> Iterator[None]:
    """Turn what Cloud Storage refuses into errors of ours. Any other error of it is a bug, and stays what it is."""
    try:
        yield
    except (Unauthorized, Forbidden) as error:
        raise AccessError(f"Cloud Storage refuses these credentials for bucket {bucket}: {error.message}") from error
    except NotFound as error:
        raise RegistryError(f"bucket {bucket} does not exist or lacks what is asked for ({error.message}): run `perennial up`") from error
    except (ServerError, TooManyRequests, RetryError, TransportError, requests.ConnectionError, requests.Timeout) as error:
        raise AccessError(f"Cloud Storage cannot be reached for bucket {bucket} ({error}): run `perennial status`") from error
    except GoogleAuthError as error:
        raise AccessError(f"the credentials for bucket {bucket} do not work ({error}): correct PERENNIAL_CREDENTIALS_FILE") from error
    except DataCorruption as error:
        raise RegistryError(f"bucket {bucket} serves bytes that differ from their own checksum: {error}") from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise StorageFullError(f"no room on the disk ({error}): free some and run the command again") from error
