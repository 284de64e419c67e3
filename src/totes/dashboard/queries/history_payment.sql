-- The versions of a payment, the newest first.
select
    history.batch,
    history.change,
    history.valid_from,
    history.valid_to,
    history.paid,
    history.payment_amount as amount,
    dim_currency.currency_code as currency,
    history.payment_date as agreed_date,
    dim_payment_type.payment_type_name as type,
    dim_counterparty.counterparty_legal_name as counterparty,
    dim_transaction.sales_order_id as sales_order,
    dim_transaction.purchase_order_id as purchase_order,
    history.created_date + history.created_time as created_at,
    history.last_updated_date + history.last_updated_time as last_updated
from payment_history as history
left join dim_currency on dim_currency.currency_id = history.currency_id
left join dim_payment_type on dim_payment_type.payment_type_id = history.payment_type_id
left join dim_counterparty on dim_counterparty.counterparty_id = history.counterparty_id
left join dim_transaction on dim_transaction.transaction_id = history.transaction_id
where history.payment_id = %(number)s
order by history.batch desc
limit %(most)s
