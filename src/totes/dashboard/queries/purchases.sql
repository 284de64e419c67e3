-- Purchases by month, currency, supplier and, one at a time: member of staff, item, and neither. One
-- pass over the orders, whatever is asked of them afterwards; grouped as sales.sql is, and for the
-- same reason.
with cell as (
    select
        day.year,
        day.month,
        purchases.currency_id,
        purchases.counterparty_id,
        purchases.staff_id,
        purchases.item_code,
        count(*) as orders,
        sum(purchases.units) as units,
        sum(purchases.order_value)::numeric(36, 2) as value,
        sum(purchases.order_value_gbp)::numeric(36, 2) as value_gbp,
        count(purchases.order_value_gbp) as orders_gbp
    from purchases
    join dim_date as day on day.date_id = purchases.created_date
    group by
        day.year, day.month, purchases.currency_id, purchases.counterparty_id,
        grouping sets ((purchases.staff_id), (purchases.item_code), ())
)

select
    make_date(cell.year, cell.month, 1) as month,
    dim_currency.currency_code as currency,
    dim_counterparty.counterparty_legal_country as country,
    case
        when cell.staff_id is not null then 'staff'
        when cell.item_code is not null then 'item'
        else 'counterparty'
    end as kind,
    coalesce(cell.staff_id::text, cell.item_code, cell.counterparty_id::text) as id,
    coalesce(
        dim_staff.first_name || ' ' || dim_staff.last_name,
        cell.item_code,
        dim_counterparty.counterparty_legal_name
    ) as name,
    cell.orders,
    cell.units,
    cell.value,
    cell.value_gbp,
    cell.orders_gbp
from cell
join dim_currency on dim_currency.currency_id = cell.currency_id
join dim_counterparty on dim_counterparty.counterparty_id = cell.counterparty_id
left join dim_staff on dim_staff.staff_id = cell.staff_id
