-- How fresh the warehouse is: one row.
select
    newest.batch,
    state.true_at,
    (now() at time zone 'UTC') - state.true_at as freshness,
    newest.applied_at at time zone 'UTC' as loaded_at
from totes.state as state
left join (
    select
        batch,
        applied_at
    from totes.ledger
    order by batch desc
    limit 1
) as newest on true
