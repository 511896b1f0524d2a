"""Trace a model of PyTorch to an .onnx file, in a process with a Python of its own.

`torch_model` names a model and needs no PyTorch, `tracing` starts the process, and
`exporter` is the script that runs in it.
"""
