-- The versions of a sales order, the newest first.
select
    history.batch,
    history.change,
    history.valid_from,
    history.valid_to,
    history.units_sold as units,
    history.unit_price,
    history.units_sold * history.unit_price as value,
    dim_currency.currency_code as currency,
    dim_design.design_name as design,
    dim_counterparty.counterparty_legal_name as counterparty,
    dim_staff.first_name || ' ' || dim_staff.last_name as staff,
    history.agreed_delivery_date,
    concat_ws(', ', dim_location.address_line_1, dim_location.city, dim_location.country)
        as delivery_to,
    history.agreed_payment_date,
    history.created_date + history.created_time as created_at,
    history.last_updated_date + history.last_updated_time as last_updated
from sales_order_history as history
left join dim_currency on dim_currency.currency_id = history.currency_id
left join dim_design on dim_design.design_id = history.design_id
left join dim_counterparty on dim_counterparty.counterparty_id = history.counterparty_id
left join dim_staff on dim_staff.staff_id = history.sales_staff_id
left join dim_location on dim_location.location_id = history.agreed_delivery_location_id
where history.sales_order_id = %(number)s
order by history.batch desc
limit %(most)s
