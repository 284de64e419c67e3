-- The newest version of every purchase order that has not been deleted.
select
    purchase_record_id,
    purchase_order_id,
    created_date,
    created_time,
    last_updated_date,
    last_updated_time,
    staff_id,
    counterparty_id,
    item_code,
    item_quantity,
    item_unit_price,
    currency_id,
    agreed_delivery_date,
    agreed_payment_date,
    agreed_delivery_location_id,
    batch,
    change
from fact_purchase_order as fact
where change <> 'delete'
    -- after a version that is live, the next one is an update or the deletion; they are numbered
    -- in the order of batches
    and not exists (
        select from fact_purchase_order as later
        where later.purchase_order_id = fact.purchase_order_id
            and later.purchase_record_id > fact.purchase_record_id
            and later.change <> 'insert'
    )
