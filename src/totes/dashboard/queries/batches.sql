-- The newest batches, the newest first. Seconds are those from one stage's commit to the next, as the
-- clocks there tell them.
select
    ledger.batch,
    ledger.taken_at,
    loaded.at as loaded_at,
    extract(epoch from loaded.at - ledger.taken_at)::double precision as seconds,
    extract(epoch from ledger.archived_at - ledger.taken_at)::double precision as ingest,
    extract(epoch from ledger.processed_at - ledger.archived_at)::double precision as process,
    extract(epoch from loaded.at - ledger.processed_at)::double precision as load,
    ledger.rows,
    ledger.quarantined,
    ledger.whole
from totes.ledger
cross join lateral (select ledger.applied_at at time zone 'UTC' as at) as loaded
order by ledger.batch desc
limit %(most)s
