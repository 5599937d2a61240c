"""Optimizations. They change no response: without this folder, each one has the same bytes.

What each part does:

- Responses without ASGI, by uvicorn with `HttpProtocol`: `direct.py`, `direct_call.py`,
  `direct_read.py`, `row_reads.py`. If nothing is pending on its connection, a request goes from the
  socket to its handler. `head_cache.py` remembers headers that were parsed before.
  `plain_reads.py` finds the handlers that only read.
- Requests without FastAPI: `shortcut.py`, `shortcut_table.py`. A valid request that only one
  handler can match goes to that handler, with arguments that are validated as FastAPI does.
  `query_cache.py` remembers parsed query strings, `path_key.py` validates keys, and
  `request_ids.py` makes ids of requests.
- Rows as JSON: `json_objects.py`, `json_values.py`, `included_json.py`. The database writes rows as
  JSON, where it writes the same text as pydantic.
- Writes on SQLite: `group_commit.py`. Writes that arrive together share one fsync.
- Reads on PostgreSQL: `shared_reads.py`, `read_pipeline.py`, `read_times.py`. Short reads that wait
  together share connections and round trips.
- Other statements on PostgreSQL: `direct_statements.py`, `driver_queries.py`. A prepared statement
  is executed without a cursor of psycopg. `kept_connections.py` passes a connection on to the next
  request without psycopg's pool.
- The start: `lazy.py`, `garbage.py`. Routes and the OpenAPI document are built when they are first
  needed.

Why it is safe: each part handles only what it knows completely, and leaves everything else to the
ordinary code. An unknown header, a handler with other parameters, middleware that you add, a
dependency that you override, and every error go the ordinary way. A write is acknowledged after its
commit, and one that fails does not affect others. The tests of crudgen compare the bytes of
responses with and without this folder, for random requests and for random bytes.

How to turn it off:

- All of it: delete the folder.
- Responses without ASGI, and requests without FastAPI: set `SHORTCUT=false`.
- Responses without ASGI: delete `direct.py`. Other servers and protocols do not use it.
- Reads on PostgreSQL: set `DATABASE_SHARED_READS=false`, or delete `shared_reads.py`.
- Other statements on PostgreSQL: delete `direct_statements.py` and `kept_connections.py`.
- Rows as JSON: delete `json_objects.py` and `included_json.py`.
- Writes on SQLite: delete `group_commit.py`.
- The start, and requests without FastAPI: delete `lazy.py` and `shortcut_table.py`.

Modules that only deleted ones import are unused then, and can be deleted as well.
"""
