-- The newest version of every payment that has not been deleted.
select
    payment_record_id,
    payment_id,
    created_date,
    created_time,
    last_updated_date,
    last_updated_time,
    transaction_id,
    counterparty_id,
    payment_amount,
    currency_id,
    payment_type_id,
    paid,
    payment_date,
    batch,
    change
from (
    select distinct on (payment_id) *
    from fact_payment
    order by payment_id, batch desc
) as newest
where change <> 'delete'
