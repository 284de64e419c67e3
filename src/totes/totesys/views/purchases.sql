-- Purchase orders as they are now, with the names and places that belong to them.
select
    purchase.purchase_order_id,
    purchase.created_date,
    date_trunc('month', purchase.created_date::timestamp)::date as month,
    purchase.created_date + purchase.created_time as created_at,
    purchase.last_updated_date + purchase.last_updated_time as last_updated,
    purchase.staff_id,
    dim_staff.first_name || ' ' || dim_staff.last_name as staff_name,
    dim_staff.department_name as department,
    purchase.counterparty_id,
    dim_counterparty.counterparty_legal_name as counterparty_name,
    dim_counterparty.counterparty_legal_country as counterparty_country,
    dim_location.city as delivery_city,
    dim_location.country as delivery_country,
    purchase.item_code,
    purchase.item_quantity as units,
    dim_currency.currency_code,
    purchase.item_unit_price as unit_price,
    purchase.item_quantity * purchase.item_unit_price as order_value,
    case
        when dim_currency.currency_code = 'GBP' then purchase.item_unit_price
        else round(purchase.item_unit_price / rate.units_per_euro * pound.units_per_euro, 4)
    end as unit_price_gbp,
    case
        when dim_currency.currency_code = 'GBP' then purchase.item_quantity * purchase.item_unit_price
        else round(
            purchase.item_quantity * purchase.item_unit_price / rate.units_per_euro * pound.units_per_euro, 2
        )
    end as order_value_gbp,
    purchase.agreed_delivery_date,
    purchase.agreed_delivery_date - (now() at time zone 'UTC')::date as days_until_delivery,
    purchase.agreed_payment_date,
    purchase.agreed_payment_date - (now() at time zone 'UTC')::date as days_until_payment,
    coalesce(paid.amount_paid, 0) as amount_paid,
    coalesce(paid.amount_due, 0) as amount_due,
    coalesce(greatest((now() at time zone 'UTC')::date - paid.due_date, 0), 0) as days_overdue
from current_purchase_order as purchase
left join dim_staff on dim_staff.staff_id = purchase.staff_id
left join dim_counterparty on dim_counterparty.counterparty_id = purchase.counterparty_id
left join dim_location on dim_location.location_id = purchase.agreed_delivery_location_id
left join dim_currency on dim_currency.currency_id = purchase.currency_id
left join dim_exchange_rate as rate
    on rate.day = purchase.created_date and rate.currency_code = dim_currency.currency_code
left join dim_exchange_rate as pound
    on pound.day = purchase.created_date and pound.currency_code = 'GBP'
-- What there is to pay for an order, less refunds, in the order's own currency. (In a WITH it would
-- keep PostgreSQL from planning the view as a part of the query that asks.)
left join (
    select
        dim_transaction.purchase_order_id,
        payment.currency_id,
        sum(signed.amount) filter (where payment.paid) as amount_paid,
        sum(signed.amount) filter (where not payment.paid) as amount_due,
        min(payment.payment_date) filter (where not payment.paid) as due_date
    from current_payment as payment
    join dim_transaction on dim_transaction.transaction_id = payment.transaction_id
    join dim_payment_type on dim_payment_type.payment_type_id = payment.payment_type_id
    cross join lateral (
        select
            case
                when dim_payment_type.payment_type_name = 'PURCHASE_REFUND'
                    then -payment.payment_amount
                else payment.payment_amount
            end as amount
    ) as signed
    group by dim_transaction.purchase_order_id, payment.currency_id
) as paid
    on paid.purchase_order_id = purchase.purchase_order_id and paid.currency_id = purchase.currency_id
