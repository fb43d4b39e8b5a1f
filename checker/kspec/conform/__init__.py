"""Real systems against the model."""
