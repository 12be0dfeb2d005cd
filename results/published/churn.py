"""Published settings of churn."""

from importlib import resources

import pandas as pd


def settings() -> pd.DataFrame:
    """The best settings of churn that EDM's Table 5 prints, one row per checkpoint.

    Columns: source, figure_or_table, dataset, model, checkpoint (the model's name here), S_churn,
    S_min and S_max (the paper's S_tmin and S_tmax), S_noise, notes.
    """
    with resources.files(__package__).joinpath("churn.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file)
