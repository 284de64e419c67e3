-- Purchases by month, currency, country of the supplier and, one at a time: member of staff,
-- counterparty and item. One pass over the orders, whatever is asked of them afterwards.
with cell as (
    select
        date_trunc('month', created_date::timestamp)::date as month,
        currency_code,
        counterparty_country,
        staff_id,
        counterparty_id,
        item_code,
        count(*) as orders,
        sum(units) as units,
        sum(order_value)::numeric(36, 2) as value,
        sum(order_value_gbp)::numeric(36, 2) as value_gbp,
        count(order_value_gbp) as orders_gbp
    from purchases
    group by
        1, 2, 3,
        grouping sets ((staff_id), (counterparty_id), (item_code))
)

select
    cell.month,
    cell.currency_code as currency,
    coalesce(cell.counterparty_country, 'unknown') as country,
    case
        when cell.staff_id is not null then 'staff'
        when cell.counterparty_id is not null then 'counterparty'
        else 'item'
    end as kind,
    coalesce(cell.staff_id::text, cell.counterparty_id::text, cell.item_code) as id,
    coalesce(
        dim_staff.first_name || ' ' || dim_staff.last_name,
        dim_counterparty.counterparty_legal_name,
        cell.item_code,
        'unknown'
    ) as name,
    cell.orders,
    cell.units,
    cell.value,
    cell.value_gbp,
    cell.orders_gbp
from cell
left join dim_staff on dim_staff.staff_id = cell.staff_id
left join dim_counterparty on dim_counterparty.counterparty_id = cell.counterparty_id
