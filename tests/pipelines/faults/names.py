"""What the model and the target are called that faults are done to, and a customer whom the model knows."""

MODEL = "mortal"
TARGET = "staging"
CUSTOMER = {
    **dict.fromkeys(("days_since_purchase", "days_since_first", "purchases_30_days", "purchases_90_days", "cds"), 1),
    **dict.fromkeys(("spend", "spend_90_days", "largest_purchase", "mean_purchase"), 9.5),
    "purchases": 2,
    "segment": "occasional",
    "recency_band": "0-30 days",
}
