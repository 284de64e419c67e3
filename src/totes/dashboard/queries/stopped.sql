-- The source tables that were stopped, those first that are so now, or were last.
with stopped as (
    select
        stopped.*,
        stopped.last_batch = newest.batch as is_now,
        row_number() over (
            order by stopped.last_batch desc, stopped.first_batch desc, stopped.source
        ) as place
    from totes.stopped
    cross join (select max(batch) as batch from totes.ledger) as newest
)

select
    stopped.source,
    stopped.first_batch,
    began.taken_at as since,
    stopped.last_batch,
    stopped.is_now,
    stopped.message,
    stopped.hint
from stopped
join totes.ledger as began on began.batch = stopped.first_batch
where stopped.is_now or stopped.place <= %(most)s
order by stopped.place
