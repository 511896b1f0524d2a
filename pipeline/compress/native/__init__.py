"""Fine-tuning of Keras 3 models for pruning, clustering and low bits, without tfmot."""
