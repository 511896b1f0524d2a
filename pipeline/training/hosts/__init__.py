"""One fit on several hosts: Keras 3 on JAX, in processes beside TensorFlow's."""
