-- Every version of every purchase order, and from when to when it held (UTC).
-- It held from its last_updated on, if that lies between the snapshot that saw it and the one
-- before; otherwise from the snapshot that saw it. A deletion is a version: from then on, nothing.
with version as (
    select
        fact.*,
        case
            when updated.at > coalesce(before.taken_at, '-infinity') and updated.at <= seen.taken_at
                then updated.at
            else seen.taken_at
        end as valid_from
    from fact_purchase_order as fact
    cross join lateral (select fact.last_updated_date + fact.last_updated_time as at) as updated
    join totes.ledger as seen on seen.batch = fact.batch
    left join totes.ledger as before on before.batch = fact.batch - 1
)

select
    version.purchase_record_id,
    version.purchase_order_id,
    version.created_date,
    version.created_time,
    version.last_updated_date,
    version.last_updated_time,
    version.staff_id,
    version.counterparty_id,
    version.item_code,
    version.item_quantity,
    version.item_unit_price,
    version.currency_id,
    version.agreed_delivery_date,
    version.agreed_payment_date,
    version.agreed_delivery_location_id,
    version.batch,
    version.change,
    version.valid_from,
    lead(version.valid_from) over later as valid_to,
    lead(version.batch) over later is null and version.change <> 'delete' as is_current
from version
window later as (partition by version.purchase_order_id order by version.batch)
