# Three questions for the processed lake, answered by DuckDB alone: no server, and no Totes.
# `make notebook` shows it in a browser, over the lake that `make demo` leaves in totes-demo; with
# `marimo edit docs/notebooks/questions.py` you may go on from there.

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Three questions for the lake")

with app.setup:
    import json
    from pathlib import Path

    import duckdb
    import marimo as mo


@app.cell(hide_code=True)
def _():
    mo.md("""
    # Three questions for the lake

    The processed lake is a folder of Parquet files, and of manifests that say what the files mean.
    DuckDB reads it as it is: nothing below asks a database, and nothing imports Totes.
    `docs/concepts/lake.md` has the layout.
    """)
    return


@app.cell
def _():
    folder = "totes-demo/processed"
    return (folder,)


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## What lies there

    A batch exists when its manifest does. So never read a table by `*.parquet`: ask the manifests,
    oldest first. Each names for a table its `changes`, the file that the batch added. The newest
    also names its `state`, the files in which the rows of now are found.
    """)
    return


@app.cell
def _(folder):
    found = sorted(Path(folder).glob("manifests/*/*/*.json"))
    manifests = [json.loads(path.read_text()) for path in found]
    mo.stop(
        not manifests,
        mo.md(f"There is no lake in `{folder}`. `make demo` makes one; or name another above."),
    )
    newest = manifests[-1]["tables"]
    true_at = manifests[-1]["snapshot"]["taken_at"]
    lake = duckdb.connect()
    return lake, manifests, newest, true_at


@app.cell(hide_code=True)
def _():
    mo.md("""
    Two views of each table. In its **history** is every version of every row. **Now** is the newest
    version of each key, unless that is a deletion: the row of the highest batch wins.
    """)
    return


@app.cell
def _(folder, lake, manifests, newest):
    def files(those):
        return [f"{folder}/{file['key']}" for file in those]

    tables = [name for name, table in newest.items() if table.get("state") and name != "quarantine"]
    for table in tables:
        changes = [f for m in manifests for f in m["tables"].get(table, {}).get("changes", [])]
        key = ", ".join(newest[table]["key"])
        lake.execute(f"""
            create or replace view {table}_history as
            select * from read_parquet({files(changes)});

            create or replace view {table} as
            select * exclude (batch, change) from read_parquet({files(newest[table]["state"])})
            qualify row_number() over (partition by {key} order by batch desc) = 1
                and change <> 'delete';
        """)

    def ask(query):
        answer = lake.sql(query)
        return [dict(zip(answer.columns, row, strict=True)) for row in answer.fetchall()]

    mo.md(f"{len(manifests)} batches of {len(tables)} tables.")
    return (ask,)


@app.cell(hide_code=True)
def _(true_at):
    mo.md(f"""
    ## 1. What did we sell, month by month?

    Each currency by itself: pounds and dollars have no sum. The lake is true of {true_at} UTC.
    """)
    return


@app.cell
def _(ask):
    sales = ask("""
        select
            strftime(created_date, '%Y-%m') as month,
            currency_code as currency,
            count(*) as orders,
            sum(units_sold)::bigint as bags,
            sum(units_sold * unit_price) as amount
        from fact_sales_order
        join dim_currency using (currency_id)
        group by all
        order by month desc, currency
    """)
    mo.ui.table(sales, selection=None)
    return (sales,)


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## 2. What is owed, and how much of it is overdue?

    Overdue is what should have been paid before the day that the lake is true of.
    """)
    return


@app.cell
def _(ask, true_at):
    owed = ask(f"""
        select
            payment_type_name as kind,
            currency_code as currency,
            count(*) as payments,
            sum(payment_amount)::decimal(18, 2) as amount,
            coalesce(
                sum(payment_amount) filter (payment_date < timestamp '{true_at}'::date), 0
            )::decimal(18, 2) as overdue
        from fact_payment
        join dim_currency using (currency_id)
        join dim_payment_type using (payment_type_id)
        where not paid
        group by all
        order by kind, currency
    """)
    mo.ui.table(owed, selection=None)
    return (owed,)


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## 3. What became of orders after they were placed?

    The source cannot say: it holds what is there now. The lake holds the first version of each
    order that was seen, and the last. A deletion repeats the last values, and counts for nothing.
    """)
    return


@app.cell
def _(ask):
    changed = ask("""
        with life as (
            select
                sales_order_id,
                arg_max(currency_id, batch) as currency_id,
                arg_min(units_sold * unit_price, batch) as before,
                arg_max(units_sold * unit_price, batch) as latest,
                arg_max(change, batch) as change
            from fact_sales_order_history
            group by sales_order_id
            having count(*) > 1
        )

        select
            currency_code as currency,
            count(*) filter (change <> 'delete') as corrected,
            count(*) filter (change = 'delete') as deleted,
            sum(before) as amount_before,
            coalesce(sum(latest) filter (change <> 'delete'), 0) as amount_after
        from life
        join dim_currency using (currency_id)
        group by all
        order by currency
    """)
    mo.ui.table(changed, selection=None)
    return (changed,)


@app.cell(hide_code=True)
def _():
    mo.md("""
    More questions: put a SELECT into `ask`. Each warehouse table of
    `docs/reference/data-dictionary.md` is a view here, and has a `_history`.
    """)
    return


if __name__ == "__main__":
    app.run()
