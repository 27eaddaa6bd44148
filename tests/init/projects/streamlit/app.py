import streamlit as st

st.title("Sales")
st.write("nothing sold yet")
