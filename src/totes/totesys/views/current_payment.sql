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
from fact_payment as fact
where change <> 'delete'
    -- after a version that is live, the next one is an update or the deletion; they are numbered
    -- in the order of batches
    and not exists (
        select from fact_payment as later
        where later.payment_id = fact.payment_id
            and later.payment_record_id > fact.payment_record_id
            and later.change <> 'insert'
    )
