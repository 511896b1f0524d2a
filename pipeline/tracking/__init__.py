"""Records of runs for TensorBoard and MLflow."""
