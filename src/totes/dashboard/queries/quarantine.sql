-- What is in quarantine after the newest batch.
select
    model,
    rows,
    reasons
from totes.quarantine
order by model
