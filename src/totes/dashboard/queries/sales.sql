-- Sales by month, currency, place of delivery and, one at a time: member of staff, counterparty and
-- design. One pass over the orders, whatever is asked of them afterwards. They are grouped by what
-- PostgreSQL has statistics of: it would sort ten million rows otherwise.
with cell as (
    select
        day.year,
        day.month,
        sales.currency_id,
        sales.delivery_location_id,
        sales.staff_id,
        sales.counterparty_id,
        sales.design_id,
        count(*) as orders,
        sum(sales.units) as units,
        sum(sales.order_value)::numeric(36, 2) as value,
        sum(sales.order_value_gbp)::numeric(36, 2) as value_gbp,
        count(sales.order_value_gbp) as orders_gbp
    from sales
    join dim_date as day on day.date_id = sales.created_date
    group by
        day.year, day.month, sales.currency_id, sales.delivery_location_id,
        grouping sets ((sales.staff_id), (sales.counterparty_id), (sales.design_id))
)

select
    make_date(cell.year, cell.month, 1) as month,
    dim_currency.currency_code as currency,
    dim_location.country,
    case
        when cell.staff_id is not null then 'staff'
        when cell.counterparty_id is not null then 'counterparty'
        else 'design'
    end as kind,
    coalesce(cell.staff_id, cell.counterparty_id, cell.design_id)::text as id,
    coalesce(
        dim_staff.first_name || ' ' || dim_staff.last_name,
        dim_counterparty.counterparty_legal_name,
        dim_design.design_name
    ) as name,
    cell.orders,
    cell.units,
    cell.value,
    cell.value_gbp,
    cell.orders_gbp
from cell
join dim_currency on dim_currency.currency_id = cell.currency_id
join dim_location on dim_location.location_id = cell.delivery_location_id
left join dim_staff on dim_staff.staff_id = cell.staff_id
left join dim_counterparty on dim_counterparty.counterparty_id = cell.counterparty_id
left join dim_design on dim_design.design_id = cell.design_id
