-- Payments by the month in which they are due, currency, type, counterparty and how late they are:
-- `weeks` begun after the agreed date for those made (0 or less is in time; the ends hold what is
-- further away), `age` in begun steps of 30 days for those that are due (0 is not late).
with cell as (
    select
        day.year,
        day.month,
        payments.currency_id,
        payments.payment_type_id,
        payments.counterparty_id,
        late.steps,
        count(*) as payments,
        sum(payments.payment_amount)::numeric(36, 2) as value,
        sum(payments.payment_amount_gbp)::numeric(36, 2) as value_gbp,
        count(payments.payment_amount_gbp) as payments_gbp
    from payments
    join dim_date as day on day.date_id = payments.due_date
    -- weeks, and from 10 on steps of 30 days: from a list PostgreSQL knows how few groups there are,
    -- and adds up as it reads; it would sort ten million rows otherwise
    join (
        values
            (-8), (-7), (-6), (-5), (-4), (-3), (-2), (-1),
            (0), (1), (2), (3), (4), (5), (6), (7), (8),
            (10), (11), (12), (13), (14)
    ) as late (steps)
        on late.steps = case
            when payments.paid
                then least(
                    greatest(ceil((payments.last_updated::date - payments.due_date) / 7.0), -8), 8
                )
            else 10 + least(ceil(payments.days_overdue / 30.0), 4)
        end::integer
    group by 1, 2, 3, 4, 5, 6
)

select
    make_date(cell.year, cell.month, 1) as month,
    dim_currency.currency_code as currency,
    dim_counterparty.counterparty_legal_country as country,
    case
        when dim_payment_type.payment_type_name in ('SALES_RECEIPT', 'PURCHASE_REFUND') then 'in'
        else 'out'
    end as kind,
    cell.counterparty_id::text as id,
    dim_counterparty.counterparty_legal_name as name,
    cell.steps < 10 as paid,
    case when cell.steps < 10 then cell.steps end as weeks,
    case when cell.steps >= 10 then cell.steps - 10 end as age,
    cell.payments as orders,
    cell.value,
    cell.value_gbp,
    cell.payments_gbp as orders_gbp
from cell
join dim_currency on dim_currency.currency_id = cell.currency_id
join dim_payment_type on dim_payment_type.payment_type_id = cell.payment_type_id
join dim_counterparty on dim_counterparty.counterparty_id = cell.counterparty_id
