-- The versions of a purchase order, the newest first.
select
    history.batch,
    history.change,
    history.valid_from,
    history.valid_to,
    history.item_code as item,
    history.item_quantity as units,
    history.item_unit_price as unit_price,
    history.item_quantity * history.item_unit_price as value,
    dim_currency.currency_code as currency,
    dim_counterparty.counterparty_legal_name as counterparty,
    dim_staff.first_name || ' ' || dim_staff.last_name as staff,
    history.agreed_delivery_date,
    concat_ws(', ', dim_location.address_line_1, dim_location.city, dim_location.country)
        as delivery_to,
    history.agreed_payment_date,
    history.created_date + history.created_time as created_at,
    history.last_updated_date + history.last_updated_time as last_updated
from purchase_order_history as history
left join dim_currency on dim_currency.currency_id = history.currency_id
left join dim_counterparty on dim_counterparty.counterparty_id = history.counterparty_id
left join dim_staff on dim_staff.staff_id = history.staff_id
left join dim_location on dim_location.location_id = history.agreed_delivery_location_id
where history.purchase_order_id = %(number)s
order by history.batch desc
limit %(most)s
