-- Sales orders as they are now, with the names and places that belong to them.
select
    sale.sales_order_id,
    sale.created_date,
    date_trunc('month', sale.created_date::timestamp)::date as month,
    sale.created_date + sale.created_time as created_at,
    sale.last_updated_date + sale.last_updated_time as last_updated,
    sale.sales_staff_id as staff_id,
    dim_staff.first_name || ' ' || dim_staff.last_name as staff_name,
    dim_staff.department_name as department,
    sale.counterparty_id,
    dim_counterparty.counterparty_legal_name as counterparty_name,
    dim_counterparty.counterparty_legal_country as counterparty_country,
    dim_location.city as delivery_city,
    dim_location.country as delivery_country,
    sale.design_id,
    dim_design.design_name,
    sale.units_sold as units,
    dim_currency.currency_code,
    sale.unit_price,
    sale.units_sold * sale.unit_price as order_value,
    case
        when dim_currency.currency_code = 'GBP' then sale.unit_price
        else round(sale.unit_price / rate.units_per_euro * pound.units_per_euro, 4)
    end as unit_price_gbp,
    case
        when dim_currency.currency_code = 'GBP' then sale.units_sold * sale.unit_price
        else round(
            sale.units_sold * sale.unit_price / rate.units_per_euro * pound.units_per_euro, 2
        )
    end as order_value_gbp,
    sale.agreed_delivery_date,
    sale.agreed_delivery_date - (now() at time zone 'UTC')::date as days_until_delivery,
    sale.agreed_payment_date,
    sale.agreed_payment_date - (now() at time zone 'UTC')::date as days_until_payment,
    coalesce(paid.amount_paid, 0) as amount_paid,
    coalesce(paid.amount_due, 0) as amount_due,
    coalesce(greatest((now() at time zone 'UTC')::date - paid.due_date, 0), 0) as days_overdue
from current_sales_order as sale
left join dim_staff on dim_staff.staff_id = sale.sales_staff_id
left join dim_counterparty on dim_counterparty.counterparty_id = sale.counterparty_id
left join dim_location on dim_location.location_id = sale.agreed_delivery_location_id
left join dim_design on dim_design.design_id = sale.design_id
left join dim_currency on dim_currency.currency_id = sale.currency_id
left join dim_exchange_rate as rate
    on rate.day = sale.created_date and rate.currency_code = dim_currency.currency_code
left join dim_exchange_rate as pound
    on pound.day = sale.created_date and pound.currency_code = 'GBP'
-- What there is to pay for an order, less refunds, in the order's own currency. (In a WITH it would
-- keep PostgreSQL from planning the view as a part of the query that asks.)
left join (
    select
        dim_transaction.sales_order_id,
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
                when dim_payment_type.payment_type_name = 'SALES_REFUND'
                    then -payment.payment_amount
                else payment.payment_amount
            end as amount
    ) as signed
    group by dim_transaction.sales_order_id, payment.currency_id
) as paid
    on paid.sales_order_id = sale.sales_order_id and paid.currency_id = sale.currency_id
