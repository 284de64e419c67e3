-- The newest batches, the newest first.
select
    batch,
    taken_at,
    applied_at at time zone 'UTC' as loaded_at,
    extract(epoch from (applied_at at time zone 'UTC') - taken_at)::double precision as seconds,
    extract(epoch from processed_at - taken_at)::double precision as seconds_to_lake,
    rows,
    quarantined,
    whole
from totes.ledger
order by batch desc
limit %(most)s
