"""C code that picks the likeliest token, for tasks with logits of tokens per step."""

from __future__ import annotations

DEFINE = """\
int model_data_next(const model_data_output* output, int step) {
  const model_data_output* logits = output + step * MODEL_DATA_TOKENS;
  int best = 2;
  for (int k = 3; k < MODEL_DATA_TOKENS; ++k) {
    if (logits[k] > logits[best]) best = k;
  }
  return best;
}
"""
USE = """\
    for (int step = 0; step < MODEL_DATA_STEPS; ++step) {
      printf("%d\\n", model_data_next(output, step));
    }"""
