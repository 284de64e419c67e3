"""The three stages as AWS Lambda functions: `totes.aws.ingest.handler`, `.process.` and `.load.`

Each handler takes all that is pending, in order, and can be called at any time, also while another
call is at work: what it finds done is done. It returns a small JSON report, which the next one may
be given. Errors come out as the classes of `totes.errors`: those of `TransientError` are worth a
retry, the others need a person. A time limit that nears ends the work at a safe point: what is
committed is kept, the rest is left to the next call.

Environment: `TOTES_INGESTION`, `TOTES_PROCESSED`, `TOTES_DELETION_LIMIT` as everywhere, and
`TOTES_SOURCE_SECRET` (ingest) or `TOTES_WAREHOUSE_SECRET` (load) instead of connection strings.
`POWERTOOLS_SERVICE_NAME` and `POWERTOOLS_METRICS_NAMESPACE` name logs and metrics.
`POWERTOOLS_LOG_LEVEL=DEBUG` logs every step.
"""
