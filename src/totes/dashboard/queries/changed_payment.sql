-- The payments that changed last. Only the newest versions are looked at: record ids are in the order of
-- batches, so that this costs the same however many there are.
select
    newest.payment_id as number,
    newest.change,
    newest.batch,
    dim_counterparty.counterparty_legal_name as counterparty
from (
    select
        payment_record_id as record_id,
        payment_id,
        change,
        batch,
        counterparty_id
    from fact_payment
    order by payment_record_id desc
    limit 100000
) as newest
left join dim_counterparty on dim_counterparty.counterparty_id = newest.counterparty_id
where newest.change <> 'insert'
order by newest.record_id desc
limit %(most)s
