"""What people look at: pages over the warehouse, and nothing but it.

command.py      `totes dashboard`, thin
serving.py      which warehouse, and Streamlit as we want it
app.py          the script that Streamlit runs: the pages, and what they have in common
connection.py   read-only sessions
summaries.py    one aggregate a page and batch, held by DuckDB, that filters ask again
queries/*.sql   what the warehouse is asked
filters.py      what a page is narrowed to, and the address that says so
panels.py       a title, a chart, its numbers as CSV
charts.py       how charts look
page/           the pages
"""
