"""Who may do what: the IAM policy of this machine, a file of bindings of roles to service accounts.

`{"bindings": [{"role": "roles/storage.objectUser", "members": ["serviceAccount:a@p.iam.gserviceaccount.com"], "resource": "buckets/b"}]}`.
A binding without a resource is one of the project. An account that no binding names may do everything.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from identity.roles import ROLES

MEMBER = "serviceAccount:"


class UnknownRole(ValueError):
    """The policy grants a role that the emulators do not know."""


@dataclass(frozen=True)
class Binding:
    """A role of some accounts, on the project or on one dataset or bucket."""

    role: str
    members: frozenset[str]
    resource: str | None

    def grants(self, permission: str, resource: str) -> bool:
        """Whether the role has a permission, and is of this resource."""
        return self.resource in (None, resource) and permission in ROLES[self.role]


@dataclass(frozen=True)
class Policy:
    """The policy in a file, which may change while the emulators run, or not be there."""

    file: Path | None

    def names(self, email: str) -> bool:
        """Whether the policy says anything of an account.

        Raises:
            ValueError: as `permits`.
        """
        return any(f"{MEMBER}{email}" in binding.members for binding in self._bindings())

    def permits(self, email: str, permission: str, resource: str = "") -> bool:
        """Whether an account may do something to the project, or to `datasets/NAME` or `buckets/NAME`.

        Raises:
            ValueError: the file holds no policy, or a role that nobody knows.
        """
        own = [binding for binding in self._bindings() if f"{MEMBER}{email}" in binding.members]
        return not own or any(binding.grants(permission, resource) for binding in own)

    def _bindings(self) -> Iterator[Binding]:
        if self.file is None or not self.file.exists():
            return
        try:
            for fields in json.loads(self.file.read_bytes())["bindings"]:
                if fields["role"] not in ROLES:
                    raise UnknownRole(f"{self.file}: {fields['role']} is no role that the emulators know: {', '.join(sorted(ROLES))}")
                yield Binding(fields["role"], frozenset(fields["members"]), fields.get("resource"))
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"{self.file} is no policy: correct or delete it") from error
