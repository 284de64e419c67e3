-- Sales by month, currency, place of delivery and one more thing, {kind}, whose id is {id}. To be asked
-- for each in turn: PostgreSQL has all its workers for one grouping, and none for several at once.
-- Orders are grouped by what it has statistics of: it would sort ten million rows otherwise.
with cell as (
    select
        day.year,
        day.month,
        sales.currency_id,
        sales.delivery_location_id,
        sales.{id} as id,
        count(*) as orders,
        sum(sales.units) as units,
        sum(sales.order_value)::numeric(36, 2) as value,
        sum(sales.order_value_gbp)::numeric(36, 2) as value_gbp,
        count(sales.order_value_gbp) as orders_gbp
    from sales
    join dim_date as day on day.date_id = sales.created_date
    group by day.year, day.month, sales.currency_id, sales.delivery_location_id, sales.{id}
)

select
    make_date(cell.year, cell.month, 1) as month,
    dim_currency.currency_code as currency,
    dim_location.country,
    {kind} as kind,
    cell.id::text as id,
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
left join dim_staff on {kind} = 'staff' and dim_staff.staff_id = cell.id
left join dim_counterparty
    on {kind} = 'counterparty' and dim_counterparty.counterparty_id = cell.id
left join dim_design on {kind} = 'design' and dim_design.design_id = cell.id
