-- What the warehouse holds just now: whatever is answered of it holds until one of these changes.
select
    fresh.batch,
    fresh.true_at,
    fresh.loaded_at,
    (now() at time zone 'UTC')::date as today,
    fresh.freshness as behind,
    (select count(*) from dim_exchange_rate) as rates
from data_freshness as fresh
