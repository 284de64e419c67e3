"""What dlt does of the work: eleven tables to Parquet files, or to tables in PostgreSQL.

    python with_dlt.py lake|warehouse STATE_FOLDER

SOURCE and TARGET are in the environment, as there are passwords in them. Runs in dlt's own
environment and imports nothing of ours. As its documentation has it: the source `sql_database` over
Arrow, each table by a cursor on `last_updated`, merged by its primary key where the destination is
a database. A second call goes on from where the first one ended.
"""

from __future__ import annotations

import os
import sys

import dlt
from dlt.sources.sql_database import sql_database

TABLES = [
    "address",
    "counterparty",
    "currency",
    "department",
    "design",
    "payment",
    "payment_type",
    "purchase_order",
    "sales_order",
    "staff",
    "transaction",
]


def main(kind: str, state: str) -> None:
    """Extract, normalise and load, once."""
    is_lake = kind == "lake"
    dsn, target = os.environ["SOURCE"], os.environ["TARGET"]
    dsn = dsn.replace("postgresql:", "postgresql+psycopg2:", 1)
    source = sql_database(dsn, table_names=TABLES, backend="pyarrow", chunk_size=100_000)
    for name, resource in source.resources.items():
        resource.apply_hints(
            incremental=dlt.sources.incremental("last_updated"),
            primary_key=f"{name}_id",
            write_disposition="append" if is_lake else "merge",
        )
    to = dlt.destinations
    pipeline = dlt.pipeline(
        pipeline_name=kind,
        pipelines_dir=state,
        dataset_name="totesys",
        destination=to.filesystem(target) if is_lake else to.postgres(target),
    )
    loaded = pipeline.run(source, loader_file_format="parquet" if is_lake else "csv")
    loaded.raise_on_failed_jobs()


if __name__ == "__main__":
    main(*sys.argv[1:])
