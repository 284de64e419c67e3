-- The source tables that were stopped, those first that are so now or were last.
select
    stopped.source,
    stopped.first_batch,
    began.taken_at as since,
    stopped.last_batch,
    stopped.last_batch = newest.batch as is_now,
    stopped.message,
    stopped.hint
from totes.stopped
join totes.ledger as began on began.batch = stopped.first_batch
cross join (select max(batch) as batch from totes.ledger) as newest
order by stopped.last_batch desc, stopped.first_batch desc, stopped.source
limit %(most)s
