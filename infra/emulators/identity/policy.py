"""Who may do what: the IAM policy of this machine, a file of bindings of roles to service accounts.

`{"bindings": [{"role": "roles/storage.objectUser", "members": ["serviceAccount:a@p.iam.gserviceaccount.com"], "resource": "buckets/b"}]}`.
A binding without a resource is one of the project. An account that no binding names may do everything. Roles of one's own stand beside
the bindings, as `gcloud iam roles describe --format json` prints them:

`{"roles": [{"name": "projects/p/roles/expiring", "includedPermissions": ["bigquery.tables.deleteSnapshot"]}], "bindings": […]}`.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from identity.roles import ROLES

MEMBER = "serviceAccount:"
OWN_ROLE = re.compile(r"(?:projects|organizations)/[^/]+/roles/[A-Za-z0-9_.]{3,64}")
PERMISSION = re.compile(r"[a-zA-Z0-9]+\.[a-zA-Z0-9]+\.[a-zA-Z0-9]+")


class UnknownRole(ValueError):
    """The policy grants a role that the emulators do not know, or makes one that nobody could."""


@dataclass(frozen=True)
class Binding:
    """A role of some accounts, on the project or on one dataset or bucket."""

    permissions: frozenset[str]
    members: frozenset[str]
    resource: str | None

    def grants(self, permission: str, resource: str) -> bool:
        """Whether the role has a permission, and is of this resource."""
        return self.resource in (None, resource) and permission in self.permissions


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
            document = json.loads(self.file.read_bytes())
            roles = ROLES | {role["name"]: self._permissions(role) for role in document.get("roles", ())}
            for fields in document["bindings"]:
                if fields["role"] not in roles:
                    raise UnknownRole(f"{self.file}: {fields['role']} is no role that the emulators know: {', '.join(sorted(roles))}")
                yield Binding(roles[fields["role"]], frozenset(fields["members"]), fields.get("resource"))
        except (AttributeError, KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"{self.file} is no policy: correct or delete it") from error

    def _permissions(self, role: Mapping[str, object]) -> frozenset[str]:
        """Those of a role of one's own."""
        name, permissions = role["name"], role["includedPermissions"]
        if not isinstance(name, str) or not OWN_ROLE.fullmatch(name):
            raise UnknownRole(f"{self.file}: {name} is no role of one's own: name it projects/PROJECT/roles/NAME")
        if not isinstance(permissions, list) or not all(isinstance(one, str) and PERMISSION.fullmatch(one) for one in permissions):
            raise UnknownRole(f"{self.file}: the permissions of {name} are to be a list of names such as bigquery.tables.get")
        return frozenset(permissions)
