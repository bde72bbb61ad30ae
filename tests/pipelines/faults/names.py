"""What the model and the target are called that faults are done to."""

MODEL = "mortal"
TARGET = "staging"
