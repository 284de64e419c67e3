-- The bank account numbers stay in the lake.
select
    payment_id,
    cast(created_at as date) as created_date,
    created_at as created_time, -- the contract makes it a time of day
    cast(last_updated as date) as last_updated_date,
    last_updated as last_updated_time,
    transaction_id,
    counterparty_id,
    payment_amount,
    currency_id,
    payment_type_id,
    paid,
    payment_date
from payment
