import streamlit as st
st.set_page_config(page_title="Totes", layout="wide")
def a():
    st.title("A")
    m=[f"2025-{i:02}" for i in range(1,13)]
    st.write("before", dict(st.query_params))
    with st.container(horizontal=True):
        st.selectbox("From", m, key="from", bind="query-params", width=150)
        st.selectbox("To", m, index=11, key="to", bind="query-params", width=150)
        st.selectbox("Country", ["All countries", "United Kingdom"], key="country", bind="query-params", width=220)
    st.write("after", dict(st.query_params))
    c=st.columns(2)
    for i in range(4):
        with c[i%2]:
            with st.container(border=True):
              st.subheader("Value by month")
              st.bar_chart([{"m":x,"v":1} for x in m],x="m",y="v")
def b():
    st.title("B")
    st.write("after", dict(st.query_params))
st.navigation([st.Page(a,title="Sales",url_path="sales",default=True),st.Page(b,title="B",url_path="b")],position="top").run()
