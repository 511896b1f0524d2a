"""The .tflite file itself: inspecting, checking, stripping, int4 and C source."""
