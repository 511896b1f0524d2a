"""The augment stage: random changes of training examples, from a policy."""
