select payment_id, created_at::date, created_at::time, last_updated::date, last_updated::time,
    transaction_id, counterparty_id, payment_amount, currency_id, payment_type_id, paid,
    payment_date::date
from payment
