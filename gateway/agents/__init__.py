"""The ways to answer, and how the workers behind them are."""
