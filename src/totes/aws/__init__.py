"""The three stages as AWS Lambda functions: `totes.aws.ingest.handler`, and so on.

Each handler takes all that is pending, in order, and can be called at any time, also while another
call is at work: what it finds done is done. It returns a small JSON report. Of an execution that
keeps them under `ingest` and `process`, load is given both, and so notes how fresh the warehouse
is. Ingest takes `{"confirm_deletions": ["TABLE"]}`, once it is right that so many rows are gone.

Errors come out as the classes of `totes.errors`: those of `TransientError` are worth a retry, the
others need a person. A time limit that nears ends the work at a safe point: what is committed is
kept, the rest is left to the next call.

Environment: `TOTES_INGESTION`, `TOTES_PROCESSED`, `TOTES_DELETION_LIMIT` and `TOTES_MEMORY` as
everywhere, and `TOTES_SOURCE_SECRET` (ingest) or `TOTES_WAREHOUSE_SECRET` (load) instead of
connection strings. A function needs some 150 MB besides `TOTES_MEMORY`.
`POWERTOOLS_SERVICE_NAME` and `POWERTOOLS_METRICS_NAMESPACE` name logs and metrics;
`POWERTOOLS_LOG_LEVEL=DEBUG` logs every step.

Metrics of each: `RowsChanged`, `Batches`, `DurationSeconds`; of ingest `ContractsBroken`, the
tables that were stopped; of process `QuarantinedRows`, how many there are; of load `LagSeconds`,
since the source time that the warehouse is known to be true of.
"""
