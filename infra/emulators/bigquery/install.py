"""Every place where local-bigquery 0.3.2 is patched, each with its reason. tests/infra/emulators/test_bigquery_*.py hold them.

Functions whose name begins with an underscore are private to local-bigquery; the version is pinned for their sake.
"""

import logging
import sys
from importlib import import_module

import duckdb
from google.cloud.bigquery_storage_v1 import types
from local_bigquery import errors
from local_bigquery.catalog import datasets, ddl, metadata, tabledata, tables
from local_bigquery.engine import database
from local_bigquery.grpc import read, server, write
from local_bigquery.jobs import extract, load, query, runner, store
from local_bigquery.sql import native, params
from local_bigquery.sql.rules import NODE_RULES, STATEMENT_RULES, datetime, strings
from local_bigquery.sql.rules import partitions as local_ingestion
from sqlglot import exp

from bigquery import confinement, failures, requests
from bigquery.jobs import copies, jobs, loads, queries, views, writes
from bigquery.jobs.objects import CloudStorage
from bigquery.sql import functions, ingestion, parameters, rules, trees
from bigquery.sql.guards import days
from bigquery.storage_read import reads
from bigquery.storage_write import other_streams, write_streams
from bigquery.tables import catalogue, gathering, information_schema, listing, resources, streaming, structure


def install(storage: CloudStorage) -> None:
    """Patch local-bigquery, once, before its first connection. `storage` is what gs:// means."""
    _patch_engine()
    _patch_catalogue()
    _patch_jobs(storage)
    _patch_reads()
    _patch_write_streams()
    _patch_errors()
    # A third of a query's time went into looking for parts of it.
    setattr(exp.Expression, "find_all", trees.find_all)  # noqa: B010 - mypy would not have a method assigned
    # Any statement and any table function of DuckDB can be called.
    STATEMENT_RULES.insert(0, confinement.refuse_engine)


class _WithoutPandas:
    """Says at once that there is no pandas. DuckDB asks at every statement, and each time the folders would be searched for it."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name=name)


def _patch_engine() -> None:
    sys.meta_path.insert(0, _WithoutPandas)
    # FARM_FINGERPRINT in Python makes 11,000 rows a second.
    del native.FUNCTIONS["_farm_fingerprint"]
    native.register = functions.register
    # %Z shows UTC+5:30 for UTC+0530.
    native.FUNCTIONS["_zone_name"] = (functions.zone_name, ["DOUBLE", "VARCHAR"], "VARCHAR")
    # Functions of geography ask for DuckDB's extension `spatial`, which would be downloaded.
    database.FUNCTIONS = [path for path in database.FUNCTIONS if path.stem != "geography"]
    # A project may have any name, such as `../x`.
    database.attach = confinement.attach


def _patch_catalogue() -> None:
    # Looking up what there is takes most of the time of a small job.
    database.objects, datasets.exists = structure.objects, structure.dataset_exists
    metadata.load, metadata.save, metadata.delete = resources.load, resources.save, resources.delete
    # A table is listed before its rows are there.
    metadata.list_ = resources.list_
    # numBytes is guessed from the number of columns, the etag stays the same when data is loaded, `$` is part of a name.
    for module in (tables, tabledata):
        module.load, module.name, module.columns = catalogue.load, catalogue.name, catalogue.columns
        module.create = queries.create
    # A table is measured only to learn that it is there.
    tabledata.load = catalogue.require
    tables.delete = catalogue.delete
    tabledata.list_rows = listing.list_rows
    # There is no streaming buffer.
    tabledata.insert_all = streaming.insert_all
    # Partitions are not laid out in files of their own.
    tables.record = catalogue.record
    # Rows of another partition are accepted, WRITE_TRUNCATE drops the whole table, columns of another type are cast.
    tables.write, tables.evolve = writes.write, writes.evolve
    # PARTITIONS has neither bytes nor change times, and looks at every table of the dataset.
    STATEMENT_RULES.insert(0, information_schema.partitions)


def _patch_jobs(storage: CloudStorage) -> None:
    # What BigQuery refuses is run, by rules of names and types that are not BigQuery's.
    query.execute = queries.execute
    # The text of a view is the one on its way to DuckDB.
    ddl._definition = views.definition
    # Dry runs say 0 bytes, maximum_bytes_billed is ignored.
    query._run, query.translate = queries.run, queries.translate
    # A query with parameters runs twice.
    params.bind = parameters.bind
    # Partitions by ingestion time work for tables made by SQL only, and cost every query a look at all columns there are.
    STATEMENT_RULES[STATEMENT_RULES.index(local_ingestion.ingestion_time)] = ingestion.hide_ingestion_time
    # Types decide what TO_JSON_STRING, MIN and LEAST give; SUBSTR counts otherwise; CAST AS STRING shows otherwise.
    STATEMENT_RULES[:0] = rules.TYPED
    # Escapes of texts are read twice: r'\x41' becomes A.
    NODE_RULES.remove(strings.string_escapes)
    # `SELECT * EXCEPT (…)` of a wildcard table shows _TABLE_SUFFIX.
    STATEMENT_RULES.insert(0, rules.leave_out_suffixes)
    # Of a time that a zone has twice, the second one is taken.
    datetime.from_local = days.first_moment
    # '\\0' ends the query.
    STATEMENT_RULES.insert(0, rules.write_null_characters)
    # The fields of STRUCT(a, b) have no names.
    STATEMENT_RULES.insert(0, rules.name_struct_fields)
    # Text is loaded by guessed types; copies forget the partitioning; snapshots know no source time and no expiration.
    runner.HANDLERS |= {"load": loads.run, "copy": copies.run}
    # Objects are asked for without an access token, by an extension of DuckDB that does without one.
    load.paths, extract.written = storage.paths, storage.written
    # A checksum of 70,000 rows in 500 partitions takes a second, of which half goes into 500 calls.
    STATEMENT_RULES.append(gathering.gather_rows)
    # Three writes a job, each flushed to the disk.
    store.save, store.load, store.list_, store.delete = jobs.save, jobs.load, jobs.list_, jobs.delete


def _patch_reads() -> None:
    # snapshot_time is ignored, a session sees later writes, and a message holds a million rows.
    read._query = reads.query
    read.STREAM_ROWS = reads.MESSAGE_ROWS
    service = server.SERVICES["google.cloud.bigquery.storage.v1.BigQueryRead"]
    service["CreateReadSession"] = server._unary(reads.create_session, types.CreateReadSessionRequest, types.ReadSession)
    service["ReadRows"] = server._streaming(reads.read_rows, types.ReadRowsRequest, types.ReadRowsResponse)
    # A fraction that is no number is an internal error.
    split = types.SplitReadStreamRequest, types.SplitReadStreamResponse
    service["SplitReadStream"] = server._unary(reads.split_stream, *split)


def _patch_write_streams() -> None:
    # Rows and the length of a stream are written one after the other, and the length is forgotten with the process.
    write._stream = write_streams.stream
    service = server.SERVICES["google.cloud.bigquery.storage.v1.BigQueryWrite"]
    service["CreateWriteStream"] = server._unary(write_streams.create, types.CreateWriteStreamRequest, types.WriteStream)
    finalize = types.FinalizeWriteStreamRequest, types.FinalizeWriteStreamResponse
    service["FinalizeWriteStream"] = server._unary(write_streams.finalize, *finalize)
    append = types.AppendRowsRequest, types.AppendRowsResponse
    service["AppendRows"] = server._streaming(write_streams.append, *append, bidirectional=True)
    # Streams may be committed while rows are appended to them.
    commit = types.BatchCommitWriteStreamsRequest, types.BatchCommitWriteStreamsResponse
    service["BatchCommitWriteStreams"] = server._unary(other_streams.commit, *commit)


def _patch_errors() -> None:
    # A full disk is told as an invalid query or as an internal error, which clients try again.
    errors.STATUSES |= failures.STATUSES
    application = import_module("local_bigquery.app")  # `local_bigquery.app` itself is the FastAPI application in it
    for module in (errors, application, runner, server):
        setattr(module, "from_exception", failures.from_exception)  # noqa: B010 - a plain assignment has no type
    # Without a handler of their own, these are answered but break the connection, and fill the log.
    for error in (duckdb.Error, OSError):
        application.app.add_exception_handler(error, application.handle_error)
    # A body that is not packed as it says, or a page token of nobody, ends in a traceback.
    application.GzipRequests.__call__ = requests.unpack
    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns of each PARTITION BY, which DuckDB's SQL has not
