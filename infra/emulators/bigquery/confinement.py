"""What DuckDB may touch: the state folder, and nothing else whatever a query asks for. What is DuckDB's own is no SQL of BigQuery."""

import re
from pathlib import Path

from local_bigquery.engine import database
from local_bigquery.errors import BigQueryError, position
from local_bigquery.jobs.storage import literal
from local_bigquery.sql.translate import Context
from sqlglot import exp

original_attach = database.attach

PROJECT = re.compile(r"(?:[a-z][a-z0-9.-]*:)?[a-z](?:[a-z0-9-]*[a-z0-9])?")
"""A project's id, which may begin with a domain. It becomes the name of a file."""

STATEMENTS = (
    exp.Query,
    exp.Insert,
    exp.Update,
    exp.Delete,
    exp.Merge,
    exp.TruncateTable,
    exp.Create,
    exp.Alter,
    exp.Drop,
    exp.Export,
    exp.Transaction,
    exp.Commit,
    exp.Rollback,
)
"""What BigQuery has of the statements that sqlglot knows; those of a script never come here."""
TABLE_FUNCTIONS = {"RANGE_SESSIONIZE"}
"""Table-valued functions without a dataset that are emulated; DuckDB's read files, run any SQL, and show its internals."""


def confine(folder: Path) -> None:
    """Forbid DuckDB, for the rest of this process, every file outside `folder`, every extension and every change of its settings.

    Load and extract jobs keep working: what they read and write lies in `folder`, and Python speaks to Cloud Storage for them.
    """
    for setting in (
        f"allowed_directories = [{literal(str(folder))}]",
        "enable_external_access = false",
        "autoinstall_known_extensions = false",
        "autoload_known_extensions = false",
        "allow_community_extensions = false",
        "python_enable_replacements = false",  # a table's name would stand for a variable of this process
        "lock_configuration = true",  # last: nothing can be set after it
    ):
        database.execute(f"SET GLOBAL {setting}")


def attach(project: str) -> None:
    """Open the catalogue of a project, or make it.

    Raises:
        BigQueryError: the id is none that a project can have, and might lead to another folder.
    """
    if not PROJECT.fullmatch(project):
        raise BigQueryError("invalid", f"Invalid project ID: {project}")
    original_attach(project)


def refuse_engine(tree: exp.Expression, context: Context) -> exp.Expression:
    """A rule of translation, before all others: refuse statements and table functions of DuckDB that BigQuery has not.

    Raises:
        BigQueryError: there is one.
    """
    if not isinstance(tree, STATEMENTS):
        word = tree.sql("bigquery").split()[0]
        raise BigQueryError("invalidQuery", f'Syntax error: Unexpected identifier "{word}" at [1:1]')
    known = TABLE_FUNCTIONS | {name.upper() for name in context.functions}
    for table in tree.find_all(exp.Table):
        function = table.this
        if isinstance(function, exp.Func) and not table.db and function.name.upper() not in known:
            name = function.name if isinstance(function, exp.Anonymous) else function.sql_name()
            raise BigQueryError("invalidQuery", f"Table-valued function not found: {name} at [{position(function)}]")
    return tree
