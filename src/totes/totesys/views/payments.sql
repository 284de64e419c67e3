-- Payments as they are now, made or due, with the order that each belongs to.
select
    payment.payment_id,
    payment.created_date,
    date_trunc('month', payment.created_date::timestamp)::date as month,
    payment.created_date + payment.created_time as created_at,
    payment.last_updated_date + payment.last_updated_time as last_updated,
    dim_payment_type.payment_type_name as payment_type,
    payment.transaction_id,
    dim_transaction.transaction_type,
    dim_transaction.sales_order_id,
    dim_transaction.purchase_order_id,
    payment.counterparty_id,
    dim_counterparty.counterparty_legal_name as counterparty_name,
    dim_counterparty.counterparty_legal_country as counterparty_country,
    dim_currency.currency_code,
    payment.payment_amount,
    case
        when dim_currency.currency_code = 'GBP' then payment.payment_amount
        else round(payment.payment_amount / rate.units_per_euro * pound.units_per_euro, 2)
    end as payment_amount_gbp,
    payment.paid,
    payment.payment_date as due_date,
    payment.payment_date - (now() at time zone 'UTC')::date as days_until_due,
    case
        when payment.paid then 0
        else greatest((now() at time zone 'UTC')::date - payment.payment_date, 0)
    end as days_overdue
from current_payment as payment
left join dim_payment_type on dim_payment_type.payment_type_id = payment.payment_type_id
left join dim_transaction on dim_transaction.transaction_id = payment.transaction_id
left join dim_counterparty on dim_counterparty.counterparty_id = payment.counterparty_id
left join dim_currency on dim_currency.currency_id = payment.currency_id
left join dim_exchange_rate as rate
    on rate.day = payment.created_date and rate.currency_code = dim_currency.currency_code
left join dim_exchange_rate as pound
    on pound.day = payment.created_date and pound.currency_code = 'GBP'
