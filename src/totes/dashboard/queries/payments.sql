-- Payments by the month in which they are due, currency, direction, counterparty and how late they
-- are: `weeks` after the agreed date for those made (a negative number is before it; the ends hold
-- what is further away), `age` in steps of 30 days for those that are due (0 is not late).
with cell as (
    select
        date_trunc('month', due_date::timestamp)::date as month,
        currency_code,
        case
            when payment_type in ('SALES_RECEIPT', 'PURCHASE_REFUND') then 'in'
            else 'out'
        end as direction,
        counterparty_id,
        paid,
        case
            when paid then least(greatest(floor((last_updated::date - due_date) / 7.0), -9), 8)
        end::integer as weeks,
        case when not paid then least(ceil(days_overdue / 30.0), 4) end::integer as age,
        count(*) as payments,
        sum(payment_amount)::numeric(36, 2) as value,
        sum(payment_amount_gbp)::numeric(36, 2) as value_gbp,
        count(payment_amount_gbp) as payments_gbp
    from payments
    group by 1, 2, 3, 4, 5, 6, 7
)

select
    cell.month,
    cell.currency_code as currency,
    coalesce(dim_counterparty.counterparty_legal_country, 'unknown') as country,
    cell.direction,
    cell.counterparty_id::text as id,
    coalesce(dim_counterparty.counterparty_legal_name, 'unknown') as name,
    cell.paid,
    cell.weeks,
    cell.age,
    cell.payments as orders,
    cell.value,
    cell.value_gbp,
    cell.payments_gbp as orders_gbp
from cell
left join dim_counterparty on dim_counterparty.counterparty_id = cell.counterparty_id
