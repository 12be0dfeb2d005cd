"""Searching the four numbers of churn (EDM, Table 5) with a given number of evaluations."""
