"""BigQuery's Storage Read API over gRPC: sessions, streams, and batches of Arrow.

https://cloud.google.com/bigquery/docs/reference/storage/rpc/google.cloud.bigquery.storage.v1. Messages are the library's
own protobuf types. A stream that breaks is read on from the row where it broke.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Any, Self

import grpc
import pyarrow as pa
from bigquery_refusals import Refused
from bigquery_store import Store
from google.cloud.bigquery_storage_v1 import types

__all__ = ["BigqueryStorageDouble"]

SERVICE = "google.cloud.bigquery.storage.v1.BigQueryRead"


class BigqueryStorageDouble:
    """The tables of a :class:`Store`, in streams. As a context manager it is up inside the block.

    Attributes:
        batch_rows: the rows of one message.
        most_streams: that a session is given, whatever it asks for.
        broken: how many streams break after their first message.
        refusals: codes that the next calls end with.
        sessions: the requests for sessions that came.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.batch_rows = 100
        self.most_streams = 3
        self.broken = 0
        self.refusals: list[grpc.StatusCode] = []
        self.sessions: list[types.CreateReadSessionRequest] = []
        self._streams: dict[str, pa.Table] = {}
        self._server = grpc.server(futures.ThreadPoolExecutor(8))
        calls = {
            "CreateReadSession": grpc.unary_unary_rpc_method_handler(
                self._refusing(self.create_session),
                types.CreateReadSessionRequest.deserialize,
                types.ReadSession.serialize,
            ),
            "ReadRows": grpc.unary_stream_rpc_method_handler(
                self.read_rows, types.ReadRowsRequest.deserialize, types.ReadRowsResponse.serialize
            ),
        }
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, calls),))
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(None).wait()

    def create_session(self, request: types.CreateReadSessionRequest, context: grpc.ServicerContext) -> Any:
        """As many streams as there are parts; a table without rows has none."""
        self.sessions.append(request)
        wanted = request.read_session
        if wanted.data_format != types.DataFormat.ARROW:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "the double writes Arrow alone")
        _, project, _, dataset, _, name = wanted.table.split("/")
        try:
            table = self.store.table((project, dataset, name))
        except Refused as refused:
            context.abort(grpc.StatusCode.NOT_FOUND, str(refused))
        names = list(wanted.read_options.selected_fields) or [one["name"] for one in table.fields]
        rows = _as_published(self.store.arrow(table, names), table.fields)
        count = min(request.max_stream_count or self.most_streams, self.most_streams, max(rows.num_rows, 1))
        step = -(-rows.num_rows // count)
        session = f"{request.parent}/locations/eu/sessions/s{len(self.sessions)}"
        streams = []
        for number in range(count if rows.num_rows else 0):
            stream = f"{session}/streams/{number}"
            self._streams[stream] = rows.slice(number * step, step)
            streams.append(types.ReadStream(name=stream))
        schema = types.ArrowSchema(serialized_schema=rows.schema.serialize().to_pybytes())
        return types.ReadSession(
            name=session, data_format=wanted.data_format, table=wanted.table, arrow_schema=schema, streams=streams
        )

    def read_rows(self, request: types.ReadRowsRequest, context: grpc.ServicerContext) -> Iterator[Any]:
        """From an offset on; the schema comes with the first message."""
        rows = self._streams.get(request.read_stream)
        if rows is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Not found: {request.read_stream}")
            return
        schema = types.ArrowSchema(serialized_schema=rows.schema.serialize().to_pybytes())
        for number, batch in enumerate(rows.slice(request.offset).combine_chunks().to_batches(self.batch_rows)):
            if number and self.broken > 0:
                self.broken -= 1
                context.abort(grpc.StatusCode.UNAVAILABLE, "the connection broke")
            message = types.ArrowRecordBatch(serialized_record_batch=batch.serialize().to_pybytes())
            yield types.ReadRowsResponse(
                arrow_record_batch=message, row_count=batch.num_rows, **({} if number else {"arrow_schema": schema})
            )

    def _refusing(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def called(request: Any, context: grpc.ServicerContext) -> Any:
            if self.refusals:
                context.abort(self.refusals.pop(0), "so says the script of faults")
            return call(request, context)

        return called


def _as_published(rows: pa.Table, fields: list[Any]) -> pa.Table:
    """The types of docs/reference/storage#arrow_schema_details."""
    kinds = {"NUMERIC": pa.decimal128(38, 9), "BIGNUMERIC": pa.decimal256(76, 38)}
    for number, column in enumerate(rows.schema):
        kind = next((kinds.get(one["type"]) for one in fields if one["name"] == column.name), None)
        if kind is not None:
            rows = rows.set_column(number, column.name, rows[column.name].cast(kind))
    return rows
