"""What a model file holds, found without TensorFlow and without data."""
