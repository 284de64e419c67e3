"""The script that Streamlit runs, anew for each look at a page."""

import streamlit as st

from totes.dashboard.filters import left_out
from totes.dashboard.frame import guarded
from totes.dashboard.pages import PAGES


def main() -> None:
    """Show the page that the address names, as `…/payments` or as `…/?page=payments`."""
    st.set_page_config(page_title="Totes", page_icon="👜", layout="wide")
    pages = {
        page.__name__: st.Page(
            guarded(page), title=title, icon=icon, url_path=page.__name__, default=not place
        )
        for place, (page, title, icon) in enumerate(PAGES)
    }
    shown = st.navigation(list(pages.values()), position="top")
    if "page" in st.query_params:
        name = st.query_params.pop("page")
        if name in pages:
            st.switch_page(pages[name], query_params=st.query_params.to_dict())
        left_out(f"page={name}")
    st.session_state["here"] = shown.title
    shown.run()


main()
