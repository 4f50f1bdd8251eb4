"""Characters for property tests."""

from typing import Final

import hypothesis.strategies as st

CHARACTERS: Final = st.characters(exclude_categories=["Cs"])
"""All but surrogates: those of `st.text()`, which tries each with the codec of UTF-8 to find that
out. Where that is not yet kept in `.hypothesis`, it takes each test process 3 s.
"""
