-- The newest version of every sales order that has not been deleted.
select
    sales_record_id,
    sales_order_id,
    created_date,
    created_time,
    last_updated_date,
    last_updated_time,
    sales_staff_id,
    counterparty_id,
    units_sold,
    unit_price,
    currency_id,
    design_id,
    agreed_payment_date,
    agreed_delivery_date,
    agreed_delivery_location_id,
    batch,
    change
from (
    select distinct on (sales_order_id) *
    from fact_sales_order
    order by sales_order_id, batch desc
) as newest
where change <> 'delete'
