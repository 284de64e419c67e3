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
from fact_sales_order as fact
where change <> 'delete'
    -- after a version that is live, the next one is an update or the deletion; they are numbered
    -- in the order of batches
    and not exists (
        select from fact_sales_order as later
        where later.sales_order_id = fact.sales_order_id
            and later.sales_record_id > fact.sales_record_id
            and later.change <> 'insert'
    )
