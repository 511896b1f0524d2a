"""The train stage that imports a trained model."""
