"""What a page is narrowed to. The address says so too: pasted elsewhere it shows the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import streamlit as st

from totes.dashboard import figures
from totes.dashboard.summaries import Summary

EVERYWHERE = "All countries"
ALL_IN_POUNDS = "All, in GBP"
KNOWN = {"from", "to", "currency", "country", "show", "direction", "kind", "number"}


@dataclass(frozen=True)
class Slice:
    """Part of a summary. `currency` is None for all of them, at their worth in pounds."""

    first: date
    last: date
    currency: str | None
    country: str | None

    @property
    def unit(self) -> str:
        """The currency of the values."""
        return self.currency or "GBP"

    @property
    def value(self) -> str:
        """The column with the values."""
        return "value" if self.currency else "value_gbp"

    @property
    def condition(self) -> str:
        """SQL for the rows of `cell` in it, with `values`."""
        return """
            month between $first and $last
            and ($currency is null or currency = $currency)
            and ($country is null or country = $country)
        """

    @property
    def values(self) -> dict[str, date | str | None]:
        return {
            "first": self.first,
            "last": self.last,
            "currency": self.currency,
            "country": self.country,
        }


def choice(label: str, key: str, options: Sequence[str], *, width: int) -> str:
    """Let one of the options be chosen, at first the first one; any other is in the address.

    What was chosen on another page holds here too, unless the address says otherwise.
    """
    kept: dict[str, tuple[str, str]] = st.session_state.setdefault("kept", {})
    here = str(st.session_state["here"])
    there, value = kept.get(key, (here, ""))
    asked = st.query_params.get(key)
    if asked is not None and asked not in options:
        left_out(f"{key}={asked}")
    elif asked is None and there != here and value in options:
        st.session_state[key] = value
    chosen = str(st.selectbox(label, options, key=key, bind="query-params", width=width))
    kept[key] = here, chosen
    return chosen


def left_out(part: str) -> None:
    """Say that a part of the address means nothing here."""
    shown = part if len(part) <= 60 else part[:60] + "…"
    st.session_state.setdefault("left out", []).append(shown)


def say_what_was_left_out() -> None:
    """Show, below the filters, what of the address was ignored."""
    unknown = [f"{name}={st.query_params[name]}" for name in st.query_params if name not in KNOWN]
    for part in unknown:
        left_out(part)
        del st.query_params[part.partition("=")[0]]
    found = st.session_state.pop("left out", [])
    if found:
        parts = figures.plain(", ".join(found))
        st.info(
            f"Left out of the address, as there is no such thing here: {parts}",
            icon=":material/info:",
        )


def chosen(summary: Summary, countries: str) -> Slice:
    """Draw the filters that pages have in common, and say what they leave."""
    currencies = _currencies(summary)
    currency = choice("Currency", "currency", currencies, width=140)
    months = [row["month"] for row in summary.ask("select distinct month from cell order by all")]
    names = [f"{month:%Y-%m}" for month in months]
    first = choice("From", "from", names, width=130)
    last = choice("To", "to", names[::-1], width=130)
    found = summary.ask("select distinct country from cell order by all")
    places = [EVERYWHERE, *(row["country"] for row in found)]
    country = choice(countries, "country", places, width=210)
    days = sorted(months[names.index(name)] for name in (first, last))
    return Slice(
        days[0],
        days[1],
        None if currency == ALL_IN_POUNDS else currency,
        None if country == EVERYWHERE else country,
    )


def _currencies(summary: Summary) -> list[str]:
    """The currencies, the most used first; and all at once, where there are exchange rates."""
    query = """
        select currency, currency <> 'GBP' and sum(orders_gbp) > 0 as has_rates
        from cell group by currency order by sum(orders) desc, currency
    """
    found = summary.ask(query)
    names = [row["currency"] for row in found]
    return [*names, ALL_IN_POUNDS] if any(row["has_rates"] for row in found) else names
