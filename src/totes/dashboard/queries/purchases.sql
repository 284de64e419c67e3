-- Purchases by month, currency, supplier and one more thing, {kind}, whose id is {id}. To be asked for
-- each in turn, and grouped as sales.sql is, for the same reasons.
with cell as (
    select
        day.year,
        day.month,
        purchases.currency_id,
        purchases.counterparty_id,
        purchases.{id} as id,
        count(*) as orders,
        sum(purchases.units) as units,
        sum(purchases.order_value)::numeric(36, 2) as value,
        sum(purchases.order_value_gbp)::numeric(36, 2) as value_gbp,
        count(purchases.order_value_gbp) as orders_gbp
    from purchases
    join dim_date as day on day.date_id = purchases.created_date
    group by day.year, day.month, purchases.currency_id, purchases.counterparty_id, purchases.{id}
)

select
    make_date(cell.year, cell.month, 1) as month,
    dim_currency.currency_code as currency,
    dim_counterparty.counterparty_legal_country as country,
    {kind} as kind,
    cell.id::text as id,
    case {kind}
        when 'staff' then dim_staff.first_name || ' ' || dim_staff.last_name
        when 'counterparty' then dim_counterparty.counterparty_legal_name
        else cell.id::text
    end as name,
    cell.orders,
    cell.units,
    cell.value,
    cell.value_gbp,
    cell.orders_gbp
from cell
join dim_currency on dim_currency.currency_id = cell.currency_id
join dim_counterparty on dim_counterparty.counterparty_id = cell.counterparty_id
left join dim_staff on {kind} = 'staff' and dim_staff.staff_id::text = cell.id::text
